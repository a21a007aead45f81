/** `__complete`: what the shells' scripts ask for. Whatever is wrong, it says nothing: somebody is typing. */
import type { Command } from 'commander';
import { complete as candidatesOf, type Completion } from '../completion/candidates.ts';
import { nameSource } from '../completion/names.ts';
import { unquote } from '../completion/unquote.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import type { Io } from '../io.ts';

export interface CompleteOptions {
  readonly program: Command;
  readonly shell: string;
  /** What is typed, without the program; the last word is the one at the cursor. */
  readonly line: readonly string[];
}

export async function complete(io: Io, { program, shell, line }: CompleteOptions): Promise<ExitCode> {
  try {
    // zsh has removed the quotes, and fish those of all words but the last.
    const typed = line.map((word, at) => (shell === 'bash' || (shell === 'fish' && at === line.length - 1) ? unquote(word) : word));
    io.stdout.write(answer(await candidatesOf(program, typed, nameSource(io))));
  } catch {
    // Then there is nothing to complete with.
  }
  return EXIT.done;
}

function answer({ kind, from, candidates }: Completion): string {
  const lines = candidates.map(({ value, description }) => `${value}\t${oneLine(description)}`);
  return `${[kind === 'command' ? `command ${from}` : kind, ...lines].join('\n')}\n`;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: refusing them is the point
const oneLine = (text: string): string => text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ');
