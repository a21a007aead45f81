/** Turns what sockets, servers and ssh2 say into failures with a code and a hint. */
import { formatAddress, type Address } from '../core/address.ts';
import { FailureError, type FailureCode, type FailureParts } from '../core/failure.ts';
import { sanitiseLine } from './sanitise.ts';

export function errorText(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(errorText).join('; ');
  return sanitiseLine(error instanceof Error ? error.message : String(error));
}

export function errorCode(error: unknown): string | null {
  if (error instanceof AggregateError) return errorCode(error.errors[0]);
  const code = error instanceof Error && 'code' in error ? error.code : null;
  return typeof code === 'string' ? code : null;
}

interface SocketMeaning {
  readonly code: FailureCode;
  readonly says: (address: string) => string;
  readonly hint: string;
}

const SOCKET: Readonly<Record<string, SocketMeaning>> = {
  ENOTFOUND: {
    code: 'dns',
    says: (at) => `no address found for ${hostOf(at)}`,
    hint: 'check the spelling of hostname, and that this machine can resolve it',
  },
  EAI_AGAIN: {
    code: 'dns',
    says: (at) => `the name server did not answer for ${hostOf(at)}`,
    hint: 'check the network and the name server; it is tried again',
  },
  ECONNREFUSED: {
    code: 'refused',
    says: (at) => `connection refused by ${at}`,
    hint: 'is sshd running there? check hostname and port',
  },
  ETIMEDOUT: { code: 'timeout', says: (at) => `no answer from ${at}`, hint: 'check the network, a VPN or a firewall on the way' },
  EHOSTUNREACH: { code: 'refused', says: (at) => `no route to ${at}`, hint: 'check the network, a VPN or a firewall on the way' },
  ENETUNREACH: { code: 'refused', says: (at) => `no route to the network of ${at}`, hint: 'is this machine online?' },
  EACCES: { code: 'refused', says: (at) => `not permitted to connect to ${at}`, hint: 'a local firewall or sandbox forbids it' },
  ECONNRESET: { code: 'connection-lost', says: (at) => `connection reset by ${at}`, hint: 'it is tried again' },
  EMFILE: {
    code: 'connection-lost',
    says: (at) => `no file descriptor is left to connect to ${at}`,
    hint: 'raise the limit (ulimit -n), or lower max_connections; it is tried again',
  },
  EPIPE: { code: 'connection-lost', says: (at) => `connection closed by ${at}`, hint: 'it is tried again' },
};

const hostOf = (address: string): string => address.replace(/:\d+$/, '');

/** A failed dial of `address` (`10.0.0.1:22`). */
export function dialFailure(error: unknown, address: string): FailureParts {
  const code = errorCode(error);
  const known = code === null ? undefined : SOCKET[code];
  if (known) return { code: known.code, message: known.says(address), hint: known.hint, cause: errorText(error) };
  if (code?.startsWith('EAI_')) return { code: 'dns', message: `cannot resolve ${hostOf(address)}`, hint: null, cause: errorText(error) };
  return { code: 'refused', message: `cannot connect to ${address}: ${errorText(error)}`, cause: errorText(error) };
}

const UNREACHABLE = /no route|unreachable|timed? ?out|name or service|unknown host|not known|resol|temporary failure|no address/i;

/** A refused channel open (RFC 4254 §5.1): reason 1 is the server's rules, 2 is that the target could not be reached. */
export function channelOpenFailure(reason: unknown, description: string, target: Address): FailureParts {
  const address = formatAddress(target);
  const said = sanitiseLine(description.replace(/^\(SSH\) Channel open failure: ?/, ''), 200);
  if (reason === 1)
    return {
      code: 'target-forbidden',
      message: `the server does not allow connections to ${address}`,
      hint: 'AllowTcpForwarding, AllowStreamLocalForwarding, PermitOpen or the key’s permitopen forbids it',
      cause: said || null,
    };
  if (reason === 2 && /refused/i.test(said))
    return { code: 'target-refused', message: `connection refused by ${address}`, hint: 'is the service running there?', cause: said };
  // sshd says nothing of why a unix socket could not be opened.
  if (reason === 2 && !UNREACHABLE.test(said) && target.kind === 'unix')
    return {
      code: 'target-refused',
      message: `cannot connect to ${address}${said ? `: ${said}` : ''}`,
      hint: 'does the socket exist there, may the account use it, and does AllowStreamLocalForwarding (yes or local) let it?',
      cause: said || null,
    };
  return {
    code: 'target-unreachable',
    message: `cannot reach ${address}${said ? `: ${said}` : ''}`,
    hint: 'the name is resolved and the connection made by the host at the egress side',
    cause: said || null,
  };
}

/** The same failure with the host's name in front: `bastion: connection refused by 10.0.0.1:22`. */
export function ofHost(name: string, { message, ...rest }: FailureParts): FailureError {
  return new FailureError({ ...rest, message: message.startsWith(`${name}: `) ? message : `${name}: ${message}` });
}
