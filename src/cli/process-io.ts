/** The real outside: this process's streams, signals, configuration and runner. */
import type { Io, StopSignal } from './io.ts';

const SIGNALS: readonly StopSignal[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

export function processIo(): Io {
  return {
    cwd: process.cwd(),
    env: process.env,
    // A getter: touching process.stdin opens it, and most commands never read it.
    get stdin() {
      return process.stdin;
    },
    stdout: process.stdout,
    stderr: process.stderr,
    onSignal(listener) {
      for (const signal of SIGNALS) process.on(signal, listener);
      return () => {
        for (const signal of SIGNALS) process.off(signal, listener);
      };
    },
    async load(options) {
      const { load } = await import('../config/load.ts');
      return load(options);
    },
    async createRunner(options) {
      const { createRunner } = await import('../runner/runner.ts');
      return createRunner(options);
    },
  };
}
