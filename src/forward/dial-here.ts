/** Connections that come out on this machine: the egress of `remote` and `remote-dynamic`, and of what the engine dials itself. */
import { connect, type Socket } from 'node:net';
import { clientAddress, formatAddress, isWildcard, type Address } from '../core/address.ts';
import { FailureError, type FailureParts } from '../core/failure.ts';
import type { StopSignal } from '../core/stop.ts';
import type { Dial } from './client.ts';

const DIAL_TIMEOUT_MS = 30_000;

/**
 * Dials from this machine, half-open allowed, without Nagle's delay.
 * Rejects with `target-refused`, `target-unreachable` (names that do not resolve too), or `target-forbidden` for a unix socket
 * whose mode keeps us out. The cause begins with the system's code, `ENETUNREACH: …`.
 */
export const dialHere: Dial = (target, _origin, signal) => dialWithin(target, signal, DIAL_TIMEOUT_MS);

/** As dialHere, with a limit of one's own in milliseconds. */
export function dialWithin(target: Address, signal: StopSignal, timeoutMs: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const stopped = (): FailureParts => ({ code: 'target-unreachable', message: `dialling ${formatAddress(target)} was stopped` });
    if (signal.aborted) return reject(new FailureError(stopped()));
    const socket = open(target);
    const timer = setTimeout(
      () =>
        fail({
          code: 'target-unreachable',
          message: `${formatAddress(target)} did not answer within ${timeoutMs / 1000} s`,
          hint: FIREWALL,
        }),
      timeoutMs,
    );
    const onAbort = (): void => fail(stopped());
    const onError = (error: NodeJS.ErrnoException): void => fail(dialFailure(target, error));
    const settle = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      socket.off('connect', onConnect);
      socket.off('error', onError);
      // Whoever takes the socket listens for its errors; until then one must not be a crash.
      socket.on('error', () => {});
    };
    const fail = (parts: FailureParts): void => {
      settle();
      socket.destroy();
      reject(new FailureError(parts));
    };
    const onConnect = (): void => {
      settle();
      resolve(socket);
    };
    socket.on('connect', onConnect);
    socket.on('error', onError);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

const open = (target: Address): Socket =>
  target.kind === 'unix'
    ? connect({ path: target.path, allowHalfOpen: true })
    : connect({
        host: isWildcard(target.host) ? clientAddress(target) : target.host,
        port: target.port,
        allowHalfOpen: true,
        noDelay: true,
      });

const FIREWALL = 'check the address, and whether a firewall drops packets to it';

function dialFailure(target: Address, error: NodeJS.ErrnoException): FailureParts {
  const at = formatAddress(target);
  const cause = `${error.code ?? 'error'}: ${error.message}`;
  switch (error.code) {
    case 'ECONNREFUSED':
      return { code: 'target-refused', message: `nothing listens at ${at}`, hint: 'start the service, or correct the egress', cause };
    case 'ENOENT':
      return { code: 'target-refused', message: `there is no socket ${at}`, hint: 'start the service, or correct the egress', cause };
    case 'EACCES':
    case 'EPERM':
      return { code: 'target-forbidden', message: `no permission to connect to ${at}`, hint: 'check the mode of the socket file', cause };
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EAI_NODATA': {
      const name = target.kind === 'tcp' ? target.host : at;
      return {
        code: 'target-unreachable',
        message: `cannot resolve ${name} on this machine`,
        hint: 'check the name and the DNS server',
        cause,
      };
    }
    case 'EMFILE':
    case 'ENFILE':
      return { code: 'target-unreachable', message: 'out of file descriptors', hint: 'raise `ulimit -n`', cause };
    default:
      return { code: 'target-unreachable', message: `cannot reach ${at}: ${error.message}`, hint: FIREWALL, cause };
  }
}
