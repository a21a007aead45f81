/** What can stand at the cursor: read off the table of commands, with the names of tunnels and hosts asked for where they belong. */
import type { Argument, Command, Option } from 'commander';

export interface Candidate {
  readonly value: string;
  /** One line; may be empty. */
  readonly description: string;
}

export interface Completion {
  /** `files`: whatever path the shell knows. `command`: another program's command line begins at word `from`, counted from 0. */
  readonly kind: 'words' | 'files' | 'command';
  readonly from: number;
  readonly candidates: readonly Candidate[];
}

/** The files and profiles that the words before the cursor name. */
export interface Asked {
  readonly files: readonly string[];
}

export interface NameSource {
  tunnels(asked: Asked): Promise<readonly Candidate[]>;
  hosts(asked: Asked): Promise<readonly Candidate[]>;
  profiles(asked: Asked): Promise<readonly Candidate[]>;
  /** Those that are up. */
  projects(): Promise<readonly Candidate[]>;
}

/** Commands whose names are of hosts too. */
const WITH_HOSTS: ReadonlySet<string> = new Set(['logs', 'events', 'doctor']);
/** Flags whose values are paths, and those whose values nobody can know. */
const FILE_FLAGS: ReadonlySet<string> = new Set(['--file', '--env-file']);

const words = (candidates: readonly Candidate[]): Completion => ({ kind: 'words', from: 0, candidates });
const plain = (values: readonly string[]): readonly Candidate[] => values.map((value) => ({ value, description: '' }));

/** `line` is what is typed after the program's name, unquoted; the last word is the one at the cursor and may be empty. */
export async function complete(program: Command, line: readonly string[], names: NameSource): Promise<Completion> {
  const cursor = line.at(-1) ?? '';
  const before = read(program, line.slice(0, -1));
  if (before.dashes >= 0) {
    const takesCommand = before.command?.name() === 'run';
    return takesCommand ? { kind: 'command', from: before.dashes + 1, candidates: [] } : words([]);
  }
  const found = before.pending ? await valuesOf(before.pending, before.asked, names) : await atWord(program, before, { cursor, names });
  return { ...found, candidates: found.candidates.filter(({ value }) => value.startsWith(cursor)) };
}

interface Before {
  readonly command: Command | null;
  readonly positionals: readonly string[];
  readonly asked: Asked;
  /** A flag that still wants its value. */
  readonly pending: Option | null;
  /** Where `--` is, or -1. */
  readonly dashes: number;
}

function read(program: Command, done: readonly string[]): Before {
  let command: Command | null = null;
  let pending: Option | null = null;
  const positionals: string[] = [];
  const files: string[] = [];
  const take = (option: Option, value: string): void => {
    if (option.long === '--file') files.push(value);
  };
  const dashes = done.findIndex((word, index) => word === '--' && !isValue(program, done, index));
  for (const word of dashes < 0 ? done : done.slice(0, dashes)) {
    if (pending) {
      take(pending, word);
      pending = null;
      continue;
    }
    if (word.startsWith('-') && word !== '-') {
      const { option, value } = flagOf(word, optionsOf(program, command));
      if (option && takesValue(option)) {
        if (value === null) pending = option;
        else take(option, value);
      }
    } else if (command) positionals.push(word);
    else command = program.commands.find((each) => each.name() === word || each.aliases().includes(word)) ?? null;
  }
  return { command, positionals, asked: { files }, pending, dashes };
}

/** `-f --` is a file of that name. */
function isValue(program: Command, done: readonly string[], index: number): boolean {
  const last = done[index - 1];
  if (last === undefined || !last.startsWith('-')) return false;
  const all = [...program.options, ...program.commands.flatMap((command) => command.options)];
  const { option, value } = flagOf(last, all);
  return option !== null && takesValue(option) && value === null;
}

const takesValue = (option: Option): boolean => option.required || option.optional;

const optionsOf = (program: Command, command: Command | null): readonly Option[] => [...(command?.options ?? []), ...program.options];

/** `--format=json`, `--format`, `-n5`, `-n`. */
function flagOf(word: string, options: readonly Option[]): { readonly option: Option | null; readonly value: string | null } {
  if (word.startsWith('--')) {
    const equals = word.indexOf('=');
    const name = equals < 0 ? word : word.slice(0, equals);
    return { option: options.find((option) => option.long === name) ?? null, value: equals < 0 ? null : word.slice(equals + 1) };
  }
  const option = options.find((each) => each.short === word.slice(0, 2)) ?? null;
  return { option, value: word.length > 2 ? word.slice(2) : null };
}

async function valuesOf(option: Option, asked: Asked, names: NameSource): Promise<Completion> {
  if (option.argChoices) return words(plain(option.argChoices));
  if (FILE_FLAGS.has(option.long ?? '')) return { kind: 'files', from: 0, candidates: [] };
  if (option.long === '--project-name') return words(await names.projects());
  return words(option.long === '--profile' ? await names.profiles(asked) : []);
}

interface Here {
  readonly cursor: string;
  readonly names: NameSource;
}

async function atWord(program: Command, before: Before, { cursor, names }: Here): Promise<Completion> {
  const { command, positionals, asked } = before;
  const options = optionsOf(program, command);
  if (cursor.startsWith('--') && cursor.includes('=')) {
    const { option } = flagOf(cursor, options);
    const found = option ? await valuesOf(option, asked, names) : words([]);
    return { ...found, candidates: found.candidates.map((each) => ({ ...each, value: `${option?.long ?? ''}=${each.value}` })) };
  }
  if (cursor.startsWith('-')) return words(flags(options));
  if (!command) return words(commands(program));
  if (command.name() === 'help') return words(positionals.length === 0 ? commands(program) : []);
  const argument = argumentAt(command, positionals.length);
  if (!argument) return words([]);
  if (argument.argChoices) return words(plain(argument.argChoices));
  const found = [...(await names.tunnels(asked)), ...(WITH_HOSTS.has(command.name()) ? await names.hosts(asked) : [])];
  return words(found.filter(({ value }) => !positionals.includes(value)));
}

function argumentAt(command: Command, index: number): Argument | null {
  const all = command.registeredArguments;
  return all[index] ?? (all.at(-1)?.variadic ? (all.at(-1) ?? null) : null);
}

/** Each once: a command's own flag stands before a global one of the same name. */
function flags(options: readonly Option[]): readonly Candidate[] {
  const seen = new Map<string, Candidate>([['--help', { value: '--help', description: 'show this help' }]]);
  for (const option of options) {
    const value = option.long ?? option.short ?? '';
    if (!option.hidden && !seen.has(value)) seen.set(value, { value, description: option.description });
  }
  return [...seen.values()];
}

function commands(program: Command): readonly Candidate[] {
  const all = program.commands.filter((each) => !each.name().startsWith('__'));
  const help: Candidate = { value: 'help', description: 'show the help of a command' };
  return [...all.map((each) => ({ value: each.name(), description: each.description() })), help];
}
