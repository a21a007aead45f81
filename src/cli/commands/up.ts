/** `up`: brings the project up in the foreground, follows its events and its files, and leaves cleanly. */
import { retryClass, type FailureCode } from '../../core/failure.ts';
import type { Snapshot } from '../../core/snapshot.ts';
import type { RunnerPort } from '../../runner/runner-port.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { loadOptions } from '../load-options.ts';
import { framesFrom, framesFromDisk, frameStyle } from '../problem-report.ts';
import { chooseProgress } from '../progress/choose.ts';
import type { Progress } from '../progress/progress.ts';
import { terminalQuestions } from '../questions.ts';
import { openCount } from '../render/summary.ts';
import { stopping, type Stopping } from '../stopping.ts';
import { plan } from './plan.ts';

export interface UpOptions {
  readonly names: readonly string[];
  readonly noDeps: boolean;
  readonly watch: boolean;
  /** -t: how long open connections may take to end, in milliseconds; null is each tunnel's own `drain`. */
  readonly drainMs: number | null;
  /** Called once it has come up; the demo goes on from here. */
  readonly onUp?: (running: { readonly runner: RunnerPort; readonly stopping: Stopping }) => void;
}

export async function up(io: Io, globals: GlobalOptions, options: UpOptions): Promise<ExitCode> {
  if (globals.dryRun) {
    const code = await plan(io, globals, options);
    return code === EXIT.changes ? EXIT.done : code;
  }
  const load = await loadOptions(io, globals, options.names);
  let directory: string | null = null;
  const frames = frameStyle(io, globals);
  const progress = await chooseProgress(
    io,
    globals,
    framesFromDisk(() => directory, frames),
  );
  let runner: RunnerPort | null = null;
  const stop = stopping({ runner: () => runner, progress, drainMs: options.drainMs });
  const unlisten = io.onSignal((signal) => stop.interrupt(signal));
  try {
    const running = await io.createRunner({
      load,
      verbosity: globals.verbosity,
      noDeps: options.noDeps,
      names: options.names,
      questions: terminalQuestions({ io, suspend: () => progress.suspend(), onInterrupt: () => stop.interrupt('SIGINT') }),
    });
    runner = running;
    let begun = false;
    const unsubscribe = running.subscribe((event) => {
      progress.event(event);
      if (event.type === 'applied' && begun && running.graph) progress.begin(running.graph);
    });
    if (stop.signal.aborted) return await stop.done;
    // Loading runs ssh -G and reads files on whatever disks: a signal does not wait for it.
    const stopped = stop.done.then(() => null);
    const result = await Promise.race([running.apply(), stopped]);
    if (result === null || stop.signal.aborted) return await stop.done;
    if (!result.applied) {
      // Nothing ran, so there is nothing to tell of its end.
      unsubscribe();
      progress.problems(result.failure.diagnostics, framesFrom(result.failure.sources, frames));
      await running.stop({ drainMs: 0 });
      return EXIT.invalidConfiguration;
    }
    directory = result.loaded.projectDirectory;
    if (result.loaded.diagnostics.length > 0) progress.problems(result.loaded.diagnostics, framesFrom(result.loaded.sources, frames));
    if (result.loaded.project.tunnels.size === 0) {
      progress.say('no tunnel is active: every tunnel of the file belongs to a profile that was not named (--profile)', 'error');
      return EXIT.failure;
    }
    begun = true;
    if (running.graph) progress.begin(running.graph);
    if (options.watch) running.watch();
    return await follow({ running, progress, stop, options });
  } finally {
    unlisten();
  }
}

interface Following {
  readonly running: RunnerPort;
  readonly progress: Progress;
  readonly stop: Stopping;
  readonly options: UpOptions;
}

/**
 * Stays with what works: as long as one tunnel is open, or can still become so, it runs on, because a reload may mend the
 * others. It leaves with 1 only when every tunnel failed and none can get further by itself.
 */
async function follow({ running, progress, stop, options }: Following): Promise<ExitCode> {
  const outcome = await running.settled(stop.signal);
  if (outcome === 'aborted') {
    await progress.settled(null);
    return stop.done;
  }
  const snapshot = running.snapshot();
  await progress.settled(snapshot);
  const { open, all } = openCount(snapshot);
  if (open === 0 && outcome === 'failed') {
    progress.say(`no tunnel is open: ${why(snapshot)}`, 'error');
    await running.stop({ drainMs: 0 });
    return EXIT.failure;
  }
  if (open < all) progress.say(partly(snapshot, options.watch), 'error');
  options.onUp?.({ runner: running, stopping: stop });
  return Promise.race([stop.done, lostAll({ running, progress, stop, options })]);
}

/** Later on, too, everything may end up failed. Without the watch nothing can mend that, so it leaves with 1. */
function lostAll({ running, progress, stop, options }: Following): Promise<ExitCode> {
  return new Promise((resolve) => {
    let looking = false;
    const look = async (): Promise<void> => {
      looking = true;
      const outcome = await running.settled(stop.signal);
      looking = false;
      const snapshot = running.snapshot();
      if (outcome !== 'failed' || openCount(snapshot).open > 0) return;
      const next = options.watch ? '; fix it and save the file, or press Ctrl-C' : '';
      progress.say(`no tunnel is open any more: ${why(snapshot)}${next}`, 'error');
      if (options.watch) return;
      unsubscribe();
      await running.stop({ drainMs: 0 });
      resolve(EXIT.failure);
    };
    const unsubscribe = running.subscribe((event) => {
      const isFailed = (event.type === 'tunnel-state' || event.type === 'host-state') && event.to === 'failed';
      if (isFailed && !looking && !stop.signal.aborted) void look();
    });
  });
}

function why(snapshot: Snapshot): string {
  const failed = [...snapshot.hosts, ...snapshot.tunnels].filter((each) => each.state === 'failed');
  const needsUser = failed.filter((each) => each.error !== null && retryClass(each.error.code as FailureCode) === 'needs-user');
  const names = [...new Set((needsUser.length > 0 ? needsUser : failed).map((each) => each.name))];
  return names.length === 0 ? 'nothing can get further' : `${names.join(', ')} failed, and only you can change that (see above)`;
}

function partly(snapshot: Snapshot, watching: boolean): string {
  const missing = snapshot.tunnels.filter((tunnel) => tunnel.state === 'failed' || tunnel.state === 'waiting').map((tunnel) => tunnel.name);
  const next = watching ? 'fix it and save the file, or press Ctrl-C' : 'press Ctrl-C, fix it and run up again';
  return `${openCount(snapshot).text}; not open: ${missing.join(', ')}; ${next}`;
}
