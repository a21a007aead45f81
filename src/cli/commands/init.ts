/** `init`: writes a first tunnels.yaml, by questions at a terminal or by the flags. It never replaces a file without having asked. */
import { constants, access, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { sshConfigNames } from '../../config/ssh-config-names.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import type { GlobalOptions } from '../global-options.ts';
import { askScaffold, destinationProblem, knownOrNot, placeholder, terminalStreams, type InitPrompts } from '../init/ask-scaffold.ts';
import { DEFAULTS, scaffold, type Kind, type Scaffold } from '../init/scaffold.ts';
import type { Io } from '../io.ts';
import { loadOptions } from '../load-options.ts';
import { reportProblems } from '../problem-report.ts';
import { UsageError } from '../usage-error.ts';

export interface InitOptions {
  /** Ask nothing. */
  readonly yes: boolean;
  readonly kind: Kind | null;
  /** As after `ssh`. */
  readonly host: string | null;
  readonly prompts?: () => Promise<InitPrompts>;
}

const NAMES = ['tunnels.yaml', 'tunnels.yml'] as const;

export async function init(io: Io, globals: GlobalOptions, options: InitOptions): Promise<ExitCode> {
  const asks = !options.yes;
  if (asks && (io.stdin.isTTY !== true || io.stderr.isTTY !== true))
    throw new UsageError('init asks, and there is no terminal', '--yes takes the defaults; --kind and --host choose');
  if (options.host !== null && destinationProblem(options.host) !== undefined)
    throw new UsageError(`--host ${options.host} is no host: ${destinationProblem(options.host) ?? ''}`);
  const [file = NAMES[0], another] = globals.files;
  if (file === '-' || another !== undefined) throw new UsageError('init writes one file: name it with one -f');
  const path = resolve(io.cwd, file);
  const there = await existing(io.cwd, path, globals.files.length > 0);
  const prompts = options.prompts ?? (() => import('@clack/prompts'));
  if (there !== null && !asks) {
    io.stderr.write(`tunnels: there is a ${there} already, and it was left as it is\n→ name another file with -f, or remove it first\n`);
    return EXIT.failure;
  }
  if (there !== null && !(await mayReplace(io, there, await prompts()))) {
    io.stderr.write(`${there} was left as it is\n`);
    return EXIT.interrupted;
  }
  const known = await sshConfigNames(io.env['HOME'] ?? homedir());
  const project = projectName(io.cwd);
  const made = asks
    ? await askScaffold({ io, prompts: await prompts(), project, known, kind: options.kind, host: options.host })
    : byDefault(options, { project, known });
  if (made === null) {
    io.stderr.write('Nothing was written.\n');
    return EXIT.interrupted;
  }
  return writeOut(io, globals, { path, file, text: scaffold(made), replaces: there !== null });
}

function byDefault(
  { kind: chosen, host }: InitOptions,
  { project, known }: Pick<Scaffold, 'project'> & { readonly known: readonly string[] },
): Scaffold {
  const kind = chosen ?? 'local';
  const first = host === null ? placeholder('bastion') : knownOrNot(host, known);
  return { kind, project, host: first, inner: placeholder('test-server'), ...DEFAULTS[kind] };
}

/** The name of the file that is in the way; without -f a tunnels.yml beside it would be, too. */
async function existing(cwd: string, path: string, isNamed: boolean): Promise<string | null> {
  for (const candidate of isNamed ? [path] : NAMES.map((name) => join(cwd, name))) {
    const isThere = await access(candidate, constants.F_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return basename(candidate);
  }
  return null;
}

async function mayReplace(io: Io, file: string, prompts: InitPrompts): Promise<boolean> {
  const message = `There is a ${file} already. Replace it?`;
  return (await prompts.confirm({ ...terminalStreams(io), message, initialValue: false })) === true;
}

/** The directory's, where it is a name. */
const projectName = (cwd: string): string =>
  basename(cwd)
    .replace(/[^A-Za-z0-9_.-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 63) || 'project';

interface Writing {
  readonly path: string;
  /** As it was named. */
  readonly file: string;
  readonly text: string;
  readonly replaces: boolean;
}

/** Checked before it is written: what init writes is valid. */
async function writeOut(io: Io, globals: GlobalOptions, { path, file, text, replaces }: Writing): Promise<ExitCode> {
  const asked = await loadOptions(io, { ...globals, files: [] });
  const result = await io.load({ ...asked, files: ['-'], stdin: text });
  await reportProblems(io, globals, result.ok ? result.value : result.error);
  if (!result.ok) return EXIT.invalidConfiguration;
  if (globals.dryRun) {
    io.stdout.write(text);
    return EXIT.done;
  }
  try {
    if (replaces) {
      await writeFile(`${path}~${process.pid}`, text, { flag: 'wx' });
      await rename(`${path}~${process.pid}`, path);
    } else await writeFile(path, text, { flag: 'wx' });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    io.stderr.write(`tunnels: ${file} cannot be written (${code})\n`);
    return EXIT.failure;
  }
  io.stderr.write(`Wrote ${file}. Next: look it over, tunnels graph shows it, tunnels up brings it up.\n`);
  return EXIT.done;
}
