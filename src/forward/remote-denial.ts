/** Why a host refused to listen. The refusal itself carries no reason (RFC 4254 §4), so what can be tried is tried. */
import { formatAddress, tcp, type Address, type TcpAddress, type UnixAddress } from '../core/address.ts';
import { FailureError, isFailureError, type Failure } from '../core/failure.ts';
import type { Connection } from '../ssh/connection.ts';
import { quote } from './shell-quote.ts';
import { closeStream } from './reset-stream.ts';

const LIMIT_MS = 5_000;

export interface DeniedOn {
  readonly connection: Connection;
  /** The host's name, for what is said. */
  readonly host: string;
}

/** A better failure for `remote-forward-denied`; anything else passes. */
export async function explainDenial(error: unknown, address: Address, on: DeniedOn): Promise<unknown> {
  if (!isFailureError(error) || error.failure.code !== 'remote-forward-denied') return error;
  return address.kind === 'unix' ? socketDenied(error.failure, address, on) : portDenied(error.failure, address, on);
}

async function portDenied({ cause }: Failure, { host: at, port }: TcpAddress, { connection, host }: DeniedOn): Promise<FailureError> {
  const code = 'remote-forward-denied';
  const rules = 'AllowTcpForwarding (yes or remote), PermitListen, or the key’s no-port-forwarding or permitlisten';
  const there = port > 0 ? await somebodyListens(connection, tcp('127.0.0.1', port)) : 'unknown';
  if (there === 'yes')
    return new FailureError({
      code,
      message: `port ${port} on ${host} is in use`,
      hint:
        'stop what holds it, or choose another ingress port. Where it is a session of yours that was cut off, sshd frees it by itself: ' +
        `at once if the link was only lost, else once ClientAliveInterval of ${host} has found it dead`,
      cause,
    });
  if (port > 0 && port < 1024)
    return new FailureError({
      code,
      message: `${host} refused to listen on ${formatAddress(tcp(at, port))}: ports below 1024 need root there`,
      hint: `use a port of 1024 or above, or log in as root; else check in sshd_config of ${host}: ${rules}`,
      cause,
    });
  return new FailureError({
    code,
    message: `${host} refused to listen on ${formatAddress(tcp(at, port))}`,
    hint: `${there === 'no' ? 'nothing listens there, so sshd forbids it' : 'the port is in use there, or sshd forbids it'}: check in sshd_config of ${host}: ${rules}`,
    cause,
  });
}

async function socketDenied({ cause }: Failure, address: UnixAddress, { connection, host }: DeniedOn): Promise<FailureError> {
  const code = 'remote-forward-denied';
  if ((await somebodyListens(connection, address)) === 'yes')
    return new FailureError({
      code,
      message: `${address.path} on ${host} is in use`,
      hint: 'stop what listens on it, or choose another path',
      cause,
    });
  if (await isSocketFile(connection, address.path))
    return new FailureError({
      code,
      message: `${address.path} on ${host} was left there by a session that is over`,
      hint: `remove it (ssh ${host} rm ${quote(address.path)}), or set "StreamLocalBindUnlink yes" in sshd_config of ${host}`,
      cause,
    });
  return new FailureError({
    code,
    message: `${host} refused to listen on ${address.path}`,
    hint:
      'its directory must exist and be writable for the account; a file left there is in the way (StreamLocalBindUnlink); ' +
      'AllowStreamLocalForwarding must be yes or remote',
    cause,
  });
}

/** Also what evicts a dead session of our own from the port: writing to it lets sshd notice. */
async function somebodyListens(connection: Connection, target: Address): Promise<'yes' | 'no' | 'unknown'> {
  try {
    const stream = await connection.dial(target, { timeoutMs: LIMIT_MS });
    stream.on('error', () => {});
    closeStream(stream);
    return 'yes';
  } catch (error) {
    return isFailureError(error) && error.failure.code === 'target-refused' ? 'no' : 'unknown';
  }
}

async function isSocketFile(connection: Connection, path: string): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), LIMIT_MS);
  });
  try {
    const test = await Promise.race([connection.exec(`test -S ${quote(path)}`), limit]);
    if (!test) return false;
    test.stdout.resume();
    test.stderr.resume();
    const ended = await Promise.race([test.exit, limit]);
    test.close();
    return ended?.code === 0;
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}
