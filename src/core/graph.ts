/**
 * The graph is derived, not written (DESIGN section 1). From the project come the sessions (the ways to reach the hosts)
 * and the edges: a session needs the one it is dialled through and the tunnel its address is the ingress of; a tunnel needs
 * its host, its client, the tunnel its egress is the ingress of, and what `depends_on` names.
 */
import { machines, meetsIngress, type Machines } from './machine.ts';
import { deriveSessions, type Routes, type SessionId, type SessionNode } from './route.ts';
import { listensOnHost, THIS_MACHINE, type Dependency, type HostName, type Project, type TunnelName, type TunnelSpec } from './spec.ts';

export type { SessionId, SessionNode } from './route.ts';

/** By one of its hosts: where the tunnel listens and dials. */
export interface Way {
  readonly host: HostName;
  /** The session whose machine listens; null is this machine. With `launch: ssh` it is reached by the process, not by a session. */
  readonly listenOn: SessionId | null;
  /** The session whose machine dials the egress; null is this machine. */
  readonly dialFrom: SessionId | null;
  /** The machines by name (a host, or THIS_MACHINE): also right where no session leads there. */
  readonly listenMachine: HostName;
  readonly dialMachine: HostName;
}

/** A tunnel, by the first of its hosts. */
export interface TunnelNode extends Way {
  readonly spec: TunnelSpec;
  /** With `launch: ssh`, the client's session that runs it. */
  readonly runsOn: SessionId | null;
  /** By the other hosts of its list, in order (failover). */
  readonly others: readonly Way[];
}

/** The tunnel by its host number `index`, 0 being the first. */
export function byHost(node: TunnelNode, index: number): TunnelNode {
  const way = node.others[index - 1];
  return way ? { ...node, ...way } : node;
}

/** `host:SESSION-ID` or `tunnel:NAME`. */
export type NodeId = string;

export interface Edge {
  readonly from: NodeId;
  /** What `from` needs. */
  readonly to: NodeId;
  readonly why: 'via' | 'host' | 'client' | 'address' | 'egress' | 'depends_on';
  readonly condition: Dependency['condition'];
  /** Of several hosts: which one this is. The tunnel needs one of them at a time. */
  readonly alternative?: number;
}

export interface Graph {
  readonly project: Project;
  readonly sessions: ReadonlyMap<SessionId, SessionNode>;
  readonly tunnels: ReadonlyMap<TunnelName, TunnelNode>;
  readonly edges: readonly Edge[];
}

export const hostNode = (id: SessionId): NodeId => `host:${id}`;
export const tunnelNode = (name: TunnelName): NodeId => `tunnel:${name}`;
/** `tunnel:git` → `git`: how a node is called where its kind is plain. */
export const nodeName = (id: NodeId): string => id.slice(id.indexOf(':') + 1);

/** Every name the project's specs mention must exist in it; the configuration's `check` sees to that. */
export function buildGraph(project: Project): Graph {
  const routes = deriveSessions(project);
  const where = machines(project.hosts);
  const tunnels = new Map<TunnelName, TunnelNode>();
  for (const spec of project.tunnels.values()) tunnels.set(spec.name, place(spec, routes, where));
  const edges: Edge[] = [];
  const placed = { tunnels, where, byPort: indexByPort(tunnels), sessions: routes.sessions };
  for (const session of routes.sessions.values()) edges.push(...sessionEdges(session, project, placed));
  for (const node of tunnels.values()) edges.push(...tunnelEdges(node, placed));
  return { project, sessions: routes.sessions, tunnels, edges };
}

interface Placed {
  readonly tunnels: ReadonlyMap<TunnelName, TunnelNode>;
  readonly where: Machines;
  readonly byPort: ReadonlyMap<string, readonly TunnelNode[]>;
  readonly sessions: ReadonlyMap<SessionId, SessionNode>;
}

const portKey = (address: TunnelSpec['ingress']): string => (address.kind === 'unix' ? address.path : String(address.port));

function indexByPort(tunnels: ReadonlyMap<TunnelName, TunnelNode>): Map<string, TunnelNode[]> {
  const index = new Map<string, TunnelNode[]>();
  for (const node of tunnels.values()) {
    const key = portKey(node.spec.ingress);
    const list = index.get(key);
    if (list) list.push(node);
    else index.set(key, [node]);
  }
  return index;
}

