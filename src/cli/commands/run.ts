/** `run`: a command with the tunnels up and what they export. What it asked for goes with it, unless somebody else does too. */
import type { DaemonClient } from '../../daemon/client.ts';
import { isDaemonError } from '../../daemon/daemon-error.ts';
import { EXIT } from '../exit-code.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { leaving } from '../leaving.ts';
import { chooseProgress, lineByLine } from '../progress/choose.ts';
import { projectPlace } from '../project-place.ts';
import { counted } from '../render/quantity.ts';
import { UsageError } from '../usage-error.ts';
import { borrow, type Borrowed } from './borrow.ts';
import { loadedProject } from './loaded-project.ts';
import type { RunOptions } from './run-options.ts';

export async function run(io: Io, globals: GlobalOptions, options: RunOptions): Promise<number> {
  if (options.argv.length === 0) throw new UsageError('run needs a command', 'tunnels run [NAME…] -- COMMAND');
  if (globals.dryRun) return dryRun(io, globals, options);
  const place = await projectPlace(io, globals);
  if (!place) {
    // Loading says what it looked for.
    await loadedProject(io, globals, options.names);
    return EXIT.invalidConfiguration;
  }
  const leave = leaving(io);
  try {
    const borrowed = await borrow(io, globals, { ...options, place, leave });
    if (typeof borrowed === 'number') return borrowed;
    // From here on signals are meant for the command, which may do with them what it likes.
    const env = { ...io.env, ...borrowed.variables };
    const code = await io.runCommand({ argv: options.argv, env, signal: leave.signal });
    await giveBack(io, globals, { ...borrowed, drainMs: code === null ? 0 : options.drainMs });
    return code ?? leave.cutShort();
  } catch (error) {
    if (!leave.signal.aborted || !isDaemonError(error)) throw error;
    return leave.cutShort();
  } finally {
    leave.unlisten();
  }
}

/** What `up` would do, and the command. */
async function dryRun(io: Io, globals: GlobalOptions, options: RunOptions): Promise<number> {
  const { up } = await import('./up.ts');
  const code = await up(io, globals, { ...options, watch: false, detach: null });
  if (code === EXIT.done) io.stdout.write(`then ${options.argv.map(shellWord).join(' ')}\n`);
  return code;
}

const shellWord = (word: string): string => (/^[\w./:@%+,=-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);

interface GivingBack extends Borrowed {
  readonly drainMs: number | null;
}

/** A signal now hurries what the command has left open. */
async function giveBack(io: Io, globals: GlobalOptions, { client, id, lost, drainMs }: GivingBack): Promise<void> {
  const progress = await chooseProgress(io, lineByLine(io, globals), () => null);
  if (lost.aborted) {
    progress.say(`the project went down while the command ran`, 'note');
    return;
  }
  const hurry = new AbortController();
  const unlisten = io.onSignal(() => hurry.abort());
  let told = false;
  const onWorking = (connections: number): void => {
    if (connections > 0 && !told)
      progress.say(`draining; ${counted(connections, 'connection')} of the project open, Ctrl-C closes at once`, 'note');
    told ||= connections > 0;
  };
  try {
    const released = release(client, { id, drainMs }, onWorking);
    hurry.signal.addEventListener('abort', () => void release(client, { id, drainMs: 0 }, () => undefined), { once: true });
    await released;
  } finally {
    unlisten();
  }
}

/** Where the project ends meanwhile there is nothing left to give back. */
async function release(
  client: DaemonClient,
  request: Parameters<DaemonClient['release']>[0],
  onWorking: (connections: number) => void,
): Promise<void> {
  try {
    await client.release(request, { onWorking });
  } catch (error) {
    if (!isDaemonError(error)) throw error;
  }
}
