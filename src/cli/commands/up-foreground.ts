/** `up` in the foreground: holds the project, follows its events and its files, and leaves cleanly. One that is up already is joined. */
import type { Host } from '../../daemon/host.ts';
import { findProject, isSameBuild } from '../../daemon/find-project.ts';
import { isDaemonError } from '../../daemon/daemon-error.ts';
import { DaemonClient } from '../../daemon/client.ts';
import type { RunnerPort } from '../../runner/runner-port.ts';
import { EXIT } from '../exit-code.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { loadElsewhere, loadOptions } from '../load-options.ts';
import { framesFrom, framesFromDisk, frameStyle } from '../problem-report.ts';
import { chooseProgress } from '../progress/choose.ts';
import { projectPlace } from '../project-place.ts';
import { terminalQuestions } from '../questions.ts';
import { stopping } from '../stopping.ts';
import { follow } from './follow-up.ts';
import { take } from './take.ts';
import { upJoined, upReplacing } from './up-joined.ts';
import type { UpOptions } from './up-options.ts';

export async function upForeground(io: Io, globals: GlobalOptions, options: UpOptions): Promise<number> {
  const place = await projectPlace(io, globals);
  const running = place && (await findProject(place));
  if (place && running?.found.phase === 'up' && running.found.mode === 'background') {
    const isSame = isSameBuild(running.found, io.build);
    return isSame
      ? upJoined(io, globals, { client: running, options, load: await loadElsewhere(io, globals) })
      : upReplacing(io, globals, { place, options });
  }
  const frames = frameStyle(io, globals);
  let directory: string | null = null;
  let runner: RunnerPort | null = null;
  let host: Host | null = null;
  const progress = await chooseProgress(
    io,
    globals,
    framesFromDisk(() => directory, frames),
  );
  const stop = stopping({
    runner: () => runner,
    progress,
    drainMs: options.drainMs,
    stop: (what, drainMs) => host?.stop(drainMs) ?? what.stop({ drainMs }),
  });
  const unlisten = io.onSignal((signal) => stop.interrupt(signal));
  try {
    const load = await loadOptions(io, globals, options.names);
    const made = await io.createRunner({
      load,
      verbosity: globals.verbosity,
      noDeps: options.noDeps,
      names: options.names,
      questions: terminalQuestions({ io, suspend: () => progress.suspend(), onInterrupt: () => stop.interrupt('SIGINT') }),
    });
    runner = made;
    const taken = place && (await take(io, { place, runner: made, progress, signal: stop.signal }));
    if (taken && !taken.holds) {
      unlisten();
      const client = new DaemonClient(taken.holder.socket, taken.holder.status);
      const { env: _own, names: _names, ...elsewhere } = load;
      return await upJoined(io, globals, { client, options, load: elsewhere });
    }
    host = taken?.host ?? null;
    void host?.takenDown.then(() => stop.leave());
    let begun = false;
    const unsubscribe = made.subscribe((event) => {
      progress.event(event);
      if (event.type === 'applied' && begun && made.graph) progress.begin(made.graph);
    });
    if (stop.signal.aborted) return await stop.done;
    // Loading runs ssh -G and reads files on whatever disks: a signal does not wait for it.
    const stopped = stop.done.then(() => null);
    const result = await Promise.race([made.apply(), stopped]);
    if (result === null || stop.signal.aborted) return await stop.done;
    if (!result.applied) {
      // Nothing ran, so there is nothing to tell of its end.
      unsubscribe();
      progress.problems(result.failure.diagnostics, framesFrom(result.failure.sources, frames));
      await made.stop({ drainMs: 0 });
      return EXIT.invalidConfiguration;
    }
    directory = result.loaded.projectDirectory;
    if (result.loaded.diagnostics.length > 0) progress.problems(result.loaded.diagnostics, framesFrom(result.loaded.sources, frames));
    if (result.loaded.project.tunnels.size === 0) {
      progress.say('no tunnel is active: every tunnel of the file belongs to a profile that was not named (--profile)', 'error');
      return EXIT.failure;
    }
    begun = true;
    host?.up();
    if (made.graph) progress.begin(made.graph);
    if (options.watch) made.watch();
    return await follow({ running: made, progress, stop, watch: options.watch, ...(options.onUp ? { onUp: options.onUp } : {}) });
  } catch (error) {
    // A signal while another process still had the project.
    if (stop.signal.aborted && isDaemonError(error)) return await stop.done;
    throw error;
  } finally {
    unlisten();
    await host?.close();
  }
}
