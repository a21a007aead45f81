/** Why a host refused to listen. The refusal itself carries no reason (RFC 4254 §4), so what can be tried is tried. */
import { formatAddress, tcp, type Address, type TcpAddress, type UnixAddress } from '../core/address.ts';
import { failure, FailureError, type Failure } from '../core/failure.ts';
import type { Connection } from '../ssh/connection.ts';
import { runBriefly } from './brief-command.ts';
import { quote } from './shell-quote.ts';
import type { EarlierBind, StaleVerdict } from './stale-bind.ts';

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

/** Another process listens there: another port may do. */
export class HeldByAnother extends FailureError {}

/** A failure that says more than the plain refusal did. */
export async function explainDenial({ failure: { code, cause } }: FailureError, denial: Denial): Promise<FailureError> {
  const { address, earlier } = denial;
  if (denial.holder === 'own' && earlier) return new FailureError({ code, cause, ...stillOurs(denial, earlier) });
  const words = address.kind === 'unix' ? await socketDenied(address, denial) : portDenied(address, denial);
  return new (denial.holder === 'other' ? HeldByAnother : FailureError)({ code, cause, ...words });
}

/** What is said while it is being found out. */
export function awaitingRelease(
  { code, cause }: Failure,
  { host, address, earlier }: Pick<Denial, 'host' | 'address'> & { readonly earlier: EarlierBind },
): Failure {
  const message = `${heldByOurs({ host, address }, earlier)}: sshd is made to look whether that is alive`;
  return failure({ code, cause, message, hint: 'it is bound as soon as sshd lets go of it' });
}

const heldByOurs = ({ host, address }: Pick<Denial, 'host' | 'address'>, { lostMsAgo }: EarlierBind): string => {
  const place = address.kind === 'unix' ? address.path : `port ${address.port}`;
  return `${place} on ${host} is still held, probably by our own session that was lost ${seconds(lostMsAgo())} ago`;
};

function stillOurs({ address, host }: Denial, earlier: EarlierBind): Words {
  const { addressChanged } = earlier;
  const finds = addressChanged
    ? `The address this machine had then is gone, so ${host} cannot be told that the session is dead: only its ClientAliveInterval finds out`
    : `${host} lets go of it once a packet tells it that the session is dead, or its ClientAliveInterval finds out`;
  return {
    message: heldByOurs({ host, address }, earlier),
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
        'stop what holds it, choose another ingress port, or set `on_conflict: next`. Where it is a session of yours that was cut off, sshd frees it by itself: ' +
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
  if ((await runBriefly(connection, '[ -S "$1" ]', [path])) === 0)
    return {
      message: earlier
        ? `${path} on ${host} was left there by our own session that was lost ${seconds(earlier.lostMsAgo())} ago`
        : `${path} on ${host} was left there by a session that is over`,
      // Not removed here: it is not known to be ours, or could not be removed.
      hint: `remove it (ssh ${host} rm ${quote(path)}), or set "StreamLocalBindUnlink yes" in sshd_config of ${host}`,
    };
  return {
    message: `${host} refused to listen on ${path}`,
    hint:
      'its directory must exist and be writable for the account; a file left there is in the way (StreamLocalBindUnlink); ' +
      'AllowStreamLocalForwarding must be yes or remote',
  };
}
