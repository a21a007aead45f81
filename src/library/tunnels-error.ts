/** What the library's promises reject with. A message for people, a code and the details for programs, and no stack: it is not a bug. */
import type { Diagnostic } from '../core/diagnostic.ts';
import type { ErrorView } from '../core/snapshot.ts';

export type TunnelsErrorCode =
  /** `ConfigurationError`. */
  | 'invalid-configuration'
  /** `NotOpenError`: a tunnel or a host failed and only the user can change that, the time was up, or the signal was aborted. */
  | 'failed'
  | 'timeout'
  | 'aborted'
  /** Every tunnel of the file belongs to a profile that was not named. */
  | 'nothing-active'
  | 'unknown-tunnel'
  /** It listens nowhere yet, or no longer. */
  | 'not-bound'
  /** It listens on a unix socket. */
  | 'no-port'
  /** `down()` has been called. */
  | 'down';

export interface TunnelsErrorParts {
  readonly code: TunnelsErrorCode;
  readonly message: string;
  readonly hint?: string | null;
}

export class TunnelsError extends Error {
  readonly code: TunnelsErrorCode;
  /** What to do next, where something can be said. */
  readonly hint: string | null;

  constructor({ code, message, hint = null }: TunnelsErrorParts) {
    super(hint === null ? message : `${message} (${hint})`);
    this.name = new.target.name;
    this.code = code;
    this.hint = hint;
    // Whoever prints it shows what is wrong, not where in this package that was noticed.
    Object.defineProperty(this, 'stack', { value: `${this.name}: ${this.message}`, configurable: true, writable: true });
  }
}

/** The configuration is not valid. Nothing was dialled; what ran runs on. */
export class ConfigurationError extends TunnelsError {
  /** Every problem that could be found, in order of file and line; warnings too. At least one is an error. */
  readonly diagnostics: readonly Diagnostic[];

  /** `message` holds them all, with the lines they are about. */
  constructor(message: string, diagnostics: readonly Diagnostic[]) {
    super({ code: 'invalid-configuration', message });
    this.diagnostics = diagnostics;
  }
}

/** A host or a tunnel that is not up. */
export interface NotUp {
  readonly kind: 'host' | 'tunnel';
  readonly name: string;
  /** A state of a tunnel, or of a host's connection (`connecting`, `backoff`, …). */
  readonly state: string;
  readonly error: ErrorView | null;
}

/** Not every tunnel that was asked for came to be open. */
export class NotOpenError extends TunnelsError {
  /** Hosts first: their tunnels are not up because of them. */
  readonly notUp: readonly NotUp[];

  constructor(parts: TunnelsErrorParts, notUp: readonly NotUp[]) {
    super(parts);
    this.notUp = notUp;
  }
}