function place(spec: TunnelSpec, routes: Routes, where: Machines): TunnelNode {
  const [first = wayBy(spec, THIS_MACHINE, { routes, where }), ...others] = spec.hosts.map((host) => wayBy(spec, host, { routes, where }));
  const launched = spec.launch === 'ssh' && spec.client !== THIS_MACHINE;
  return { spec, ...first, runsOn: launched ? (listensOnHost(spec.type) ? first.dialFrom : first.listenOn) : null, others };
}

function wayBy(spec: TunnelSpec, host: HostName, { routes, where }: { readonly routes: Routes; readonly where: Machines }): Way {
  const sessions = routes.sessionsOf(spec, host);
  const [hostMachine, clientMachine] = [where.of(host), where.of(spec.client)];
  return listensOnHost(spec.type)
    ? { host, listenOn: sessions.host, dialFrom: sessions.client, listenMachine: hostMachine, dialMachine: clientMachine }
    : { host, listenOn: sessions.client, dialFrom: sessions.host, listenMachine: clientMachine, dialMachine: hostMachine };
}

function sessionEdges(session: SessionNode, project: Project, placed: Placed): Edge[] {
  const from = hostNode(session.id);
  const edges: Edge[] = [];
  if (session.via !== null) edges.push({ from, to: hostNode(session.via), why: 'via', condition: 'open' });
  const spec = project.hosts.get(session.host);
  if (!spec) return edges;
  const dialler = session.viaHost === null ? THIS_MACHINE : placed.where.of(session.viaHost);
  const address = { kind: 'tcp', host: spec.hostname, port: spec.port } as const;
  const found = feeders(address, dialler, placed);
  // Several have port 0: one that the session itself carries cannot be the way to it.
  const others = found.filter((node) => !isCarriedBy(node, session.id, placed));
  for (const feeder of others.length > 0 ? others : found)
    edges.push({ from, to: tunnelNode(feeder.spec.name), why: 'address', condition: 'open' });
  return edges;
}

function isCarriedBy({ listenOn, dialFrom, runsOn }: TunnelNode, session: SessionId, { sessions }: Placed): boolean {
  return [listenOn, dialFrom, runsOn].some((start) => {
    const seen = new Set<SessionId>();
    for (let id = start; id !== null && !seen.has(id); id = sessions.get(id)?.via ?? null) {
      if (id === session) return true;
      seen.add(id);
    }
    return false;
  });
}

function tunnelEdges(node: TunnelNode, placed: Placed): Edge[] {
  const from = tunnelNode(node.spec.name);
  const edges: Edge[] = [];
  const need = (to: NodeId, why: Edge['why'], condition: Edge['condition'] = 'open'): void => {
    if (!edges.some((edge) => edge.to === to && edge.condition === condition)) edges.push({ from, to, why, condition });
  };
  const onHost = listensOnHost(node.spec.type);
  const hostOf = (way: Way): SessionId | null => (onHost ? way.listenOn : way.dialFrom);
  const clientSession = onHost ? node.dialFrom : node.listenOn;
  if (node.others.length === 0 && hostOf(node) !== null) need(hostNode(hostOf(node) ?? ''), 'host');
  for (const [alternative, way] of node.others.length > 0 ? [node, ...node.others].entries() : []) {
    const session = hostOf(way);
    if (session !== null) edges.push({ from, to: hostNode(session), why: 'host', condition: 'open', alternative });
  }
  if (clientSession !== null) need(hostNode(clientSession), 'client');
  if (node.spec.egress) {
    const named = new Set(node.spec.dependsOn.map((dependency) => dependency.tunnel));
    const found = feeders(node.spec.egress, node.dialMachine, placed);
    const settled =
      found.length > 1 && found.some((each) => named.has(each.spec.name)) ? found.filter((each) => named.has(each.spec.name)) : found;
    for (const feeder of settled) need(tunnelNode(feeder.spec.name), 'egress');
  }
  for (const dependency of node.spec.dependsOn) need(tunnelNode(dependency.tunnel), 'depends_on', dependency.condition);
  return edges;
}

/** The tunnels whose ingress is `target`, as dialled on `dialler`. */
function feeders(target: TunnelSpec['ingress'], dialler: HostName, placed: Placed): TunnelNode[] {
  const candidates = placed.byPort.get(portKey(target)) ?? [];
  return candidates.filter((node) =>
    meetsIngress(
      { ingress: node.spec.ingress, machine: node.listenMachine, hostname: placed.where.hostnameOf(node.listenMachine) },
      target,
      dialler,
    ),
  );
}
