/** Runs the user's command as if the shell had: same terminal, same streams, its signals, its exit code. */
import { spawn, type ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import { isatty } from 'node:tty';
import type { CommandLine } from './io.ts';

/** What others may send to this process and mean for the command. */
const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGCONT'] as const;
/** A terminal sends these to every process of the foreground by itself: forwarding would make two of one key press. */
const FROM_TERMINAL: ReadonlySet<string> = new Set(['SIGINT', 'SIGQUIT']);

/** As sh(1): 126 where the file cannot be run, 127 where there is none. */
const CANNOT_RUN = 126;
const NOT_FOUND = 127;

/** Null: the signal was there before the command was. */
export async function runCommand({ argv, env, signal: cancelled }: CommandLine): Promise<number | null> {
  const [program = '', ...words] = argv;
  // Not by process.stdin: opening it makes a pipe non-blocking, and it is the command's too.
  const hasTerminal = isatty(0);
  let child: ChildProcess | null = null;
  const early: NodeJS.Signals[] = [];
  const forwards = FORWARDED.map((signal) => ({
    signal,
    listener: (): void => {
      if (hasTerminal && FROM_TERMINAL.has(signal)) return;
      if (child) child.kill(signal);
      else early.push(signal);
    },
  }));
  // Before the command can do anything that makes somebody send one.
  for (const { signal, listener } of forwards) process.on(signal, listener);
  try {
    if (cancelled.aborted) return null;
    const started = spawn(program, words, { stdio: 'inherit', env: { ...env } });
    child = started;
    for (const signal of early) started.kill(signal);
    return await exitOf(started, program);
  } finally {
    for (const { signal, listener } of forwards) process.off(signal, listener);
  }
}

function exitOf(child: ChildProcess, program: string): Promise<number> {
  return new Promise((resolve) => {
    child.once('error', (error: NodeJS.ErrnoException) => {
      const missing = error.code === 'ENOENT';
      process.stderr.write(`tunnels: ${program}: ${missing ? 'command not found' : `cannot be run (${error.code ?? error.message})`}\n`);
      resolve(missing ? NOT_FOUND : CANNOT_RUN);
    });
    child.once('exit', (code, signal) => resolve(signal === null ? (code ?? 0) : 128 + constants.signals[signal]));
  });
}
