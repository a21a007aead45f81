/** The part of a project that is asked for: `up web git`. */
import { activeAmong } from '../config/profiles.ts';
import { buildGraph, hostNode, nodeName, tunnelNode, type Graph } from '../core/graph.ts';
import type { HostSpec, Project, TunnelSpec } from '../core/spec.ts';
import { tunnelsNamed } from '../core/named.ts';
import { activatedNames, type Selection } from './selection.ts';

/** The named tunnels with all they need, those of `bare` without, and of none named all. */
export function selectTunnels(project: Project, { only, bare }: Pick<Selection, 'only' | 'bare'>): Project {
  if (only === null) return project;
  const named = (names: readonly string[]): readonly string[] => names.flatMap((name) => tunnelsNamed(name, project.tunnels.keys()));
  const keep = new Set([...withNeeds(buildGraph(project), named(only)), ...named(bare)]);
  const tunnels = new Map<string, TunnelSpec>();
  for (const [name, spec] of project.tunnels) {
    if (keep.has(name)) tunnels.set(name, { ...spec, dependsOn: spec.dependsOn.filter(({ tunnel }) => keep.has(tunnel)) });
  }
  const graph = buildGraph({ ...project, tunnels });
  const used = new Set([...graph.sessions.values()].map((session) => session.host));
  const hosts = new Map<string, HostSpec>();
  for (const [name, spec] of project.hosts) if (used.has(name) || isNamed(tunnels, name)) hosts.set(name, spec);
  return { ...project, hosts, tunnels };
}

/** As if the project had been loaded for this selection, and not for one that activated more. */
export function activePart(project: Project, { load, ...asked }: Selection): Project {
  const all = [...project.tunnels.values()];
  const active = activeAmong(all, (spec) => ({ names: [spec.name, rangeOf(spec.name)], profiles: spec.profiles }), {
    profiles: load.profiles,
    names: activatedNames({ load, ...asked }),
  });
  return { ...project, tunnels: new Map(active.map((spec) => [spec.name, spec])) };
}

/** `name-9000` may have been made of the range `name`. */
const rangeOf = (name: string): string => name.replace(/-\d+$/, '');

/** A host only a launched ssh reaches has no session, but its spec is still what that ssh is given. */
function isNamed(tunnels: ReadonlyMap<string, TunnelSpec>, host: string): boolean {
  for (const spec of tunnels.values()) if (spec.hosts.includes(host) || spec.client === host) return true;
  return false;
}

/** Names of tunnels. */
export function withNeeds(graph: Graph, names: readonly string[]): Set<string> {
  const seen = new Set(names.map(tunnelNode));
  for (const id of seen) for (const edge of graph.edges) if (edge.from === id) seen.add(edge.to);
  return new Set([...seen].filter((id) => id !== hostNode(nodeName(id))).map(nodeName));
}
