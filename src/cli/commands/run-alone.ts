/** `run` on a project that is not up: this process brings it up for the command alone. Another `run` meanwhile joins it. */
import { DaemonClient } from '../../daemon/client.ts';
import { isDaemonError } from '../../daemon/daemon-error.ts';
import type { Place } from '../../daemon/find-project.ts';
import type { Host } from '../../daemon/host.ts';
import { waitFor } from '../../daemon/wait-for.ts';
import { boundExports } from '../../runner/bound-exports.ts';
import type { RunnerPort } from '../../runner/runner-port.ts';
import { EXIT } from '../exit-code.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { loadOptions } from '../load-options.ts';
import { framesFrom, frameStyle } from '../problem-report.ts';
import { chooseProgress, progressKind } from '../progress/choose.ts';
import type { Progress } from '../progress/progress.ts';
import { terminalQuestions } from '../questions.ts';
import { stopping, type Stopping } from '../stopping.ts';
import { runJoined } from './run-joined.ts';
import type { RunOptions } from './run-options.ts';
import { take } from './take.ts';
import { unmetText } from './wait.ts';

export interface LoneRun extends RunOptions {
  readonly place: Place | null;
}

export async function runAlone(io: Io, globals: GlobalOptions, options: LoneRun): Promise<number> {
  const { place } = options;
  const progress = await chooseProgress(io, unobtrusive(io, globals), () => null);
  let runner: RunnerPort | null = null;
  let host: Host | null = null;
  const close = (what: RunnerPort, drainMs: number | null): Promise<void> => host?.stop(drainMs) ?? what.stop({ drainMs });
  const stop = stopping({ runner: () => runner, progress, drainMs: options.drainMs, stop: close });
  let unlisten = io.onSignal((signal) => stop.interrupt(signal));
  try {
    const made = await io.createRunner({
      load: await loadOptions(io, globals, options.names),
      verbosity: globals.verbosity,
      noDeps: options.noDeps,
      names: options.names,
      questions: terminalQuestions({ io, suspend: () => progress.suspend(), onInterrupt: () => stop.interrupt('SIGINT') }),
    });
    runner = made;
    const taken = place && (await take(io, { place, runner: made, progress, signal: stop.signal }));
    if (taken && !taken.holds) {
      unlisten();
      return await runJoined(io, globals, { ...options, client: new DaemonClient(taken.holder.socket, taken.holder.status) });
    }
    host = taken?.host ?? null;
    const variables = await bringUp(io, globals, { runner: made, host, progress, stop, options });
    if (typeof variables === 'number') return variables;
    // From here on signals are meant for the command, which may do with them what it likes.
    unlisten();
    const code = await io.runCommand({ argv: options.argv, env: { ...io.env, ...variables } });
    unlisten = io.onSignal(() => void close(made, 0));
    await close(made, options.drainMs);
    return code;
  } catch (error) {
    if (stop.signal.aborted && isDaemonError(error)) return await stop.done;
    throw error;
  } finally {
    unlisten();
    await host?.close();
  }
}

/** Lines of coming up would stand in the command's output: without a terminal to draw on there are none, but with -v. */
function unobtrusive(io: Io, globals: GlobalOptions): GlobalOptions {
  const isPlain = globals.progress === 'auto' && globals.verbosity === 0 && progressKind(io, globals) === 'plain';
  return isPlain ? { ...globals, progress: 'quiet' } : globals;
}

interface Bringing {
  readonly runner: RunnerPort;
  readonly host: Host | null;
  readonly progress: Progress;
  readonly stop: Stopping;
  readonly options: LoneRun;
}

/** What the tunnels export; or the exit code where they did not come up, which is told. */
async function bringUp(
  io: Io,
  globals: GlobalOptions,
  { runner, host, progress, stop, options }: Bringing,
): Promise<Record<string, string> | number> {
  const unsubscribe = runner.subscribe((event) => progress.event(event));
  const stopped = stop.done.then(() => null);
  const result = await Promise.race([runner.apply(), stopped]);
  if (result === null || stop.signal.aborted) return stop.done;
  const { diagnostics, sources } = result.applied ? result.loaded : result.failure;
  if (!result.applied) unsubscribe();
  if (diagnostics.length > 0) progress.problems(diagnostics, framesFrom(sources, frameStyle(io, globals)));
  if (!result.applied) {
    await runner.stop({ drainMs: 0 });
    return EXIT.invalidConfiguration;
  }
  host?.up();
  if (runner.graph) progress.begin(runner.graph);
  const { waitMs: timeoutMs, names } = options;
  const waited = await waitFor(runner, { names, condition: 'healthy', timeoutMs }, stop.signal);
  unsubscribe();
  // The terminal is the command's from here on.
  await progress.settled(null);
  if (stop.signal.aborted) return stop.done;
  if (waited.outcome === 'met') {
    const bound = boundExports(runner.snapshot(), runner.graph).filter(({ tunnel }) => names.length === 0 || names.includes(tunnel));
    return Object.assign({}, ...bound.map((each) => each.exports)) as Record<string, string>;
  }
  progress.say(unmetText(io, globals, { ...waited, timeoutMs }), 'error');
  await runner.stop({ drainMs: 0 });
  return EXIT.failure;
}
