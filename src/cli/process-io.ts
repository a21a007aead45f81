/** The real outside: this process's streams, signals, configuration, runner and processes. */
import { buildId } from '../daemon/build-id.ts';
import type { Io, StopSignal } from './io.ts';
import type { Results } from './results.ts';
import { UsageError } from './usage-error.ts';

const SIGNALS: readonly StopSignal[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

export function processIo(version: string, results: Results): Io {
  const build = buildId(version);
  return {
    // A getter: a directory that was removed under the shell is only in the way of what needs it.
    get cwd() {
      return workingDirectory();
    },
    env: process.env,
    // A getter: touching process.stdin opens it, and most commands never read it.
    get stdin() {
      return process.stdin;
    },
    stdout: results.output,
    stderr: process.stderr,
    build,
    onSignal(listener) {
      for (const signal of SIGNALS) process.on(signal, listener);
      return () => {
        for (const signal of SIGNALS) process.off(signal, listener);
      };
    },
    onReaderGone: (listener) => results.onLost(listener),
    async load(options) {
      const { load } = await import('../config/load.ts');
      return load(options);
    },
    async createRunner(options) {
      const { createRunner } = await import('../runner/runner.ts');
      return createRunner(options);
    },
    async serve(options) {
      const { serveRunner } = await import('../daemon/host.ts');
      return serveRunner(options);
    },
    async ensureDaemon(options) {
      const { ensureDaemon } = await import('../daemon/ensure-daemon.ts');
      return ensureDaemon(options);
    },
    async runDaemon() {
      const [{ runDaemon }, { createRunner }] = await Promise.all([import('../daemon/daemon-process.ts'), import('../runner/runner.ts')]);
      return runDaemon({ createRunner, build });
    },
    async runCommand(command) {
      const { runCommand } = await import('./run-command.ts');
      return runCommand(command);
    },
  };
}

function workingDirectory(): string {
  try {
    return process.cwd();
  } catch {
    throw new UsageError('the working directory is not there any more', 'cd to one that is, or cd . where it was made again');
  }
}
