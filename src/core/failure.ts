/** A problem at run time, attached to a state: its code decides whether to retry, and it always says what to do next. */

const BACKOFF = ['dns', 'refused', 'timeout', 'connection-lost', 'keepalive-timeout', 'bind-in-use', 'remote-forward-denied'] as const;
const NEEDS_USER = [
  'auth-rejected',
  'passphrase-required',
  'key-unreadable',
  'host-key-unknown',
  'host-key-changed',
  'host-key-revoked',
  'bind-denied',
  'untrusted',
] as const;
const PER_CONNECTION = ['target-unreachable', 'target-refused', 'target-forbidden'] as const;

export type FailureCode = (typeof BACKOFF)[number] | (typeof NEEDS_USER)[number] | (typeof PER_CONNECTION)[number];

/** `backoff` is retried, `needs-user` is not until something changes, `per-connection` never touches the tunnel. */
export type RetryClass = 'backoff' | 'needs-user' | 'per-connection';

export interface Failure {
  readonly code: FailureCode;
  readonly message: string;
  /** What to do next; null only where nothing can be said. */
  readonly hint: string | null;
  /** The machine's own words, for -v: never a stack. */
  readonly cause: string | null;
  /** Do not retry sooner than this (e.g. a server's penalty notice); milliseconds. */
  readonly retryAfterMs?: number;
}

export function retryClass(code: FailureCode): RetryClass {
  if ((BACKOFF as readonly string[]).includes(code)) return 'backoff';
  return (NEEDS_USER as readonly string[]).includes(code) ? 'needs-user' : 'per-connection';
}

/** The connection went, by whichever sign that was noticed. */
export const isLoss = (code: FailureCode): boolean => code === 'connection-lost' || code === 'keepalive-timeout';

export interface FailureParts {
  readonly code: FailureCode;
  readonly message: string;
  readonly hint?: string | null | undefined;
  readonly cause?: string | null | undefined;
  readonly retryAfterMs?: number | undefined;
}

export const failure = ({ code, message, hint, cause, retryAfterMs }: FailureParts): Failure => ({
  code,
  message,
  hint: hint ?? null,
  cause: cause ?? null,
  ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
});

/** Carries a failure through a promise. Catch it at the driver, where it becomes a state; it is never shown as a stack. */
export class FailureError extends Error {
  readonly failure: Failure;
  constructor(parts: FailureParts) {
    super(parts.message);
    this.name = 'FailureError';
    this.failure = failure(parts);
  }
}

export const isFailureError = (error: unknown): error is FailureError => error instanceof FailureError;
