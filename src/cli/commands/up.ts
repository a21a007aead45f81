/** `up`: which of the ways to bring a project up it is. */
import type { RunnerPort } from '../../runner/runner-port.ts';
import { EXIT } from '../exit-code.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
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

export async function up(io: Io, globals: GlobalOptions, options: UpOptions): Promise<number> {
  if (globals.dryRun) {
    const { plan } = await import('./plan.ts');
    const code = await plan(io, globals, options);
    return code === EXIT.changes ? EXIT.done : code;
  }
  if (options.detach) {
    const { upDetached } = await import('./up-detached.ts');
    return upDetached(io, globals, { ...options, ...options.detach });
  }
  const { upForeground } = await import('./up-foreground.ts');
  return upForeground(io, globals, options);
}
