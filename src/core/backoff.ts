/** Full jitter: a random moment within an exponentially growing window, so that many clients do not come back in step. */
import type { Reconnect } from './spec.ts';

/**
 * Milliseconds to wait before attempt number `attempt` (1 is the first retry): `floorMs`, which a server or a conflict asks for, and a
 * moment between 0 and min(maxMs, minMs × 2^(attempt−1)) after it: those that were turned away together must not come back together.
 * `random` is in [0, 1).
 */
export function backoffDelay(attempt: number, reconnect: Reconnect, { random, floorMs = 0 }: { random: number; floorMs?: number }): number {
  const window = Math.min(reconnect.maxMs, reconnect.minMs * 2 ** Math.min(attempt - 1, 30));
  return floorMs + Math.round(window * random);
}

/** A connection that lived this long counts as stable: the next loss begins with the shortest wait again. */
export const STABLE_AFTER_MS = 60_000;
