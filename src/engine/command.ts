/** A command on this machine, as the engine asks for it: what it is given, and how it ended. */
import { sanitiseLine } from '../ssh/sanitise.ts';

export interface CommandRequest {
  readonly argv: readonly string[];
  readonly cwd: string;
  /** Over this process's own environment. */
  readonly env: Readonly<Record<string, string>>;
  /** What of a long output is kept. `start`: more than that ends the command (`overflow`). */
  readonly keep: 'start' | 'end';
  /** Ends it, and all it has started. */
  readonly signal: AbortSignal;
}

export interface CommandEnd {
  readonly how:
    | { readonly ended: 'exit'; readonly code: number }
    | { readonly ended: 'signal'; readonly signal: string }
    /** It never ran; `why` is the code of the error. */
    | { readonly ended: 'not-started'; readonly why: string };
  readonly stdout: string;
  readonly stderr: string;
  /** It was ended for printing too much. */
  readonly overflow: boolean;
}

/** Resolves when nothing of it runs any more, also after the signal; never rejects. */
export type RunCommand = (request: CommandRequest) => Promise<CommandEnd>;

const WHY: Readonly<Record<string, string>> = {
  ENOENT: 'was not found',
  EACCES: 'may not be run by you',
  ENOEXEC: 'is no program: does its first line say what runs it (#!)?',
  EMFILE: 'could not be started: this process has no file descriptor left',
  ENFILE: 'could not be started: this machine has no file descriptor left',
  EAGAIN: 'could not be started: there are too many processes',
  ENOMEM: 'could not be started: there is no memory left',
  E2BIG: 'could not be started: its words are too long',
};

/** `exited with 2`, after the name of its program. */
export function endText({ how, overflow }: CommandEnd): string {
  if (overflow) return 'printed too much';
  switch (how.ended) {
    case 'exit':
      return how.code === 127 ? 'exited with 127, as a shell does that does not find a program' : `exited with ${how.code}`;
    case 'signal':
      return `was ended by ${how.signal}`;
    case 'not-started':
      return WHY[how.why] ?? `could not be started (${how.why})`;
  }
}

const SAID = 200;

/** The last line that says something, fit to be shown. */
export const lastLine = (text: string): string => sanitiseLine(text.trimEnd().split('\n').at(-1) ?? '', SAID);

/** A program's name, fit to be shown. */
export const shownWord = (word: string): string => sanitiseLine(word, 80);
