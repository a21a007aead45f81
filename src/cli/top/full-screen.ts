/** The whole terminal for one view, given back on every way out: the end, a signal, a throw, the exit of the process. */
import { writeSync } from 'node:fs';
import type { ReadStream, WriteStream } from 'node:tty';
import type { Io, Output } from '../io.ts';
import type { Size } from './top-lines.ts';

/** xterm's control sequences: the alternate screen, no cursor, no wrapping; and back. */
const ENTER = '\u001b[?1049h\u001b[?25l\u001b[?7l\u001b[2J';
const LEAVE = '\u001b[?7h\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const CLEAR_LINE = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';

/** Bytes that a terminal which does not read may be behind before frames are left out. */
const BEHIND = 64 * 1024;

type TerminalOutput = Output & Partial<Pick<WriteStream, 'rows' | 'on' | 'off' | 'writableLength'>> & { readonly fd?: number };
type TerminalInput = Io['stdin'] & Partial<Pick<ReadStream, 'setRawMode'>>;

export interface FullScreen {
  size(): Size;
  /** Replaces what is shown; left out while the terminal is behind. Lines are no wider and no more than the size. */
  draw(lines: readonly string[]): void;
  /** Gives the terminal back; again does nothing. */
  leave(): void;
}

export interface FullScreenListeners {
  readonly onKeys: (chunk: string) => void;
  readonly onResize: () => void;
  /** The terminal has gone. */
  readonly onGone: () => void;
}

export function enterFullScreen(io: Pick<Io, 'stdin' | 'stdout'>, { onKeys, onResize, onGone }: FullScreenListeners): FullScreen {
  const output = io.stdout as TerminalOutput;
  const input = io.stdin as TerminalInput;
  const onData = (chunk: Buffer | string): void => onKeys(chunk.toString());
  let isEntered = true;

  const undo = (write: (text: string) => void): void => {
    if (!isEntered) return;
    isEntered = false;
    input.off('data', onData);
    input.off('end', onGone);
    input.off('error', onGone);
    output.off?.('resize', onResize);
    process.off('exit', atExit);
    process.off('uncaughtException', leave);
    process.off('unhandledRejection', leave);
    try {
      input.setRawMode?.(false);
    } catch {
      // The terminal has gone, and its mode with it.
    }
    input.pause();
    write(LEAVE);
  };
  const leave = (): void => undo((text) => output.write(text));
  // Nothing that is only queued gets out any more then.
  const atExit = (): void =>
    undo((text) => {
      try {
        writeSync(output.fd ?? 1, text);
      } catch {
        // The terminal has gone.
      }
    });

  // Before those who tell of it and end the process: what they say has to stay on the screen.
  process.prependListener('uncaughtException', leave);
  process.prependListener('unhandledRejection', leave);
  process.once('exit', atExit);
  input.setRawMode?.(true);
  input.on('data', onData);
  input.on('end', onGone);
  input.on('error', onGone);
  input.resume();
  output.on?.('resize', onResize);
  output.write(ENTER);

  return {
    size: () => ({ columns: Math.max(1, output.columns || 80), rows: Math.max(1, output.rows || 24) }),
    draw(lines) {
      if (!isEntered || (output.writableLength ?? 0) > BEHIND) return;
      output.write(`${HOME}${lines.map((line) => CLEAR_LINE + line).join('\r\n')}${CLEAR_BELOW}`);
    },
    leave,
  };
}
