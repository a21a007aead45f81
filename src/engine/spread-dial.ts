/** New channels over several SSH connections: each goes to the one that carries least, and to another where that one dies meanwhile. */
import type { Duplex } from 'node:stream';
import type { Address } from '../core/address.ts';
import { lightest, type Load } from '../core/connection-pool.ts';
import { FailureError, isFailureError } from '../core/failure.ts';
import type { Connection } from '../ssh/connection.ts';

export interface Carrier extends Load {
  /** Null unless connected. */
  readonly connection: Connection | null;
}

const NO_CONNECTION = { code: 'connection-lost', message: 'there is no connection', hint: 'it is dialled again' } as const;

export function spreadDial(carriers: () => readonly Carrier[]): Connection['dial'] {
  let last: Carrier | null = null;
  const pick = (tried: readonly Carrier[]): Carrier | null => {
    const all = carriers();
    if (all.length === 1 && tried.length === 0) return all[0] ?? null;
    return lightest(
      all.filter((each) => each.connection !== null && !tried.includes(each)),
      last,
    );
  };
  type Options = Parameters<Connection['dial']>[1];
  const dial = (target: Address, options: Options, before: Tries): Promise<Duplex> => {
    const carrier = pick(before.tried);
    if (!carrier?.connection) return Promise.reject(before.problem ?? new FailureError(NO_CONNECTION));
    last = carrier;
    return carrier.connection.dial(target, options).catch((error: unknown) => {
      if (!isFailureError(error) || error.failure.code !== 'connection-lost' || options?.signal?.aborted) throw error;
      return dial(target, options, { tried: [...before.tried, carrier], problem: error });
    });
  };
  return (target, options) => dial(target, options, NONE);
}

interface Tries {
  readonly tried: readonly Carrier[];
  readonly problem: FailureError | null;
}

const NONE: Tries = { tried: [], problem: null };
