/** The command table: names, flags and what each command does. The commands themselves are imported when they run. */
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { EXIT, type ExitCode } from './exit-code.ts';
import { addGlobalOptions, resolveGlobals, type GlobalOptions, type RawGlobals } from './global-options.ts';
import type { Io } from './io.ts';
import { UsageError } from './usage-error.ts';

const GRAPH_FORMATS = ['ascii', 'mermaid', 'dot', 'svg', 'json'] as const;
const CONFIG_FORMATS = ['yaml', 'json'] as const;

interface Invocation<Flags> {
  readonly io: Io;
  readonly globals: GlobalOptions;
  readonly names: readonly string[];
  readonly flags: Flags;
}

interface UpFlags {
  readonly deps: boolean;
  readonly watch: boolean;
  readonly detach?: boolean;
  readonly wait?: boolean;
  readonly waitTimeout?: string;
  readonly timeout?: number;
}

/** Runs one command line (without `node` and the script). Throws only where there is a bug. */
export async function cli(argv: readonly string[], io: Io, version: string): Promise<ExitCode> {
  const ran: { code: ExitCode } = { code: EXIT.done };
  const program = commandTable(io, version, (code) => {
    ran.code = code;
  });
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return ran.code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    if (error instanceof UsageError) {
      io.stderr.write(`tunnels: ${error.message}${error.hint === null ? '' : `\n(${error.hint})`}\n`);
      return EXIT.usage;
    }
    throw error;
  }
}

function commandTable(io: Io, version: string, ended: (code: ExitCode) => void): Command {
  const program = new Command('tunnels');
  const option = (flags: string, description: string): Option => new Option(flags, description);

  const define = <Flags>(command: Command, run: (invocation: Invocation<Flags>) => Promise<ExitCode>): Command =>
    // Last, so that the command's own flags are known; a global one with the same letter then gives way.
    addGlobalOptions(command, (flags, description) => option(flags, description).helpGroup('Global options:')).action(async () => {
      const globals = resolveGlobals(program.opts<RawGlobals>(), command.opts<RawGlobals>());
      ended(await run({ io, globals, names: command.args, flags: command.opts() as Flags }));
    });

  addGlobalOptions(program, option)
    .description('docker compose for SSH tunnels')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show this help')
    .helpCommand('help [command]', 'show the help of a command')
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
      outputError: (text, write) => write(text.replace(/^error: /, 'tunnels: ')),
      getOutHelpWidth: () => io.stdout.columns ?? 100,
      getErrHelpWidth: () => io.stderr.columns ?? 100,
    });
  const command = (name: string, description: string): Command => program.command(name).description(description);
  const names = new Argument('[name...]', 'only these tunnels and what they need');

  define<UpFlags>(
    command('up', 'bring the tunnels up and reload when a file changes')
      .addArgument(names)
      .option('--no-deps', 'do not bring up the tunnels they need')
      .option('--no-watch', 'do not reload when a file changes')
      .option('-t, --timeout <seconds>', 'let open connections finish this long on the way down', seconds)
      // Taken, so that they are refused by name and not as unknown: they need a runner in the background.
      .addOption(option('-d, --detach', 'not supported yet').hideHelp())
      .addOption(option('--wait', 'not supported yet').hideHelp())
      .addOption(option('--wait-timeout <seconds>', 'not supported yet').hideHelp()),
    async ({ flags, ...invocation }) => {
      refuseUnbuilt(flags);
      const { up } = await import('./commands/up.ts');
      const drainMs = flags.timeout === undefined ? null : flags.timeout * 1000;
      return up(io, invocation.globals, { names: invocation.names, noDeps: !flags.deps, watch: flags.watch, drainMs });
    },
  );

  define<{ readonly quiet?: boolean; readonly format: (typeof CONFIG_FORMATS)[number] }>(
    command('config', 'print the resolved configuration')
      .addOption(option('-q, --quiet', 'only say whether it is valid'))
      .addOption(option('--format <format>', 'how to print it').choices(CONFIG_FORMATS).default('yaml')),
    async ({ globals, flags }) => {
      const { config } = await import('./commands/config.ts');
      return config(io, globals, { quiet: flags.quiet ?? false, format: flags.format });
    },
  );

  define(
    command('plan', 'show what up would do; exit code 2 if it is something')
      .addArgument(names)
      .option('--no-deps', 'without the tunnels they need'),
    async ({ globals, names: only, flags }: Invocation<{ readonly deps: boolean }>) => {
      const { plan } = await import('./commands/plan.ts');
      return plan(io, globals, { names: only, noDeps: !flags.deps });
    },
  );

  define<{ readonly format: (typeof GRAPH_FORMATS)[number] }>(
    command('graph', 'draw machines, tunnels and the order they come up in').addOption(
      option('--format <format>', 'how to draw it').choices(GRAPH_FORMATS).default('ascii'),
    ),
    async ({ globals, flags }) => {
      const { graph } = await import('./commands/graph.ts');
      return graph(io, globals, { format: flags.format });
    },
  );

  define(command('schema', 'print the JSON schema of tunnels.yaml'), async () => (await import('./commands/schema.ts')).printSchema(io));

  define<{ readonly stay?: boolean }>(
    command('demo', 'bring up the double tunnel of the guide on servers inside this program').option('--stay', 'keep it up until Ctrl-C'),
    async ({ globals, flags }) => {
      const { demo } = await import('./commands/demo.ts');
      return demo(io, globals, { stay: flags.stay ?? false });
    },
  );
  return program;
}

function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < 0 || value > 86_400)
    throw new InvalidArgumentError('It is a number of seconds, 0 to 86400.');
  return value;
}

function refuseUnbuilt(flags: UpFlags): void {
  const asked = [
    flags.detach ? 'up -d' : '',
    flags.wait ? 'up --wait' : '',
    flags.waitTimeout === undefined ? '' : 'up --wait-timeout',
  ].filter(Boolean);
  if (asked.length > 0) throw new UsageError(`not supported yet: ${asked.join(', ')}`, 'without it, up runs in the foreground');
}
