/** The part of a project that was asked for by name: `up web git`. */
import { buildGraph, hostNode, nodeName, tunnelNode } from '../core/graph.ts';
import type { HostSpec, Project, TunnelSpec } from '../core/spec.ts';

/** The named tunnels with all they need, or (noDeps) without the other tunnels they need. No names: everything. */
export function selectTunnels(project: Project, names: readonly string[], { noDeps }: { readonly noDeps: boolean }): Project {
  if (names.length === 0) return project;
  const keep = noDeps ? new Set(names) : withNeeds(project, names);
  const tunnels = new Map<string, TunnelSpec>();
  for (const [name, spec] of project.tunnels) {
    if (!keep.has(name)) continue;
    tunnels.set(name, noDeps ? { ...spec, dependsOn: spec.dependsOn.filter(({ tunnel }) => keep.has(tunnel)) } : spec);
  }
  const graph = buildGraph({ ...project, tunnels });
  const used = new Set([...graph.sessions.values()].map((session) => session.host));
  const hosts = new Map<string, HostSpec>();
  for (const [name, spec] of project.hosts) if (used.has(name) || isNamed(tunnels, name)) hosts.set(name, spec);
  return { ...project, hosts, tunnels };
}

/** A host only a launched ssh reaches has no session, but its spec is still what that ssh is given. */
function isNamed(tunnels: ReadonlyMap<string, TunnelSpec>, host: string): boolean {
  for (const spec of tunnels.values()) if (spec.hosts.includes(host) || spec.client === host) return true;
  return false;
}

function withNeeds(project: Project, names: readonly string[]): Set<string> {
  const graph = buildGraph(project);
  const seen = new Set<string>();
  const queue = names.map(tunnelNode);
  for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
    if (seen.has(id)) continue;
    seen.add(id);
    for (const edge of graph.edges) if (edge.from === id) queue.push(edge.to);
  }
  return new Set([...seen].filter((id) => id !== hostNode(nodeName(id))).map(nodeName));
}
