/** A child process with captured output, that is always ended, its whole group with it. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { descendantsOf, signalAll } from './process-table.ts';
import { within } from './wait.ts';

export interface ChildOptions {
  readonly cwd?: string;
  /** The whole environment; default: this process's own. */
  readonly env?: NodeJS.ProcessEnv;
  /** Called for each chunk of standard error or output. */
  readonly onText?: (text: string, stream: 'stdout' | 'stderr') => void;
  /** `pipe` leaves stdin open for `write`; default is no stdin. */
  readonly stdin?: 'pipe' | 'ignore';
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Child {
  readonly pid: number;
  readonly process: ChildProcess;
  stdout(): string;
  stderr(): string;
  readonly exited: Promise<Exit>;
  hasExited(): boolean;
  /** Ends it and everything it started: `signal`, and SIGKILL where that did not do within `ms` (default 5 000). */
  stop(signal?: NodeJS.Signals, ms?: number): Promise<Exit>;
}

/** So often a pipe is looked at after its process has ended, every 20 ms: looks and not a time, for this process may have been held up. */
const HELD_LOOKS = 10;

async function looks(count: number): Promise<void> {
  for (let left = count; left > 0; left -= 1) await new Promise<void>((resolve) => void setTimeout(resolve, 20).unref());
}

let deathSignal: readonly string[] | undefined;

/** With setpriv the kernel ends the child when this process dies, however it dies. */
function parentDeath(): readonly string[] {
  deathSignal ??=
    process.platform === 'linux' && spawnSync('setpriv', ['--pdeathsig', 'KILL', 'true']).status === 0
      ? ['setpriv', '--pdeathsig', 'KILL', '--']
      : [];
  return deathSignal;
}

export function startChild(command: string, args: readonly string[], options: ChildOptions = {}): Child {
  const [program = command, ...words] = [...parentDeath(), command, ...args];
  const child = spawn(program, words, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: [options.stdin ?? 'ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const text = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream]?.setEncoding('utf8').on('data', (chunk: string) => {
      text[stream] += chunk;
      options.onText?.(chunk, stream);
    });
  }
  let ended: Exit | undefined;
  const exited = new Promise<Exit>((resolve, reject) => {
    const end = (exit: Exit): void => {
      ended = exit;
      resolve(exit);
    };
    child.once('error', (error) => {
      ended ??= { code: null, signal: null };
      reject(new Error(`cannot start ${command}: ${error.message}`));
    });
    // `close` and not `exit`, for the output that is still in the pipe; but a grandchild may hold the pipe for ever.
    child.once('close', (code, signal) => end({ code, signal }));
    child.once('exit', (code, signal) => void looks(HELD_LOOKS).then(() => end({ code, signal })));
  });
  exited.catch(() => undefined);
  const handle: Child = {
    pid: child.pid ?? -1,
    process: child,
    stdout: () => text.stdout,
    stderr: () => text.stderr,
    exited,
    hasExited: () => ended !== undefined || child.exitCode !== null || child.signalCode !== null,
    stop: async (signal = 'SIGTERM', ms = 5_000) => stop(handle, signal, ms),
  };
  return handle;
}

async function stop(child: Child, signal: NodeJS.Signals, ms: number): Promise<Exit> {
  if (child.pid < 0) return child.exited;
  const family = descendantsOf(child.pid);
  if (!child.hasExited()) {
    signalAll([child.pid], signal);
    try {
      await within(child.exited, { what: `${child.process.spawnfile} to end`, ms });
    } catch {
      signalAll([child.pid], 'SIGKILL');
    }
  }
  const everyone = [...family, ...descendantsOf(child.pid)];
  signalAll(everyone, 'SIGKILL');
  signalAll(everyone, 'SIGCONT');
  const exit = await within(child.exited, { what: `process ${child.pid} to end after SIGKILL`, ms: 5_000 });
  child.process.stdout?.destroy();
  child.process.stderr?.destroy();
  return exit;
}

export interface RunResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions extends ChildOptions {
  /** Written to stdin, which is then closed. */
  readonly input?: string;
  /** Milliseconds until it is killed and the call rejects; default 20 000. */
  readonly ms?: number;
}

/** Runs a command to its end. A non-zero code does not reject; running out of time does. */
export async function runChild(command: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const child = startChild(command, args, { ...options, stdin: options.input === undefined ? 'ignore' : 'pipe' });
  child.process.stdin?.on('error', () => undefined).end(options.input);
  const ms = options.ms ?? 20_000;
  try {
    const exit = await within(child.exited, {
      what: `\`${[command, ...args].join(' ')}\` to end`,
      ms,
      detail: () => `stdout: ${child.stdout()}\nstderr: ${child.stderr()}`,
    });
    return { ...exit, stdout: child.stdout(), stderr: child.stderr() };
  } finally {
    if (!child.hasExited()) await child.stop('SIGKILL');
  }
}

/** As runChild, but a non-zero exit rejects; gives stdout. */
export async function check(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const result = await runChild(command, args, options);
  if (result.code !== 0)
    throw new Error(`\`${[command, ...args].join(' ')}\` ended with ${result.code ?? result.signal}: ${result.stderr}${result.stdout}`);
  return result.stdout;
}
