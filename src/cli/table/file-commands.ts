/** The commands that only read the file, and those that need none. */
import { Argument } from 'commander';
import { option, type CommandTable } from '../define-command.ts';

const GRAPH_FORMATS = ['ascii', 'mermaid', 'dot', 'svg', 'json'] as const;
const CONFIG_FORMATS = ['yaml', 'json'] as const;

export function fileCommands({ command, define }: CommandTable): void {
  define<{ readonly quiet?: boolean; readonly format: (typeof CONFIG_FORMATS)[number] }>(
    command('config', 'print the resolved configuration')
      .addOption(option('-q, --quiet', 'only say whether it is valid'))
      .addOption(option('--format <format>', 'how to print it').choices(CONFIG_FORMATS).default('yaml')),
    async ({ io, globals, flags }) => {
      const { config } = await import('../commands/config.ts');
      return config(io, globals, { quiet: flags.quiet ?? false, format: flags.format });
    },
  );

  define<{ readonly deps: boolean }>(
    command('plan', 'show what up would change, and why; exit code 2 if it is something')
      .addArgument(new Argument('[name...]', 'only these tunnels and what they need'))
      .option('--no-deps', 'without the tunnels they need'),
    async ({ io, globals, names, flags }) => {
      const { plan } = await import('../commands/plan.ts');
      return plan(io, globals, { names, noDeps: !flags.deps });
    },
  );

  define<{ readonly format: (typeof GRAPH_FORMATS)[number] }>(
    command('graph', 'draw machines, tunnels and the order they come up in').addOption(
      option('--format <format>', 'how to draw it').choices(GRAPH_FORMATS).default('ascii'),
    ),
    async ({ io, globals, flags }) => {
      const { graph } = await import('../commands/graph.ts');
      return graph(io, globals, { format: flags.format });
    },
  );

  define<{ readonly yes?: boolean; readonly show?: boolean; readonly revoke?: boolean }>(
    command('trust', "allow this project's commands (healthchecks, secrets) to run, as the file is now")
      .option('-y, --yes', 'ask nothing: for scripts that know the file')
      .option('--show', 'only show them, and whether they are trusted')
      .option('--revoke', 'trust this project no longer'),
    async ({ io, globals, flags }) => {
      const { trust } = await import('../commands/trust.ts');
      return trust(io, globals, { yes: flags.yes ?? false, show: flags.show ?? false, revoke: flags.revoke ?? false });
    },
  );

  define(command('schema', 'print the JSON schema of tunnels.yaml'), async ({ io }) =>
    (await import('../commands/schema.ts')).printSchema(io),
  );

  define<{ readonly stay?: boolean; readonly servers?: string | true }>(
    command('demo', 'bring up the double tunnel of the guide on servers inside this program')
      .option('--stay', 'keep it up until Ctrl-C')
      .option(
        '--servers [directory]',
        'only the servers, and a tunnels.yaml for them in a new directory, for you to bring up (./tunnels-demo)',
      ),
    async ({ io, globals, flags }) => {
      if (flags.servers !== undefined) {
        const { demoServers } = await import('../commands/demo-servers.ts');
        return demoServers(io, flags.servers === true ? 'tunnels-demo' : flags.servers);
      }
      const { demo } = await import('../commands/demo.ts');
      return demo(io, globals, { stay: flags.stay ?? false });
    },
  );
}
