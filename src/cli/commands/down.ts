/** `down`: everything drains and closes, and the process ends. Nothing running is nothing to do. */
import { isDaemonError } from '../../daemon/daemon-error.ts';
import { EXIT } from '../exit-code.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { leaving } from '../leaving.ts';
import { chooseProgress } from '../progress/choose.ts';
import { counted } from '../render/quantity.ts';
import { findRunning, projectWords } from '../running-project.ts';

export async function down(io: Io, globals: GlobalOptions, { drainMs }: { readonly drainMs: number | null }): Promise<number> {
  const progress = await chooseProgress(io, globals, () => null);
  const words = await projectWords(io, globals);
  const client = await findRunning(io, globals);
  if (!client) {
    progress.say(`${words} is not up: nothing to do`, 'note');
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
      return leave.code();
    }
    // Another `down` was quicker, and it has ended.
    if (error.code === 'gone' && (await findRunning(io, globals)) === null) return EXIT.done;
    throw error;
  } finally {
    leave.unlisten();
  }
}
