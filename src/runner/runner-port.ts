/** A running project, as the command line and the daemon see it. */
import type { LoadFailure, Loaded } from '../config/loaded.ts';
import type { TunnelsEvent } from '../core/event.ts';
import type { Graph } from '../core/graph.ts';
import type { Plan } from '../core/plan.ts';
import type { Snapshot } from '../core/snapshot.ts';
import type { Asked, Use } from './selection.ts';

export type ApplyResult =
  | { readonly applied: true; readonly plan: Plan; readonly loaded: Loaded }
  | { readonly applied: false; readonly failure: LoadFailure };

/** Who answers questions while connecting; null answers mean "no terminal". */
export interface Questions {
  /** kind: password, passphrase, otp. The text ends without a newline. */
  secret(question: { readonly host: string; readonly prompt: string; readonly echo: boolean }, signal: AbortSignal): Promise<string | null>;
  hostKey(
    question: { readonly host: string; readonly address: string; readonly algorithm: string; readonly fingerprint: string },
    signal: AbortSignal,
  ): Promise<'yes' | 'no' | null>;
}

export interface RunnerPort {
  /** Loads and applies. Resolves once the plan is made and under way, not when everything is open. */
  apply(): Promise<ApplyResult>;
  /** Loads, and says what apply() would do, after a select() with `asked` if that is given; changes nothing. */
  plan(asked?: Asked): Promise<ApplyResult>;
  /** What `up NAME…` asks for, from the next apply() on: these join what was asked for before; none is all of the file. */
  select(names: readonly string[], options: Omit<Asked, 'names'>): void;
  /**
   * A command that runs asks for these as long as it does: they are brought up, what was stopped is started, and the file is only read where
   * they are not all there. Gives the tunnels it is about; where the file is not valid, or lacks one, nothing has changed.
   */
  lend(id: string, use: Use): Promise<{ readonly result: ApplyResult; readonly tunnels: readonly string[] }>;
  /** It has ended: what nobody else asks for drains and goes, and what was stopped before is stopped. Again with 0 hurries it. */
  release(id: string, options: { readonly drainMs: number | null }): Promise<void>;
  /** Closes tunnels, which stay in the project as `closed` until they are started. Resolves when they are. */
  stopTunnels(names: readonly string[], options: { readonly drainMs: number | null }): Promise<void>;
  /** Opens what was stopped or has failed; what runs is left alone. */
  startTunnels(names: readonly string[]): void;
  /** Watches every file that was read; each settled change is one apply(). */
  watch(): void;
  readonly graph: Graph | null;
  snapshot(): Snapshot;
  /** Connections that a stop would drain. */
  openConnections(): number;
  subscribe(listener: (event: TunnelsEvent) => void): () => void;
  /** Resolves when every tunnel is open (or idle), or none can get further (`failed`); rejects never. */
  settled(signal: AbortSignal): Promise<'open' | 'failed' | 'aborted'>;
  /** The tunnels that never come up without the user, whatever becomes of the others. */
  stuck(): readonly string[];
  /** Drains up to `drainMs` (null: each tunnel's own) and closes everything, dependants first. Calling it again with 0 closes at once. */
  stop(options: { readonly drainMs: number | null }): Promise<void>;
}
