/** The commands for whoever sits at a shell. */
import { Argument, type Command } from 'commander';
import { option, type CommandTable } from '../define-command.ts';
import { KINDS, type Kind } from '../init/scaffold.ts';
import { SHELLS, type Shell } from '../completion/scripts.ts';

export const shellCommands =
  (program: Command) =>
  ({ command, define }: CommandTable): void => {
    define(
      command('completion', 'print what makes a shell complete tunnels: eval "$(tunnels completion bash)"').addArgument(
        new Argument('<shell>', 'bash, zsh or fish').choices(SHELLS),
      ),
      async ({ io, names }) => {
        const { completion } = await import('../commands/completion.ts');
        return completion(io, names[0] as Shell);
      },
    );
    define<{ readonly yes?: boolean; readonly kind?: Kind; readonly host?: string }>(
      command('init', 'write a first tunnels.yaml, by a few questions')
        .option('-y, --yes', 'ask nothing: take what the flags say, and the defaults')
        .addOption(option('--kind <kind>', 'what kind of tunnel').choices(KINDS))
        .option('--host <host>', 'the host it goes through, as after ssh'),
      async ({ io, globals, flags }) => {
        const { init } = await import('../commands/init.ts');
        return init(io, globals, { yes: flags.yes ?? false, kind: flags.kind ?? null, host: flags.host ?? null });
      },
    );
    define(
      command('top', 'watch the tunnels of a running project: states, connections, rates; q quits').addArgument(
        new Argument('[name...]', 'only these tunnels'),
      ),
      async ({ io, globals, names }) => {
        const { top } = await import('../commands/top.ts');
        return top(io, globals, { names });
      },
    );
    define(command('__complete', 'what can stand at the cursor').argument('[word...]'), async ({ io, names, rest }) => {
      const { complete } = await import('../commands/complete.ts');
      return complete(io, { program, shell: names[0] ?? '', line: rest });
    });
  };
