/**
 * sshd's UnusedConnectionTimeout (sshd_config(5)) closes a connection that has only listeners, keepalives or not, and says nothing. What tells it
 * from other losses: it comes when nothing has gone over the connection for a while, and each time for the same while.
 */
import type { Failure } from './failure.ts';

/** A shorter life is a server in trouble. */
const LEAST_MS = 1_000;
/** sshd looks about once a second, and the way there has its moods. */
const LATE_MS = 750;
const LATE_SHARE = 0.1;

/** How long this connection and the one before had carried no channel when they ended, in milliseconds; null where one did. */
export function seemsUnusedTimeout(beforeMs: number | null, nowMs: number | null): boolean {
  if (beforeMs === null || nowMs === null || nowMs < LEAST_MS) return false;
  return Math.abs(nowMs - beforeMs) <= LATE_MS + LATE_SHARE * Math.min(beforeMs, nowMs);
}

export const asUnusedTimeout = (cause: Failure, host: string, unusedMs: number): Failure => ({
  ...cause,
  hint:
    `it is tried again. It ended when nothing had gone over it for ${Math.round(unusedMs / 1_000)} s, like the one before: ` +
    `is UnusedConnectionTimeout set in sshd_config of ${host}? Each connection through it begins that time anew, as the healthcheck of a local tunnel does`,
});
