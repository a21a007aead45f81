/** From a tree that follows the schema to the project it means. */
import { basename } from 'node:path';
import type { HostName, HostSpec, Project, TunnelName } from '../core/spec.ts';
import type { LoadOptions } from './loaded.ts';
import { child, isUsers, type Entry, type Node } from './node.ts';
import { homeOf, type Directories } from './paths.ts';
import type { Problems } from './problems.ts';
import type { FoundCommand } from './project-commands.ts';
import { activeTunnels, checkNames, settleDependencies } from './profiles.ts';
import { Hosts } from './resolve-hosts.ts';
import { resolveTunnel, type TunnelDraft } from './resolve-tunnel.ts';
import type { Span } from './source.ts';
import type { SshConfigLookup } from './ssh-config.ts';
import { localUser } from './ssh-settings.ts';
import { Values, withDefaults } from './values.ts';

export interface ResolveRequest {
  readonly tree: Node;
  /** Of every tunnel of the file, also of those that could not be read. */
  readonly names: readonly TunnelName[];
  readonly options: LoadOptions;
  readonly projectDirectory: string;
  readonly lookup: SshConfigLookup;
  readonly problems: Problems;
}

export interface Resolved {
  readonly project: Project;
  /** Of the active tunnels. */
  readonly drafts: ReadonlyMap<TunnelName, TunnelDraft>;
  readonly hostPlaces: ReadonlyMap<HostName, Span>;
  /** Of all tunnels and hosts of the file. */
  readonly commands: readonly FoundCommand[];
}

export async function resolve({ tree, names, options, projectDirectory, lookup, problems }: ResolveRequest): Promise<Resolved> {
  const directories = { project: projectDirectory, home: homeOf(options.env) };
  const hosts = new Hosts({
    listed: new Map(usable(child(tree, 'hosts'), problems)),
    defaults: child(child(tree, 'defaults'), 'host'),
    lookup,
    directories,
    home: options.env['HOME'] ?? null,
    localUser: localUser(),
    problems,
  });
  const drafts = unique(draftTunnels(tree, hosts, { directories, problems }), problems);
  await hosts.resolve();
  const known = [...new Set([...names, ...drafts.map((draft) => draft.spec.name)])];
  checkNames(options.names ?? [], known, problems);
  const active = settleDependencies(activeTunnels(drafts, options), drafts, { known, problems });
  const tunnels = new Map(active.map((draft) => [draft.spec.name, draft.spec]));
  const name = projectName(tree, { given: options.projectName, directory: projectDirectory, problems });
  return {
    project: { name, hosts: needed(active, hosts.specs), tunnels },
    drafts: new Map(active.map((draft) => [draft.spec.name, draft])),
    hostPlaces: hosts.places,
    commands: [...hosts.commands, ...healthCommands(drafts)],
  };
}

const usable = (node: Node | undefined, problems: Problems): [string, Entry][] =>
  node?.kind === 'map' ? [...node.entries].filter(([key, entry]) => !isUsers(key) && !problems.refused(entry.key)) : [];

function draftTunnels(
  tree: Node,
  hosts: Hosts,
  { directories, problems }: { directories: Directories; problems: Problems },
): TunnelDraft[] {
  const defaults = child(child(tree, 'defaults'), 'tunnel');
  const refer = (text: string, at: Span, launched?: boolean): HostName | null => hosts.refer(text, at, launched);
  return usable(child(tree, 'tunnels'), problems).flatMap(([name, { key, value }]) =>
    value.kind === 'map'
      ? resolveTunnel({ name, key, values: new Values(withDefaults(value, defaults), problems), own: value, refer, directories, problems })
      : [],
  );
}

/** A range's `web-9000` may also be a tunnel of the file. */
function unique(drafts: readonly TunnelDraft[], problems: Problems): TunnelDraft[] {
  const byName = new Map<TunnelName, TunnelDraft>();
  for (const draft of drafts) {
    const before = byName.get(draft.spec.name);
    if (before) {
      const message = `"${draft.spec.name}" is a tunnel of the range "${before.base === before.spec.name ? draft.base : before.base}" already`;
      problems.add({ code: 'schema', message, at: draft.places.name, hint: 'give one of them another name' });
    } else byName.set(draft.spec.name, draft);
  }
  return [...byName.values()];
}

/** The hosts of the tunnels, and those on the way to them. */
function needed(drafts: readonly TunnelDraft[], specs: ReadonlyMap<HostName, HostSpec>): Map<HostName, HostSpec> {
  const found = new Map<HostName, HostSpec>();
  const add = (name: HostName): void => {
    const spec = specs.get(name);
    if (!spec || found.has(name)) return;
    found.set(name, spec);
    for (const hop of spec.via) add(hop);
  };
  for (const { spec } of drafts) for (const name of [...spec.hosts, spec.client]) add(name);
  // In the order of the file, so that what is shown is stable.
  return new Map([...specs].filter(([name]) => found.has(name)));
}

/** A range is many tunnels, and one line of the file. */
function healthCommands(drafts: readonly TunnelDraft[]): FoundCommand[] {
  const byBase = new Map(drafts.map((draft) => [draft.base, draft]));
  return [...byBase].flatMap(([name, { spec, places }]) => {
    const check = spec.healthcheck;
    if (check?.probe.kind !== 'command' || places.command === null) return [];
    const use = { of: 'healthcheck', intervalMs: check.intervalMs, env: spec.env } as const;
    return [{ name, argv: check.probe.command.argv, use, at: places.command }];
  });
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;

interface Naming {
  /** -p. */
  readonly given: string | undefined;
  readonly directory: string;
  readonly problems: Problems;
}

function projectName(tree: Node, { given, directory, problems }: Naming): string {
  if (given !== undefined) {
    if (!NAME.test(given))
      problems.add({ code: 'schema', message: `"${given}" is no project name`, at: null, hint: 'letters, digits, _ . and -' });
    return given;
  }
  const node = child(tree, 'name');
  if (node?.kind === 'scalar' && typeof node.value === 'string') return node.value;
  const cleaned = basename(directory)
    .replace(/[^A-Za-z0-9_.-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+|-+$/g, '');
  return cleaned === '' ? 'tunnels' : cleaned.slice(0, 63);
}
