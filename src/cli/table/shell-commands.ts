/** The commands for whoever sits at a shell. */
import { Argument, type Command } from 'commander';
import type { CommandTable } from '../define-command.ts';
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
    define(command('__complete', 'what can stand at the cursor').argument('[word...]'), async ({ io, names, rest }) => {
      const { complete } = await import('../commands/complete.ts');
      return complete(io, { program, shell: names[0] ?? '', line: rest });
    });
  };
