/**
 * What is said over a project's control socket: HTTP/1.1, JSON bodies.
 *
 *   GET  /status /snapshot /graph /exports     one JSON value
 *   GET  /events /logs                         ndjson: StreamLine, a line an event
 *   GET  /hold                                 nothing, for as long as a use lasts
 *   POST /apply /plan /stop /start /restart /reload /down /wait /use /release
 *                                              ndjson: CallLine, `working` each second, then one `done` or `failed`
 *
 * An answer of another status than 200 is `{error: DaemonErrorView}`.
 */
import type { Diagnostic } from '../core/diagnostic.ts';
import type { TunnelsEvent } from '../core/event.ts';
import type { Plan } from '../core/plan.ts';
import type { TunnelView } from '../core/snapshot.ts';
import type { LoadChange } from '../runner/selection.ts';
import type { Condition } from '../runner/met.ts';
import type { BoundExports } from '../runner/bound-exports.ts';
import type { DaemonErrorView } from './daemon-error.ts';

/** `claiming`: not decided yet who holds the project. `starting`: this one does, and has not applied the file yet. */
export type Phase = 'claiming' | 'starting' | 'up' | 'stopping';

export type Mode = 'foreground' | 'background';

export interface Status {
  /** Tells a control socket from anything else. */
  readonly program: 'tunnels';
  readonly protocol: number;
  readonly build: string;
  readonly pid: number;
  readonly phase: Phase;
  readonly mode: Mode;
  /** The project file's real path. */
  readonly file: string;
  /** Empty until the file has been read. */
  readonly project: string;
  /** ISO 8601, when the process took the project. */
  readonly since: string;
  /** The numbers of this process's first event, and of the one that comes next. */
  readonly events: { readonly first: number; readonly next: number };
}

export type StreamLine =
  | TunnelsEvent
  /** So many events went out of the memory before this reader, who was too slow, had taken them. */
  | { readonly type: 'dropped'; readonly count: number };

export interface StreamQuery {
  /** Milliseconds since the epoch: only events from then on. */
  readonly since?: number;
  /** Only events from this number on. Unlike a time it means the same after the clock was set back. */
  readonly from?: number;
  /** Only the last so many of those that are past. */
  readonly last?: number;
  /** Go on with what happens, until the reader goes or the project ends. */
  readonly follow?: boolean;
  /** Only of these tunnels and hosts; what concerns the project as a whole comes too. */
  readonly names?: readonly string[];
}

export type CallLine =
  | { readonly type: 'working'; readonly connections: number }
  | { readonly type: 'done'; readonly result: unknown }
  | { readonly type: 'failed'; readonly error: DaemonErrorView };

/** Between two lines of a call that takes long; a client gives up after several of these in silence. Milliseconds. */
export const WORKING_EVERY = 1_000;

export interface Problems {
  readonly diagnostics: readonly Diagnostic[];
  /** The texts by the names the diagnostics use, for code frames; only those a diagnostic names. */
  readonly sources: Readonly<Record<string, string>>;
}

export type ApplyOutcome = ({ readonly applied: true; readonly plan: Plan } & Problems) | ({ readonly applied: false } & Problems);

/** What an `up` asks for. */
export interface ApplyRequest {
  /** These join what is asked for already; none is everything. */
  readonly names?: readonly string[];
  readonly noDeps?: boolean;
  /** Where the configuration is now; default: where it was. */
  readonly load?: LoadChange;
  /** Reload when a file changes, from now on. */
  readonly watch?: boolean;
}

/** What a command asks for as long as it runs and holds the use. */
export interface UseRequest extends NamesRequest {
  /** Random. */
  readonly id: string;
  readonly noDeps?: boolean;
  readonly profiles?: readonly string[];
}

export interface UseOutcome {
  readonly outcome: ApplyOutcome;
  /** Those it is about. */
  readonly tunnels: readonly string[];
}

export interface ReleaseRequest {
  readonly id: string;
  /** Milliseconds; null: each tunnel's own. */
  readonly drainMs: number | null;
}

export interface NamesRequest {
  /** None: every tunnel. */
  readonly names?: readonly string[];
}

export interface StopRequest extends NamesRequest {
  /** Milliseconds; null: each tunnel's own. */
  readonly drainMs: number | null;
}

export interface DownRequest {
  /** Milliseconds; null: each tunnel's own. */
  readonly drainMs: number | null;
  /** The project comes up again at once, in another build: what has happened stays on disk. */
  readonly keepJournal?: boolean;
}

export interface WaitRequest extends NamesRequest {
  readonly condition: Condition;
  /** Milliseconds. */
  readonly timeoutMs: number;
}

export interface WaitOutcome {
  readonly outcome: 'met' | 'failed' | 'timeout';
  /** The tunnels that are not as they should be. */
  /** `failed`: those that will not come up; `timeout`: those that have not. */
  readonly missing: readonly Pick<TunnelView, 'name' | 'state' | 'error' | 'waiting_on'>[];
}

export type TunnelExports = BoundExports;

/** The longest drain or wait that can be asked for, in milliseconds: a day. */
export const MAX_MS = 86_400_000;
