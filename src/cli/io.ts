/** Everything a command touches of the outside, so that a test, or the demo, can give it another one. */
import type { Readable } from 'node:stream';
import type { Load, LoadOptions } from '../config/loaded.ts';
import type { Questions, RunnerPort } from '../runner/runner-port.ts';

export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

export type StopSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

export interface RunnerOptions {
  readonly load: LoadOptions;
  readonly questions: Questions;
  readonly verbosity: 0 | 1 | 2 | 3;
  readonly noDeps?: boolean;
  readonly names?: readonly string[];
}

export interface Io {
  /** Absolute. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: Readable & { readonly isTTY?: boolean | undefined };
  readonly stdout: Output;
  readonly stderr: Output;
  /** Calls back for each signal until the returned function is called. While somebody listens, a signal does not end the process. */
  onSignal(listener: (signal: StopSignal) => void): () => void;
  readonly load: Load;
  createRunner(options: RunnerOptions): Promise<RunnerPort>;
}
