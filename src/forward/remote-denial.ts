/** Why a host refused to listen. The refusal itself carries no reason (RFC 4254 §4), so what can be tried is tried. */
import { formatAddress, tcp, type Address, type TcpAddress, type UnixAddress } from '../core/address.ts';
import { FailureError, type Failure } from '../core/failure.ts';
import type { Connection } from '../ssh/connection.ts';
import { quote } from './shell-quote.ts';
import type { EarlierBind, StaleVerdict } from './stale-bind.ts';

const LIMIT_MS = 5_000;

export interface Denial {
  readonly connection: Connection;
  /** The host's name, for what is said. */
  readonly host: string;
  readonly address: Address;
  readonly holder: Extract<StaleVerdict, { do: 'tell' }>['holder'];
  /** Null where the tunnel has not listened there before. */
  readonly earlier: EarlierBind | null;
}

type Words = Pick<Failure, 'message' | 'hint'>;

/** A failure that says more than the plain refusal did. */
export async function explainDenial({ failure: { code, cause } }: FailureError, denial: Denial): Promise<FailureError> {
  const { address, earlier } = denial;
  if (denial.holder === 'own' && earlier) return new FailureError({ code, cause, ...stillOurs(denial, earlier) });
  const words = address.kind === 'unix' ? await socketDenied(address, denial) : portDenied(address, denial);
  return new FailureError({ code, cause, ...words });
}

function stillOurs({ address, host }: Denial, { lostMsAgo, addressChanged }: EarlierBind): Words {
  const place = address.kind === 'unix' ? address.path : `port ${address.port}`;
  const finds = addressChanged
    ? `The address this machine had then is gone, so ${host} cannot be told that the session is dead: only its ClientAliveInterval finds out`
    : `${host} lets go of it once a packet tells it that the session is dead, or its ClientAliveInterval finds out`;
  return {
    message: `${place} on ${host} is still held, probably by our own session that was lost ${seconds(lostMsAgo)} ago`,
    hint: `it is tried again. ${finds}, which is off by default: "ClientAliveInterval 15" in sshd_config there makes that a minute at most`,
  };
}

const seconds = (ms: number): string => `${Math.max(1, Math.round(ms / 1_000))} s`;

function portDenied({ host: at, port }: TcpAddress, { host, holder }: Denial): Words {
  const rules = 'AllowTcpForwarding (yes or remote), PermitListen, or the key’s no-port-forwarding or permitlisten';
  if (holder === 'other')
    return {
      message: `port ${port} on ${host} is in use`,
      hint:
        'stop what holds it, or choose another ingress port. Where it is a session of yours that was cut off, sshd frees it by itself: ' +
        `at once if the link was only lost, else once ClientAliveInterval of ${host} has found it dead`,
    };
  if (port > 0 && port < 1024)
    return {
      message: `${host} refused to listen on ${formatAddress(tcp(at, port))}: ports below 1024 need root there`,
      hint: `use a port of 1024 or above, or log in as root; else check in sshd_config of ${host}: ${rules}`,
    };
  return {
    message: `${host} refused to listen on ${formatAddress(tcp(at, port))}`,
    hint: `${holder === 'nobody' ? 'nothing listens there, so sshd forbids it' : 'the port is in use there, or sshd forbids it'}: check in sshd_config of ${host}: ${rules}`,
  };
}

async function socketDenied({ path }: UnixAddress, { connection, host, holder, earlier }: Denial): Promise<Words> {
  if (holder === 'other') return { message: `${path} on ${host} is in use`, hint: 'stop what listens on it, or choose another path' };
  if (await isSocketFile(connection, path))
    return {
      message: earlier
        ? `${path} on ${host} was left there by our own session that was lost ${seconds(earlier.lostMsAgo)} ago`
        : `${path} on ${host} was left there by a session that is over`,
      // Not removed for the user: between a look and a removal it may have become somebody else's.
      hint: `remove it (ssh ${host} rm ${quote(path)}), or set "StreamLocalBindUnlink yes" in sshd_config of ${host}`,
    };
  return {
    message: `${host} refused to listen on ${path}`,
    hint:
      'its directory must exist and be writable for the account; a file left there is in the way (StreamLocalBindUnlink); ' +
      'AllowStreamLocalForwarding must be yes or remote',
  };
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
