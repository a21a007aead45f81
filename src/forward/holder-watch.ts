/** Finds out who listens at an address of a host, by connecting to it there. That alone evicts a dead session of ours (stale-bind.ts). */
import { isLoopback, isWildcard, tcp, type Address } from '../core/address.ts';
import { isFailureError } from '../core/failure.ts';
import type { Connection } from '../ssh/connection.ts';
import { closeStream } from './reset-stream.ts';
import type { Holder } from './stale-bind.ts';

export interface HolderWatch {
  /** How long a listener that says nothing is waited for to end; milliseconds. */
  readonly watchMs: number;
  readonly signal: AbortSignal;
}

const DIAL_MS = 5_000;

/** Sends nothing. Never rejects. */
export async function watchHolder(connection: Connection, address: Address, { watchMs, signal }: HolderWatch): Promise<Holder> {
  let free = false;
  for (const target of placesOf(address)) {
    const holder = await watchOne(connection, target, { watchMs, signal });
    if (holder !== 'nobody' && holder !== 'unknown') return holder;
    free ||= holder === 'nobody';
  }
  // A host without IPv6 says nothing certain of ::1.
  return free ? 'nobody' : 'unknown';
}

/** `localhost` and a wildcard are held where either family is. */
function placesOf(address: Address): readonly Address[] {
  if (address.kind === 'unix') return [address];
  const { host, port } = address;
  if (isWildcard(host) || host === 'localhost' || host === 'ip6-localhost') return [tcp('127.0.0.1', port), tcp('::1', port)];
  return isLoopback(host) ? [address] : [address, tcp('127.0.0.1', port)];
}

async function watchOne(connection: Connection, target: Address, { watchMs, signal }: HolderWatch): Promise<Holder> {
  try {
    const stream = await connection.dial(target, { timeoutMs: DIAL_MS, signal });
    return await new Promise<Holder>((resolve) => {
      const settle = (holder: Holder): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        resolve(holder);
        closeStream(stream);
      };
      const onAbort = (): void => settle('silent');
      const timer = setTimeout(() => settle('silent'), watchMs);
      stream.on('error', () => settle('went'));
      stream.once('data', () => settle('speaks'));
      for (const event of ['end', 'close']) stream.once(event, () => settle('went'));
      signal.addEventListener('abort', onAbort, { once: true });
      if (signal.aborted) onAbort();
      stream.resume();
    });
  } catch (error) {
    return isFailureError(error) && error.failure.code === 'target-refused' ? 'nobody' : 'unknown';
  }
}
