/** New channels over several SSH connections: each goes to the one that carries least, and to another where that one dies meanwhile. */
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
  return async (target, options) => {
    const tried: Carrier[] = [];
    let problem: FailureError | null = null;
    for (;;) {
      const carrier: Carrier | null = lightest(
        carriers().filter((each) => each.connection !== null && !tried.includes(each)),
        last,
      );
      if (!carrier?.connection) throw problem ?? new FailureError(NO_CONNECTION);
      last = carrier;
      tried.push(carrier);
      try {
        return await carrier.connection.dial(target, options);
      } catch (error) {
        if (!isFailureError(error) || error.failure.code !== 'connection-lost' || options?.signal?.aborted) throw error;
        problem = error;
      }
    }
  };
}
