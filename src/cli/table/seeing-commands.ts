/** The commands that show what is up and what has happened. */
import { Argument, InvalidArgumentError } from 'commander';
import type { TunnelStateName } from '../../core/tunnel-state.ts';
import { option, type CommandTable } from '../define-command.ts';
import { lineCount, moment } from '../option-values.ts';

const FORMATS = ['table', 'json'] as const;
type Format = (typeof FORMATS)[number];

const STATES = [
  'waiting',
  'opening',
  'open',
  'unhealthy',
  'reconnecting',
  'idle',
  'failed',
  'closing',
  'closed',
] as const satisfies readonly TunnelStateName[];

interface PastFlags {
  readonly follow?: boolean;
  /** Infinity is all. */
  readonly tail?: number;
  readonly since?: number;
  readonly json?: boolean;
}

export function seeingCommands({ command, define }: CommandTable): void {
  const format = () => option('--format <format>', 'a table, or a JSON object a line').choices(FORMATS).default('table');

  define<{ readonly format: Format; readonly quiet?: boolean; readonly status?: readonly string[] }>(
    command('ps', 'show the tunnels of a running project')
      .addArgument(new Argument('[name...]', 'only these tunnels'))
      .addOption(format())
      .option('-q, --quiet', 'only the names')
      .addOption(option('--status <state>', 'only those in this state (repeatable)').choices(STATES).argParser(states)),
    async ({ io, globals, names, flags }) => {
      const { ps } = await import('../commands/ps.ts');
      return ps(io, globals, { names, format: flags.format, quiet: flags.quiet ?? false, states: flags.status ?? [] });
    },
  );

  define<{ readonly format: Format; readonly quiet?: boolean }>(
    command('ls', 'show all projects that are up').addOption(format()).option('-q, --quiet', 'only the names'),
    async ({ io, globals, flags }) => {
      const { ls } = await import('../commands/ls.ts');
      return ls(io, globals, { format: flags.format, quiet: flags.quiet ?? false });
    },
  );

  const past = (name: string, description: string) =>
    command(name, description)
      .addArgument(new Argument('[name...]', 'only of these tunnels and hosts'))
      .option('-f, --follow', 'go on with what happens, until Ctrl-C or the end of the project')
      .option('-n, --tail <count>', 'only the last so many, or all', lineCount)
      .option('--since <time>', 'only from then on: 10m, 2026-01-31T08:00, or seconds since 1970', moment);
  const query = ({ names, flags }: { readonly names: readonly string[]; readonly flags: PastFlags }) => ({
    names,
    follow: flags.follow ?? false,
    last: Number.isFinite(flags.tail) ? (flags.tail ?? null) : null,
    since: flags.since ?? null,
  });

  define<PastFlags>(
    past('logs', 'show what has happened; with -vv and -vvv as much as ssh would say'),
    async ({ io, globals, ...asked }) => {
      const { logs } = await import('../commands/logs.ts');
      return logs(io, globals, query(asked));
    },
  );
  define<PastFlags>(past('events', 'show every event').option('--json', 'a JSON object a line'), async ({ io, globals, ...asked }) => {
    const { events } = await import('../commands/events.ts');
    return events(io, globals, { ...query(asked), json: asked.flags.json ?? false });
  });
}

function states(value: string, before: readonly string[] | undefined): readonly string[] {
  if (!STATES.some((state) => state === value)) throw new InvalidArgumentError(`Allowed choices are ${STATES.join(', ')}.`);
  return [...(before ?? []), value];
}
