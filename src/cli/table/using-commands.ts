/** The commands for programs that use the tunnels. */
import { Argument } from 'commander';
import { option, type CommandTable } from '../define-command.ts';
import { seconds } from '../option-values.ts';

const ENV_FORMATS = ['shell', 'dotenv', 'json'] as const;
const DEFAULT_WAIT = 60_000;

export function usingCommands({ command, define }: CommandTable): void {
  define(
    command('port', 'print where a tunnel listens').addArgument(new Argument('<name>', 'the tunnel')),
    async ({ io, globals, names }) => {
      const { port } = await import('../commands/port.ts');
      return port(io, globals, names[0] ?? '');
    },
  );

  define<{ readonly format: (typeof ENV_FORMATS)[number] }>(
    command('env', 'print what the tunnels export: eval "$(tunnels env)"')
      .addArgument(new Argument('[name...]', 'only these tunnels'))
      .addOption(option('--format <format>', 'how to print it').choices(ENV_FORMATS).default('shell')),
    async ({ io, globals, names, flags }) => {
      const { env } = await import('../commands/env.ts');
      return env(io, globals, { names, format: flags.format });
    },
  );

  define<{ readonly timeout: number }>(
    command('wait', 'wait until tunnels are open, or healthy where they have a healthcheck')
      .addArgument(new Argument('[name...]', 'only these tunnels'))
      .addOption(option('--timeout <seconds>', 'give up after this long, with exit code 1').argParser(seconds).default(DEFAULT_WAIT, '60')),
    async ({ io, globals, names, flags }) => {
      const { wait } = await import('../commands/wait.ts');
      return wait(io, globals, { names, timeoutMs: flags.timeout });
    },
  );

  define<{ readonly deps: boolean; readonly waitTimeout: number; readonly timeout?: number }>(
    command('run', 'run a command with the tunnels up and what they export; what this brought up goes down after it')
      .usage('[options] [name...] -- command [argument...]')
      .addArgument(new Argument('[name...]', 'only these tunnels and what they need'))
      .option('--no-deps', 'do not bring up the tunnels they need')
      .addOption(option('--wait-timeout <seconds>', 'how long they may take to open').argParser(seconds).default(DEFAULT_WAIT, '60'))
      .option('-t, --timeout <seconds>', 'let open connections finish this long after the command', seconds),
    async ({ io, globals, names, rest, flags }) => {
      const { run } = await import('../commands/run.ts');
      return run(io, globals, {
        names,
        noDeps: !flags.deps,
        argv: rest,
        waitMs: flags.waitTimeout,
        drainMs: flags.timeout ?? null,
      });
    },
  );
}
