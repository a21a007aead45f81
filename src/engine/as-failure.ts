import { failure, isFailureError, type Failure } from '../core/failure.ts';

/** A rejection that is no failure is a bug in a driver; it becomes a failure of this one host or tunnel, so that the others live on. */
export function asFailure(error: unknown, name: string): Failure {
  if (isFailureError(error)) return error.failure;
  const cause = error instanceof Error ? error.message : String(error);
  return failure({ code: 'connection-lost', message: `${name}: ${cause}`, hint: 'this is a bug in tunnels; -vvv shows more', cause });
}
