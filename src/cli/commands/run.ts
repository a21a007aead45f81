/** `run`: a command with the tunnels up and what they export. What this brought up goes down after it. */
import { findProject } from '../../daemon/find-project.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { projectPlace } from '../project-place.ts';
import { UsageError } from '../usage-error.ts';
import type { RunOptions } from './run-options.ts';

export async function run(io: Io, globals: GlobalOptions, options: RunOptions): Promise<number> {
  if (options.argv.length === 0) throw new UsageError('run needs a command', 'tunnels run [NAME…] -- COMMAND');
  const place = await projectPlace(io, globals);
  const client = place && (await findProject(place));
  if (client?.found.phase === 'up') {
    const { runJoined } = await import('./run-joined.ts');
    return runJoined(io, globals, { ...options, client });
  }
  const { runAlone } = await import('./run-alone.ts');
  return runAlone(io, globals, { ...options, place });
}
