/** `up`: which of the ways to bring a project up it is. */
import { EXIT } from '../exit-code.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import type { UpOptions } from './up-options.ts';

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
