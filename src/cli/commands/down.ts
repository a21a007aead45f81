/** `down`: everything drains and closes, and the process ends. Nothing running is nothing to do. */
import { reconcile } from '../../core/reconcile.ts';
import { isDaemonError } from '../../daemon/daemon-error.ts';
import { EXIT } from '../exit-code.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { leaving } from '../leaving.ts';
import { chooseProgress, lineByLine } from '../progress/choose.ts';
import { planLines } from '../render/plan-text.ts';
import { counted } from '../render/quantity.ts';
import { styleFor } from '../render/style.ts';
import { findRunning, projectWords } from '../running-project.ts';

export async function down(io: Io, globals: GlobalOptions, { drainMs }: { readonly drainMs: number | null }): Promise<number> {
  const progress = await chooseProgress(io, lineByLine(io, globals), () => null);
  const words = await projectWords(io, globals);
  const client = await findRunning(io, globals);
  if (!client) {
    progress.say(`${words} is not up: nothing to do`, 'note');
    return EXIT.done;
  }
  if (globals.dryRun) {
    const style = styleFor({ ansi: globals.ansi, env: io.env, output: io.stdout });
    io.stdout.write(`${planLines(reconcile(null, await client.graph()), { desired: null, running: null }, style).join('\n')}\n`);
    return EXIT.done;
  }
  const leave = leaving(io);
  let told = false;
  const onWorking = (connections: number): void => {
    if (connections > 0 && !told)
      progress.say(`draining ${counted(connections, 'open connection')}; tunnels down -t 0 closes at once`, 'note');
    told ||= connections > 0;
  };
  try {
    await client.down({ drainMs }, { signal: leave.signal, onWorking });
    progress.say(`${client.found.project || words} is down`, 'note');
    return EXIT.done;
  } catch (error) {
    if (!isDaemonError(error)) throw error;
    if (leave.signal.aborted) {
      progress.say('it goes on draining; tunnels down -t 0 closes at once', 'note');
      return leave.cutShort();
    }
    // Another `down` was quicker, and it has ended.
    if (error.code === 'gone' && (await findRunning(io, globals)) === null) return EXIT.done;
    throw error;
  } finally {
    leave.unlisten();
  }
}
