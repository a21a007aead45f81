/** The command line: the table of commands, and how what they throw on purpose is told. */
import { Command, CommanderError } from 'commander';
import { isDaemonError } from '../daemon/daemon-error.ts';
import { commandTable, option } from './define-command.ts';
import { EXIT } from './exit-code.ts';
import { addGlobalOptions } from './global-options.ts';
import type { Io } from './io.ts';
import { fileCommands } from './table/file-commands.ts';
import { lifecycleCommands } from './table/lifecycle-commands.ts';
import { seeingCommands } from './table/seeing-commands.ts';
import { shellCommands } from './table/shell-commands.ts';
import { usingCommands } from './table/using-commands.ts';
import { tellError, wantsJson } from './told-error.ts';
import { UsageError } from './usage-error.ts';

/** Runs one command line (without `node` and the script) and gives the exit code. Throws only where there is a bug. */
export async function cli(argv: readonly string[], io: Io, version: string): Promise<number> {
  const ran: { code: number } = { code: EXIT.done };
  const isJson = wantsJson(argv);
  const program = programOf(io, version, isJson);
  const table = commandTable({
    program,
    argv,
    io,
    ended: (code) => {
      ran.code = code;
    },
  });
  for (const add of [lifecycleCommands, seeingCommands, usingCommands, fileCommands, shellCommands(program)]) add(table);
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return ran.code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    if (error instanceof UsageError) {
      tellError(io, { code: 'usage', message: error.message, hint: error.hint }, { isJson });
      return EXIT.usage;
    }
    if (isDaemonError(error)) {
      tellError(io, error.view, { isJson });
      return EXIT.failure;
    }
    throw error;
  }
}

function programOf(io: Io, version: string, isJson: boolean): Command {
  return addGlobalOptions(new Command('tunnels'), option)
    .description('docker compose for SSH tunnels')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show this help')
    .helpCommand('help [command]', 'show the help of a command')
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
      outputError: (text, write) => {
        const message = text.trimEnd().replace(/^error: /, '');
        if (isJson) tellError(io, { code: 'usage', message, hint: null }, { isJson });
        else write(`tunnels: ${message}\n`);
      },
      getOutHelpWidth: () => io.stdout.columns ?? 100,
      getErrHelpWidth: () => io.stderr.columns ?? 100,
    });
}
