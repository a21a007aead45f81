/** What `up` is asked for. */
import type { RunnerPort } from '../../runner/runner-port.ts';
import type { Stopping } from '../stopping.ts';

export interface UpOptions {
  readonly names: readonly string[];
  readonly noDeps: boolean;
  readonly watch: boolean;
  /** -t: how long open connections may take to end, in milliseconds; null is each tunnel's own `drain`. */
  readonly drainMs: number | null;
  /** -d; `waitMs` is --wait with its limit in milliseconds. */
  readonly detach: { readonly waitMs: number | null } | null;
  /** Called once it has come up in the foreground; the demo goes on from here. */
  readonly onUp?: (running: { readonly runner: RunnerPort; readonly stopping: Stopping }) => void;
}
