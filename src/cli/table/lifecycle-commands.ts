/** The commands that bring a project up, change it and take it down. */
import { Argument } from 'commander';
import { option, type CommandTable } from '../define-command.ts';
import { seconds } from '../option-values.ts';
import { UsageError } from '../usage-error.ts';

interface UpFlags {
  readonly deps: boolean;
  readonly watch: boolean;
  readonly detach?: boolean;
  readonly wait?: boolean;
  /** Milliseconds, as every time below. */
  readonly waitTimeout?: number;
  readonly timeout?: number;
}

const DRAIN = 'let open connections finish this long';

export function lifecycleCommands({ command, define }: CommandTable): void {
  define<UpFlags>(
    command('up', 'bring the tunnels up and reload when a file changes; on a running project, apply the file to it')
      .addArgument(new Argument('[name...]', 'only these tunnels and what they need'))
      .option('-d, --detach', 'leave them up in the background; returns when all are open, or a first try has failed')
      .option('--wait', 'with -d, which it implies: until all are open (or healthy); exit code 1 when one is not')
      .addOption(option('--wait-timeout <seconds>', 'how long --wait waits').argParser(seconds).default(60_000, '60'))
      .option('--no-deps', 'do not bring up the tunnels they need')
      .option('--no-watch', 'do not reload when a file changes')
      .option('-t, --timeout <seconds>', `${DRAIN} on the way down`, seconds),
    async ({ io, globals, names, flags }) => {
      const { up } = await import('../commands/up.ts');
      const detach = (flags.detach ?? false) || (flags.wait ?? false);
      if (detach && flags.timeout !== undefined)
        throw new UsageError('up -d does not stay to take anything down, so -t means nothing to it', 'tunnels down -t takes it');
      return up(io, globals, {
        names,
        noDeps: !flags.deps,
        watch: flags.watch,
        drainMs: flags.timeout ?? null,
        detach: detach ? { waitMs: flags.wait ? (flags.waitTimeout ?? 60_000) : null } : null,
      });
    },
  );

  define<{ readonly timeout?: number }>(
    command('down', 'drain and close everything, and leave nothing behind').option('-t, --timeout <seconds>', DRAIN, seconds),
    async ({ io, globals, flags }) => {
      const { down } = await import('../commands/down.ts');
      return down(io, globals, { drainMs: flags.timeout ?? null });
    },
  );

  const some = (): Argument => new Argument('[name...]', 'only these tunnels');
  for (const [verb, description] of [
    ['stop', 'close tunnels of a running project; it stays, and start opens them again'],
    ['restart', 'close tunnels and open them again'],
  ] as const) {
    define<{ readonly timeout?: number }>(
      command(verb, description).addArgument(some()).option('-t, --timeout <seconds>', DRAIN, seconds),
      async ({ io, globals, names, flags }) => {
        const lifecycle = await import('../commands/lifecycle.ts');
        return lifecycle[verb](io, globals, { names, drainMs: flags.timeout ?? null });
      },
    );
  }
  define(command('start', 'open what was stopped or has failed').addArgument(some()), async ({ io, globals, names }) => {
    const { start } = await import('../commands/lifecycle.ts');
    return start(io, globals, { names, drainMs: null });
  });
  define(command('reload', 'apply the file to a running project'), async ({ io, globals }) => {
    const { reload } = await import('../commands/reload.ts');
    return reload(io, globals);
  });
  define(command('__daemon', 'the process in the background').argument('[file]'), async ({ io }) => io.runDaemon());
}
