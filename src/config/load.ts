/** Loads a configuration: a line a stage. Each goes on with what the ones before it could make out, so that all problems come at once. */
import { join } from 'node:path';
import { ok, err, type Result } from '../core/result.ts';
import type { Project } from '../core/spec.ts';
import { check } from './check.ts';
import { find, STDIN_NAME, type Found } from './find.ts';
import { shape } from './generated/shape.ts';
import { interpolate } from './interpolate.ts';
import type { LoadFailure, LoadOptions, Loaded } from './loaded.ts';
import { ParsedFiles } from './parsed-files.ts';
import type { FoundCommand, Made, ProjectCommands } from './project-commands.ts';
import { maskSecrets } from './mask-secrets.ts';
import { child, isUsers, type Node } from './node.ts';
import { Problems } from './problems.ts';
import { readEnvironment } from './read-environment.ts';
import { readTree } from './read-tree.ts';
import { resolve } from './resolve.ts';
import type { Source } from './source.ts';
import { sshConfigLookup, type SshConfigLookup } from './ssh-config.ts';
import { validate } from './validate.ts';
import { writeOut } from './write-out.ts';

export interface LoadDeps {
  /** What ssh_config says of a host; the default asks ssh. */
  readonly lookup?: SshConfigLookup;
  /** Of an earlier load, so that of a file that was edited only the edit is parsed; the default knows nothing. */
  readonly parsed?: ParsedFiles;
}

/** Never rejects: problems are diagnostics, all of them at once. */
export async function load(
  options: LoadOptions,
  { lookup = sshConfigLookup(), parsed = new ParsedFiles() }: LoadDeps = {},
): Promise<Result<Loaded, LoadFailure>> {
  const problems = new Problems();
  const { found, watch } = await find(options, problems);
  if (!found) return failed({ problems, watch, sources: [] });
  const environment = await readEnvironment(options, found.projectDirectory, problems);
  const interpolation = { env: environment.variables, problems };
  const read = await readTree(found, interpolation, parsed);
  const report = { problems, sources: read.sources, watch: [...new Set([...found.watch, ...environment.watch, ...read.watch])] };
  if (read.root === null) return failed(report);
  const interpolated = interpolate(read.root, interpolation, shape);
  const tree = writeOut(interpolated, read.expanded, interpolation);
  validate(tree, problems);
  checkTunnels(interpolated, problems);
  const names = tunnelNames(interpolated);
  const resolved = await resolve({ tree, names, options, projectDirectory: found.projectDirectory, lookup, problems });
  check(resolved, problems);
  if (problems.failed) return failed(report);
  const commands = await commandsOf(resolved.commands, { found, sources: read.sources, envTexts: environment.texts, tree });
  return ok(loaded(resolved.project, { ...report, found, environment: environment.variables, commands }));
}

interface Report {
  readonly problems: Problems;
  readonly sources: readonly Source[];
  readonly watch: readonly string[];
}

function told({ problems, sources, watch }: Report): LoadFailure {
  const diagnostics = problems.inOrder(sources.map((source) => source.name));
  return { diagnostics, watch, sources: maskSecrets(sources, diagnostics) };
}

const failed = (report: Report): { readonly ok: false; readonly error: LoadFailure } => err(told(report));

type Parts = Report & {
  readonly found: { readonly mainFile: string; readonly projectDirectory: string };
  readonly environment: Loaded['environment'];
  readonly commands: ProjectCommands | null;
};

const loaded = (project: Project, { found, environment, commands, ...report }: Parts): Loaded => ({
  project,
  mainFile: found.mainFile,
  projectDirectory: found.projectDirectory,
  environment,
  commands,
  ...told(report),
});

/** Most files have none, and pay nothing for it. */
async function commandsOf(
  commands: readonly FoundCommand[],
  { found, ...made }: Omit<Made, 'file' | 'directory' | 'found'> & { readonly found: Found },
): Promise<ProjectCommands | null> {
  if (commands.length === 0) return null;
  const { projectCommands } = await import('./project-commands.ts');
  // What comes from stdin has no path: one a directory, as with the rest of its state.
  const file = found.mainFile === STDIN_NAME ? join(found.projectDirectory, STDIN_NAME) : found.mainFile;
  return projectCommands({ file, directory: found.projectDirectory, found: commands, ...made });
}

const tunnelNames = (tree: Node): string[] => {
  const tunnels = child(tree, 'tunnels');
  return tunnels?.kind === 'map' ? [...tunnels.entries.keys()].filter((name) => !isUsers(name)) : [];
};

/** An emptied file is a slip, or an editor in the middle of saving: it must not mean that everything goes down. */
function checkTunnels(tree: Node, problems: Problems): void {
  const tunnels = child(tree, 'tunnels');
  if (tree.kind === 'map' && !tunnels) {
    problems.add({
      code: 'schema',
      message: 'there are no tunnels here',
      at: tree.span,
      hint: 'write tunnels: with at least one below it',
    });
  }
  for (const [name, entry] of tunnels?.kind === 'map' ? tunnels.entries : []) {
    const { value } = entry;
    const isOne =
      value.kind === 'scalar' ? /^(?:ssh\s+)?-/.test(String(value.value)) : value.kind === 'map' && value.entries.has('ingress');
    if (!isUsers(name) || !isOne) continue;
    const message = `"${name}" is no tunnel: what begins with x- is not read`;
    problems.add({ code: 'schema', severity: 'warning', message, at: entry.key, hint: 'give it another name if it is to be one' });
  }
}
