/** What can go wrong between a command and the process that holds the project. Never shown as a stack. */

export type DaemonErrorCode =
  /** Nobody holds the project. */
  | 'not-up'
  /** The directory of sockets and journals is not as it must be. `unusable`: it cannot be written, for want of rights or room. */
  | 'state-directory'
  | 'state-unusable'
  /** What is at the socket's name is no socket of ours, or what answers there is no tunnels. */
  | 'foreign-socket'
  /** It is there and does not answer. */
  | 'no-answer'
  /** The process that answers is of another build and does not speak this protocol. */
  | 'other-version'
  /** The project ended in the middle of the call. */
  | 'gone'
  | 'unknown-tunnel'
  | 'bad-request'
  | 'busy'
  | 'start-failed';

export interface DaemonErrorView {
  readonly code: DaemonErrorCode;
  readonly message: string;
  /** What to do next. */
  readonly hint: string | null;
}

export class DaemonError extends Error {
  readonly code: DaemonErrorCode;
  readonly hint: string | null;

  constructor({ code, message, hint }: DaemonErrorView) {
    super(message);
    this.name = 'DaemonError';
    this.code = code;
    this.hint = hint;
  }

  get view(): DaemonErrorView {
    return { code: this.code, message: this.message, hint: this.hint };
  }
}

export const isDaemonError = (error: unknown): error is DaemonError => error instanceof DaemonError;

/** The code of a failed system call, or the empty string. */
export const errnoOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
