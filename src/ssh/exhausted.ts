/** A process that has no file descriptor left can read no key and no known_hosts: that says nothing of the files, and passes. */
import { FailureError, type FailureParts } from '../core/failure.ts';
import { errorCode, errorText } from './to-failure.ts';

/** Throws a FailureError that is retried where `error` is EMFILE or ENFILE; else nothing. `doing`: "read known_hosts". */
export function throwIfExhausted(error: unknown, doing: string): void {
  const code = errorCode(error);
  if (code === 'EMFILE' || code === 'ENFILE') throw new FailureError(exhausted(doing, errorText(error)));
}

const exhausted = (doing: string, cause: string): FailureParts => ({
  code: 'connection-lost',
  message: `no file descriptor is left to ${doing}`,
  hint: 'raise the limit (ulimit -n), or lower max_connections; it is tried again',
  cause,
});
