/** A command as the file has it: a list of words, run in the project directory. */
import type { ProjectCommand } from '../core/spec.ts';
import { expandPath, type Directories } from './paths.ts';
import type { Problems } from './problems.ts';
import type { Values } from './values.ts';

/** What compose puts before a healthcheck's words, and no program's name. */
const COMPOSE: readonly string[] = ['CMD', 'CMD-SHELL', 'NONE'];

export interface CommandPlace {
  readonly directories: Directories;
  readonly problems: Problems;
}

/** Null where there is none, or none that could be run. */
export function commandOf(values: Values | undefined, { directories, problems }: CommandPlace): ProjectCommand | null {
  const [first, ...words] = values?.items('command') ?? [];
  if (!first) return null;
  const program = String(first.value ?? '');
  const hint = 'write the words of the command alone; a shell is a command too: [sh, -c, "…"]';
  if (program === '' || COMPOSE.includes(program)) {
    const message = program === '' ? 'the first word of a command is its program, and this one is empty' : `${program} is no program here`;
    problems.add({ code: 'schema', message, at: first.span, hint });
    return null;
  }
  // No shell does it, and a path of one's own home is what a file for several people has to write.
  const expanded = program.startsWith('~/') ? expandPath(program, directories) : program;
  return { argv: [expanded, ...words.map((word) => String(word.value ?? ''))], cwd: directories.project, trusted: false };
}
