/** The flags every command takes, before or after its name. */
import type { Command, Option } from 'commander';
import { UsageError } from './usage-error.ts';

export const ANSI = ['never', 'always', 'auto'] as const;
export const PROGRESS = ['auto', 'tty', 'plain', 'json', 'quiet'] as const;

export interface GlobalOptions {
  readonly files: readonly string[];
  readonly projectName: string | null;
  readonly profiles: readonly string[];
  readonly envFiles: readonly string[];
  readonly ansi: (typeof ANSI)[number];
  readonly progress: (typeof PROGRESS)[number];
  readonly verbosity: 0 | 1 | 2 | 3;
  readonly dryRun: boolean;
}

/** What commander collects, at either place. Lists of both places are joined; otherwise the later place wins. */
export interface RawGlobals {
  readonly file?: readonly string[];
  readonly projectName?: string;
  readonly profile?: readonly string[];
  readonly envFile?: readonly string[];
  readonly ansi?: GlobalOptions['ansi'];
  readonly progress?: GlobalOptions['progress'];
  readonly verbose?: number;
  readonly dryRun?: boolean;
}

const collect = (value: string, before: readonly string[] | undefined): readonly string[] => [...(before ?? []), value];
const count = (_: string, before: number | undefined): number => (before ?? 0) + 1;

/** Adds the flags, but for those whose letters the command itself has taken (`logs -f`). */
export function addGlobalOptions(command: Command, make: (flags: string, description: string) => Option): Command {
  const taken = new Set(command.options.flatMap((option) => [option.short, option.long]));
  const options = [
    make('-f, --file <path>', 'configuration file, instead of the nearest tunnels.yaml; - is stdin (repeatable)').argParser(collect),
    make('-p, --project-name <name>', 'project name, instead of the one in the file; of a project that is up, from anywhere'),
    make('--profile <name>', 'activate a profile (repeatable)').argParser(collect),
    make('--env-file <path>', 'file of variables, instead of .env (repeatable)').argParser(collect),
    make('--ansi <when>', 'colour').choices(ANSI),
    make('--progress <how>', 'how progress is shown').choices(PROGRESS),
    make('-v, --verbose', 'say more, as ssh does; -vv and -vvv say yet more').argParser(count),
    make('--dry-run', 'only show what would be done'),
  ];
  for (const option of options) if (!taken.has(option.short ?? '') && !taken.has(option.long ?? '')) command.addOption(option);
  return command;
}

const join = (a: readonly string[] | undefined, b: readonly string[] | undefined): readonly string[] => [...(a ?? []), ...(b ?? [])];

/** A NUL in a path makes every system call throw: refused here, where it is still a usage error. */
function checked(values: readonly string[], flag: string): readonly string[] {
  for (const value of values) if (value === '' || value.includes('\0')) throw new UsageError(`${flag} needs a value`);
  return values;
}

export function resolveGlobals(before: RawGlobals, after: RawGlobals): GlobalOptions {
  const verbosity = Math.min(3, (before.verbose ?? 0) + (after.verbose ?? 0)) as GlobalOptions['verbosity'];
  const files = checked(join(before.file, after.file), '--file');
  if (files.filter((file) => file === '-').length > 1) throw new UsageError('stdin can be read once only: -f - is given twice');
  return {
    files,
    projectName: after.projectName ?? before.projectName ?? null,
    profiles: checked(join(before.profile, after.profile), '--profile').flatMap((each) => each.split(',').filter(Boolean)),
    envFiles: checked(join(before.envFile, after.envFile), '--env-file'),
    ansi: after.ansi ?? before.ansi ?? 'auto',
    progress: after.progress ?? before.progress ?? 'auto',
    verbosity,
    dryRun: after.dryRun ?? before.dryRun ?? false,
  };
}
