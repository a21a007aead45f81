/** The byte streams SSH runs over: TCP from this machine, or a channel of the hop before. */
import type { Socket } from 'node:net';
import { formatAddress, tcp, type Address } from '../core/address.ts';
import { FailureError, isFailureError, type FailureParts } from '../core/failure.ts';
import type { HostSpec } from '../core/spec.ts';
import type { Connection } from './connection.ts';
import type { Transport } from './connect-request.ts';
import { connectWithReadBuffer } from './read-buffer.ts';
import { dialFailure } from './to-failure.ts';

export interface TcpTarget {
  readonly host: string;
  /** 1 to 65535. */
  readonly port: number;
  readonly addressFamily: HostSpec['addressFamily'];
  /** For the name and the connection together, in milliseconds. */
  readonly timeoutMs: number;
}

const FAMILY = { any: 0, inet: 4, inet6: 6 } as const;

/** Resolves the name anew at each dial and tries IPv6 and IPv4 in parallel (RFC 8305). Rejects with `dns`, `refused`, `timeout` or `connection-lost`. */
export function tcpTransport({ host, port, addressFamily, timeoutMs }: TcpTarget): Transport {
  const address = formatAddress(tcp(host, port));
  return (signal) =>
    new Promise((resolve, reject) => {
      const family = FAMILY[addressFamily];
      const socket: Socket = connectWithReadBuffer({ host, port, family, autoSelectFamily: family === 0, noDelay: true });
      const fail = (parts: FailureParts): void => {
        finish();
        socket.on('error', () => {});
        socket.destroy();
        reject(new FailureError(parts));
      };
      const onAbort = (): void => fail({ code: 'connection-lost', message: `connecting to ${address} was cancelled` });
      const onTimeout = (): void =>
        fail({
          code: 'timeout',
          message: `no answer from ${address} within ${timeoutMs / 1000} s`,
          hint: 'check hostname and port, the network, a VPN or a firewall on the way',
        });
      const onError = (error: Error): void => fail(dialFailure(error, address));
      const timer = setTimeout(onTimeout, timeoutMs);
      const finish = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        socket.off('error', onError);
      };
      socket.on('error', onError);
      socket.once('connect', () => {
        finish();
        // Between here and the handshake nobody else may be listening.
        socket.on('error', () => {});
        resolve(socket);
      });
      if (signal.aborted) onAbort();
      else signal.addEventListener('abort', onAbort, { once: true });
    });
}

/** Dials `target` from the host of `connection`. What the hop says of the target becomes a failure of the host to be reached. */
export function channelTransport(connection: Pick<Connection, 'dial'>, target: Address, hop: string = 'the jump host'): Transport {
  return async (signal) => {
    try {
      return await connection.dial(target, { signal });
    } catch (error) {
      throw isFailureError(error) ? new FailureError(seenFromHop(error, target, hop)) : error;
    }
  };
}

function seenFromHop({ failure }: FailureError, target: Address, hop: string): FailureParts {
  const address = formatAddress(target);
  switch (failure.code) {
    case 'target-refused':
      return {
        ...failure,
        code: 'refused',
        message: `connection from ${hop} refused by ${address}`,
        hint: 'is sshd running there? check hostname and port',
      };
    case 'target-forbidden':
      return {
        ...failure,
        code: 'refused',
        message: `${hop} does not allow connections to ${address}`,
        hint: 'AllowTcpForwarding or PermitOpen there forbids it',
      };
    case 'target-unreachable': {
      const text = failure.cause ?? '';
      const code = /name or service|unknown host|resol|not known|no address/i.test(text)
        ? 'dns'
        : /timed? ?out/i.test(text)
          ? 'timeout'
          : 'refused';
      return {
        ...failure,
        code,
        message: `${hop} cannot reach ${address}${text ? `: ${text}` : ''}`,
        hint: `the name and port are as ${hop} sees them`,
      };
    }
    default:
      return failure;
  }
}
