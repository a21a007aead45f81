/** A terminal that a program runs in, its screen read as a person would: tmux, with a server of its own. */
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { remove, scratch } from './scratch.ts';
import { until } from './wait.ts';

export interface TerminalOptions {
  readonly command: readonly string[];
  readonly cwd: string;
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly columns: number;
  readonly rows: number;
}

export interface Terminal {
  /** The process in it. */
  readonly pid: number;
  /** The lines of the screen, without trailing blanks. */
  screen(): string;
  /** Keys as bytes: `\r` is Enter, `\u0003` Ctrl-C. */
  type(keys: string): void;
  resize(columns: number, rows: number): void;
  until(matches: (screen: string) => boolean, what: string, ms?: number): Promise<string>;
  untilShows(pattern: RegExp, ms?: number): Promise<string>;
  /** `alternate_on`, `cursor_flag`, `pane_dead_status` of tmux(1) FORMATS, as text. */
  ask(format: string): string;
  stop(): void;
}

export async function startTerminal({ command, cwd, env, columns, rows }: TerminalOptions): Promise<Terminal> {
  const dir = scratch('tmux');
  const base = ['-S', join(dir, 'socket'), '-f', '/dev/null'];
  const tmux = (...args: readonly string[]): string => {
    const { status, stdout, stderr } = spawnSync('tmux', [...base, ...args], { cwd, env: { ...env, TERM: 'xterm' }, encoding: 'utf8' });
    if (status !== 0) throw new Error(`tmux ${args.join(' ')}: ${stderr}`);
    return stdout.trimEnd();
  };
  const ask = (format: string): string => tmux('display-message', '-p', '-t', 'main', `#{${format}}`);
  const options = ['set-option -g remain-on-exit on', 'set-option -g default-terminal screen-256color', 'set-option -s escape-time 0'];
  tmux(
    'start-server',
    ...options.flatMap((option) => [';', ...option.split(' ')]),
    ';',
    'new-session',
    '-d',
    '-s',
    'main',
    '-x',
    `${columns}`,
    '-y',
    `${rows}`,
    ...command,
  );
  const screen = (): string => tmux('capture-pane', '-p', '-t', 'main');
  const terminal: Terminal = {
    pid: Number(ask('pane_pid')),
    screen,
    ask,
    type: (keys) => void tmux('send-keys', '-t', 'main', '-H', ...[...Buffer.from(keys)].map((byte) => byte.toString(16))),
    resize: (width, height) => void tmux('resize-window', '-t', 'main', '-x', `${width}`, '-y', `${height}`),
    until: async (matches, what, ms = 15_000) => {
      await until(() => matches(screen()), { what: `${what} on the terminal`, ms, every: 50, detail: screen });
      return screen();
    },
    untilShows: (pattern, ms) => terminal.until((text) => pattern.test(text), String(pattern), ms),
    stop: () => {
      spawnSync('tmux', [...base, 'kill-server']);
      remove(dir);
    },
  };
  return terminal;
}
