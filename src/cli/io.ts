/** Everything a command touches of the outside, so that a test, or the demo, can give it another one. */
import type { Readable } from 'node:stream';
import type { Load, LoadOptions } from '../config/loaded.ts';
import type { EnsureOptions, Ensured } from '../daemon/ensure-daemon.ts';
import type { HostOptions, HostOutcome } from '../daemon/host.ts';
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

export interface CommandLine {
  readonly argv: readonly string[];
  /** The whole of it. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted before the command is there: then it is not run. Signals from then on are the command's. */
  readonly signal: AbortSignal;
}

export interface Io {
  /** Absolute. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: Readable & { readonly isTTY?: boolean | undefined };
  readonly stdout: Output;
  readonly stderr: Output;
  /** Which build of the program this is, from when it began (`buildId`). */
  readonly build: string;
  /** Calls back for each signal until the returned function is called. While somebody listens, a signal does not end the process. */
  onSignal(listener: (signal: StopSignal) => void): () => void;
  /** Calls back when nobody reads stdout any more, or nothing can be written to it, which only writing to it finds out. */
  onReaderGone(listener: () => void): () => void;
  readonly load: Load;
  createRunner(options: RunnerOptions): Promise<RunnerPort>;
  /** Holds a project for a runner of this process (`serveRunner`). */
  serve(options: HostOptions): Promise<HostOutcome>;
  ensureDaemon(options: EnsureOptions): Promise<Ensured>;
  /** Is the process in the background. */
  runDaemon(): Promise<0 | 1 | 3>;
  /**
   * Runs a command with this process's terminal and streams; gives the exit code as a shell does: 128 and the signal, 127 not found. Null:
   * it was not run.
   */
  runCommand(command: CommandLine): Promise<number | null>;
}
