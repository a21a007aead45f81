/** What only the whole graph shows: cycles, listeners that collide, ports that nobody allocates. */
import { formatAddress } from '../core/address.ts';
import { buildGraph, hostNode, nodeName, tunnelNode, type Edge, type Graph, type NodeId } from '../core/graph.ts';
import { duplicateIngresses, findCycles, type SharedIngress } from '../core/order.ts';
import { THIS_MACHINE, type TunnelName } from '../core/spec.ts';
import { checkHealth } from './check-health.ts';
import type { Problems } from './problems.ts';
import type { Resolved } from './resolve.ts';
import { rangeOf, type Span } from './source.ts';

export function check(resolved: Resolved, problems: Problems): void {
  const graph = buildGraph(resolved.project);
  for (const cycle of findCycles(graph)) reportCycle(cycle, graph, { resolved, problems });
  for (const pair of duplicateIngresses(graph)) reportDuplicate(pair, { resolved, problems });
  checkAllocated(graph, { resolved, problems });
  checkExports({ resolved, problems });
  checkHealth(resolved, problems);
}

interface Context {
  readonly resolved: Resolved;
  readonly problems: Problems;
}

function reportCycle(path: readonly NodeId[], graph: Graph, context: Context): void {
  const nodes = path.slice(0, -1);
  // Begun at the same node whatever the algorithm met first.
  const first = nodes.indexOf(nodes.toSorted((a, b) => byPlace(a, b, context))[0] ?? '');
  const turned = [...nodes.slice(first), ...nodes.slice(0, first)];
  const [from, to] = [turned[0] ?? '', turned[1] ?? turned[0] ?? ''];
  const names = [...turned, from].map(nodeName).join(' -> ');
  const edge = graph.edges.find((each) => each.from === from && each.to === to);
  const hint = 'each needs the next to be up first: take one of the steps away';
  context.problems.add({ code: 'cycle', message: `a cycle: ${names}`, at: placeOf(from, edge, context), hint });
}

function byPlace(a: NodeId, b: NodeId, context: Context): number {
  const [left, right] = [placeOf(a, undefined, context), placeOf(b, undefined, context)];
  return (left?.start ?? 0) - (right?.start ?? 0);
}

/** Where the file says that `node` needs what the edge leads to; else where it is declared. */
function placeOf(node: NodeId, edge: Edge | undefined, { resolved }: Context): Span | null {
  const draft = node.startsWith('tunnel:') ? resolved.drafts.get(nodeName(node)) : undefined;
  if (!draft) return resolved.hostPlaces.get(nodeName(node).split(' via ')[0] ?? '') ?? null;
  const { places } = draft;
  if (edge?.why === 'egress') return places.egress;
  if (edge?.why === 'host') return places.host;
  if (edge?.why === 'client') return places.client;
  if (edge?.why === 'depends_on') return places.dependsOn.get(nodeName(edge.to)) ?? places.name;
  return places.name;
}

function reportDuplicate({ first, second, machine }: SharedIngress, { resolved, problems }: Context): void {
  const [a, b] = [resolved.drafts.get(first), resolved.drafts.get(second)];
  if (!a || !b) return;
  const where = machine === THIS_MACHINE ? 'this machine' : machine;
  const other = rangeOf(a.places.ingress);
  const file = other.file === rangeOf(b.places.ingress).file ? `line ${other.start.line}` : `${other.file}:${other.start.line}`;
  const message = `"${second}" cannot listen on ${formatAddress(b.spec.ingress)} of ${where}: "${first}" does (${file})`;
  problems.add({ code: 'duplicate-ingress', message, at: b.places.ingress, hint: 'give one of them another port' });
}

/** Port 0 to connect to stands for the port that was allocated to a tunnel: there must be one, and only one. */
function checkAllocated(graph: Graph, { resolved, problems }: Context): void {
  const report = (found: readonly string[], at: Span | null, { what, settle }: { what: string; settle: string }): void => {
    if (found.length === 1) return;
    const message =
      found.length === 0
        ? `${what} is 0, which stands for a port that is allocated to a tunnel there, and no tunnel has an ingress of 0 there`
        : `${what} is 0, and ${found.map((name) => `"${name}"`).join(' and ')} could be meant`;
    const hint = found.length === 0 ? 'write the port' : settle;
    problems.add({ code: 'schema', message, at, hint });
  };
  const feeders = (from: NodeId, why: Edge['why']): string[] =>
    graph.edges.filter((edge) => edge.from === from && edge.why === why).map((edge) => nodeName(edge.to));
  for (const { spec, places } of resolved.drafts.values()) {
    if (spec.egress?.kind === 'tcp' && spec.egress.port === 0)
      report(feeders(tunnelNode(spec.name), 'egress'), places.egress, {
        what: 'the port of the egress',
        settle: 'say which one with depends_on',
      });
  }
  const reported = new Set<string>();
  for (const session of graph.sessions.values()) {
    const host = resolved.project.hosts.get(session.host);
    if (host?.port !== 0 || reported.has(host.name)) continue;
    reported.add(host.name);
    report(feeders(hostNode(session.id), 'address'), resolved.hostPlaces.get(host.name) ?? null, {
      what: `the port of "${host.name}"`,
      // A host has no depends_on.
      settle: 'give the tunnel in front of it a fixed ingress port, and write that port here',
    });
  }
}

/** Two tunnels that export one name: the second would hide the first. */
function checkExports({ resolved, problems }: Context): void {
  const exported = new Map<string, TunnelName>();
  for (const { base, places } of resolved.drafts.values()) {
    for (const [name, at] of places.env) {
      const before = exported.get(name);
      if (before === undefined) exported.set(name, base);
      else {
        const message = before === base ? `every tunnel of the range "${base}" exports ${name}` : `"${before}" exports ${name} too`;
        problems.add({ code: 'schema', severity: 'warning', message, at, hint: 'the last one wins' });
      }
    }
  }
}
