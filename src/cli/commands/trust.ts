/** `trust`: shows the commands that the project would run on this machine, and allows them, as the file is now, where the user says so. */
import type * as clackPrompts from '@clack/prompts';
import type { ProjectCommands } from '../../config/project-commands.ts';
import { TrustStore, TrustStoreError } from '../../runner/trust-store.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import type { GlobalOptions } from '../global-options.ts';
import { terminalStreams } from '../init/ask-scaffold.ts';
import type { Io } from '../io.ts';
import { projectPlace } from '../project-place.ts';
import { visible } from '../render/command-text.ts';
import { projectCommandsText } from '../render/project-commands.ts';
import { counted } from '../render/quantity.ts';
import { styleFor } from '../render/style.ts';
import { UsageError } from '../usage-error.ts';
import { loadedProject } from './loaded-project.ts';

type Prompts = Pick<typeof clackPrompts, 'confirm'>;

export interface TrustOptions {
  /** Ask nothing. */
  readonly yes: boolean;
  /** Only show them, and whether they are trusted. */
  readonly show: boolean;
  readonly revoke: boolean;
  readonly prompts?: () => Promise<Prompts>;
}

export async function trust(io: Io, globals: GlobalOptions, options: TrustOptions): Promise<ExitCode> {
  const { yes, show, revoke } = options;
  if ([yes, show, revoke].filter(Boolean).length > 1) throw new UsageError('--yes, --show and --revoke exclude each other');
  const store = new TrustStore(io.env);
  try {
    return await (revoke ? takeBack(io, globals, store) : give(io, globals, { ...options, store }));
  } catch (error) {
    if (!(error instanceof TrustStoreError)) throw error;
    io.stderr.write(`tunnels: ${error.message}\n`);
    return EXIT.failure;
  }
}

async function give(io: Io, globals: GlobalOptions, options: TrustOptions & { readonly store: TrustStore }): Promise<ExitCode> {
  const { store, yes, prompts = () => import('@clack/prompts') } = options;
  const show = options.show || globals.dryRun;
  const loaded = await loadedProject(io, globals);
  if (!loaded) return EXIT.invalidConfiguration;
  const { commands, mainFile } = loaded;
  if (commands === null) {
    (show ? io.stdout : io.stderr).write(`${visible(mainFile)} runs no commands: there is nothing to trust\n`);
    return EXIT.done;
  }
  const { digests, problem } = await store.read(commands.file);
  const output = show ? io.stdout : io.stderr;
  output.write(`${projectCommandsText(commands, styleFor({ ansi: globals.ansi, env: io.env, output }))}\n\n`);
  if (problem !== null) throw new TrustStoreError(problem);
  if (digests.has(commands.digest)) {
    output.write(`trusted already, as the file is now\n`);
    return EXIT.done;
  }
  if (show) {
    output.write(`${digests.size > 0 ? 'not trusted: something has changed since it was' : 'not trusted'}\n`);
    return EXIT.done;
  }
  if (!yes && (io.stdin.isTTY !== true || io.stderr.isTTY !== true)) {
    io.stderr.write('tunnels: trust asks, and there is no terminal: nothing was trusted\n→ if they may run: tunnels trust --yes\n');
    return EXIT.failure;
  }
  const answer = yes || (await mayRun(io, commands, await prompts()));
  if (answer !== true) {
    io.stderr.write('nothing was trusted\n');
    return answer === null ? EXIT.interrupted : EXIT.failure;
  }
  await store.trust(commands.file, commands.digest);
  io.stderr.write(
    'trusted, as the file is now: a change of it, of what it includes, or of its variables asks again.\n' +
      'What the commands read and run themselves is not looked at.\n',
  );
  return EXIT.done;
}

/** Null: Ctrl-C. */
async function mayRun(io: Io, { list }: ProjectCommands, { confirm }: Prompts): Promise<boolean | null> {
  const message = `Let the project run ${list.length === 1 ? 'it' : `these ${counted(list.length, 'command')}`} with your rights?`;
  const answer = await confirm({ ...terminalStreams(io), message, active: 'yes', inactive: 'no', initialValue: false });
  return typeof answer === 'boolean' ? answer : null;
}

/** The file need not be valid any more, nor be there. */
async function takeBack(io: Io, globals: GlobalOptions, store: TrustStore): Promise<ExitCode> {
  const place = await projectPlace(io, globals);
  if (place === null) {
    io.stderr.write('tunnels: there is no tunnels.yaml here or above\n→ name the file with -f\n');
    return EXIT.failure;
  }
  const was = globals.dryRun ? (await store.read(place.file)).digests.size > 0 : await store.revoke(place.file);
  const file = visible(place.file);
  const now = globals.dryRun ? `would not be trusted any more: ${file}` : `not trusted any more: ${file}`;
  io.stderr.write(`${was ? now : `${file} was not trusted`}\n`);
  return EXIT.done;
}
