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
