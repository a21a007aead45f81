/** How what happens is shown: on a live terminal, line by line, as JSON, or hardly at all. Everything goes to stderr. */
import type { Diagnostic } from '../../core/diagnostic.ts';
import type { TunnelsEvent } from '../../core/event.ts';
import type { Graph } from '../../core/graph.ts';
import type { Snapshot } from '../../core/snapshot.ts';
import type { FrameOf } from '../render/diagnostics.ts';

export interface Progress {
  /** Every event, from before the first apply on. */
  event(event: TunnelsEvent): void;
  /** An apply is under way: this is what comes up. Called again after each reload. */
  begin(graph: Graph): void;
  /** Coming up is over, one way or the other. `snapshot` null: it was stopped meanwhile. `next` is what to do now: `Ctrl-C closes`. */
  settled(snapshot: Snapshot | null, next?: string): Promise<void>;
  /** A word of the command itself. */
  say(text: string, kind: 'note' | 'error'): void;
  /** The configuration is not valid; nothing was changed. */
  problems(diagnostics: readonly Diagnostic[], frameOf: FrameOf): void;
  /** Leaves the terminal to a question, until the function it gives is called. */
  suspend(): Promise<() => void>;
}
