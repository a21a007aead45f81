/** Brings a project up in this process. */
import { createRunner } from '../runner/runner.ts';
import type { Questions, RunnerPort } from '../runner/runner-port.ts';
import { configurationError, loadedProject } from './load-project.ts';
import { toLoadOptions, type ProjectOptions } from './project-options.ts';
import { ready, type ReadyOptions } from './ready.ts';
import { runningProject, type RunningProject } from './running-project.ts';
import { TunnelsError } from './tunnels-error.ts';

export interface UpOptions extends ProjectOptions, ReadyOptions {
  /** With `names`: without the other tunnels they need. Default false. */
  readonly noDeps?: boolean;
  /** Reload when a file changes. Default false. What comes of it is told by the events `applied` and `rejected`. */
  readonly watch?: boolean;
  /** `false` resolves as soon as the file is applied, while the tunnels open; `ready()` then waits for them. Default true. */
  readonly ready?: boolean;
  /** Answers for passphrases, passwords and unknown host keys. Without it nothing is asked, and what needs an answer fails. */
  readonly questions?: Questions;
  /** Events of type `debug`, as with ssh's `-v`, `-vv` and `-vvv`. Default 0: none. */
  readonly verbosity?: 0 | 1 | 2 | 3;
}

/**
 * Brings the project up in this process and resolves when every tunnel is open, or with `condition: 'healthy'` healthy (an on-demand one:
 * when it listens).
 *
 * Rejects with `ConfigurationError` before anything is dialled, or with `NotOpenError` when a tunnel or a host has failed for
 * good, after `timeoutMs` (default 30 000), or when `signal` is aborted; then everything is closed again. A project that
 * `tunnels up` runs in another process is not looked for: its ports are then busy.
 */
export async function up(options: UpOptions = {}): Promise<RunningProject> {
  const { names, noDeps, questions, verbosity } = options;
  const runner = createRunner({
    load: toLoadOptions(options),
    ...(names === undefined ? {} : { names }),
    ...(noDeps === undefined ? {} : { noDeps }),
    ...(questions === undefined ? {} : { questions }),
    ...(verbosity === undefined ? {} : { verbosity }),
  });
  return bringUp(runner, options);
}

/** `runner` has applied nothing yet. */
export async function bringUp(runner: RunnerPort, options: UpOptions): Promise<RunningProject> {
  try {
    const result = await runner.apply();
    if (!result.applied) throw configurationError(result.failure);
    const loaded = loadedProject(result.loaded);
    if (loaded.project.tunnels.size === 0) {
      const message = 'no tunnel is active: every tunnel of the file belongs to a profile that was not named';
      throw new TunnelsError({ code: 'nothing-active', message, hint: 'name one in profiles' });
    }
    if (options.watch) runner.watch();
    if (options.ready !== false) await ready(runner, options);
    return runningProject(runner, loaded);
  } catch (error) {
    await runner.stop({ drainMs: 0 });
    throw error;
  }
}
