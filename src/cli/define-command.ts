/** How a command is put into the table: its own flags, then the global ones, then what it does. */
import { Option, type Command } from 'commander';
import { addGlobalOptions, resolveGlobals, type GlobalOptions, type RawGlobals } from './global-options.ts';
import type { Io } from './io.ts';

export interface Invocation<Flags> {
  readonly io: Io;
  readonly globals: GlobalOptions;
  readonly names: readonly string[];
  /** What stands after `--`. */
  readonly rest: readonly string[];
  readonly flags: Flags;
}

export interface CommandTable {
  command(name: string, description: string): Command;
  /** Last, so that the command's own flags are known; a global one with the same letter then gives way. */
  define<Flags>(command: Command, run: (invocation: Invocation<Flags>) => Promise<number>): void;
}

export const option = (flags: string, description: string): Option => new Option(flags, description);

export interface TableOptions {
  readonly program: Command;
  readonly argv: readonly string[];
  readonly io: Io;
  readonly ended: (code: number) => void;
}

export function commandTable({ program, argv, io, ended }: TableOptions): CommandTable {
  return {
    command: (name, description) => program.command(name, name.startsWith('__') ? { hidden: true } : {}).description(description),
    define<Flags>(command: Command, run: (invocation: Invocation<Flags>) => Promise<number>): void {
      addGlobalOptions(command, (flags, description) => option(flags, description).helpGroup('Global options:')).action(async () => {
        const globals = resolveGlobals(program.opts<RawGlobals>(), command.opts<RawGlobals>());
        // Commander takes the words after `--` for more names.
        const dashes = argv.indexOf('--');
        const rest = dashes < 0 ? [] : argv.slice(dashes + 1);
        const names = command.args.slice(0, command.args.length - rest.length);
        ended(await run({ io, globals, names, rest, flags: command.opts() as Flags }));
      });
    },
  };
}
