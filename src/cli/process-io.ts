/** The real outside: this process's streams, signals, configuration, runner and processes. */
import { buildId } from '../daemon/build-id.ts';
import type { Io, StopSignal } from './io.ts';

const SIGNALS: readonly StopSignal[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

export function processIo(version: string): Io {
  const build = buildId(version);
  return {
    cwd: process.cwd(),
    env: process.env,
    // A getter: touching process.stdin opens it, and most commands never read it.
    get stdin() {
      return process.stdin;
    },
    stdout: process.stdout,
    stderr: process.stderr,
    build,
    onSignal(listener) {
      for (const signal of SIGNALS) process.on(signal, listener);
      return () => {
        for (const signal of SIGNALS) process.off(signal, listener);
      };
    },
    onReaderGone(listener) {
      process.stdout.on('error', listener);
      return () => process.stdout.off('error', listener);
    },
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
