/** Runs the user's command as if the shell had: same terminal, same streams, its signals, its exit code. */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { CommandLine } from './io.ts';

/** What others may send to this process and mean for the command. */
const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGCONT'] as const;
/** A terminal sends these to every process of the foreground by itself: forwarding would make two of one key press. */
const FROM_TERMINAL: ReadonlySet<string> = new Set(['SIGINT', 'SIGQUIT']);

/** As sh(1): 126 where the file cannot be run, 127 where there is none. */
const CANNOT_RUN = 126;
const NOT_FOUND = 127;

export function runCommand({ argv, env }: CommandLine): Promise<number> {
  const [program = '', ...words] = argv;
  const child = spawn(program, words, { stdio: 'inherit', env: { ...env } });
  const hasTerminal = process.stdin.isTTY === true;
  const forwards = FORWARDED.map((signal) => ({
    signal,
    listener: (): void => {
      if (!(hasTerminal && FROM_TERMINAL.has(signal))) child.kill(signal);
    },
  }));
  for (const { signal, listener } of forwards) process.on(signal, listener);
  return new Promise<number>((resolve) => {
    child.once('error', (error: NodeJS.ErrnoException) => {
      const missing = error.code === 'ENOENT';
      process.stderr.write(`tunnels: ${program}: ${missing ? 'command not found' : `cannot be run (${error.code ?? error.message})`}\n`);
      resolve(missing ? NOT_FOUND : CANNOT_RUN);
    });
    child.once('exit', (code, signal) => resolve(signal === null ? (code ?? 0) : 128 + constants.signals[signal]));
  }).finally(() => {
    for (const { signal, listener } of forwards) process.off(signal, listener);
  });
}
