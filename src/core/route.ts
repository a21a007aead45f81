/** The ways to reach the hosts: each is one SSH connection, and a host reached by two ways is two (DESIGN section 1). */
import { THIS_MACHINE, type HostName, type Project, type TunnelSpec } from './spec.ts';

/** `bastion`; or `test-server via bastion` where the way is not the host's own. */
export type SessionId = string;

export interface SessionNode {
  readonly id: SessionId;
  readonly host: HostName;
  /** The session it is dialled through; null from this machine. */
  readonly via: SessionId | null;
  readonly viaHost: HostName | null;
}

export interface Routes {
  /** Outer ones before those that go through them, as far as there is no cycle. */
  readonly sessions: ReadonlyMap<SessionId, SessionNode>;
  /** Null is this machine, or (the host of `launch: ssh`) a machine only the launched process reaches. */
  sessionsOf(tunnel: TunnelSpec, host: HostName): { host: SessionId | null; client: SessionId | null };
}

export function deriveSessions(project: Project): Routes {
  const known = new Map<SessionId, SessionNode>();
  const resolving = new Set<HostName>();

  const own = (host: HostName): SessionNode => {
    const found = known.get(host);
    if (found) return found;
    // A cycle of `via` is cut here: its edges stay in the graph, where findCycles reports them.
    if (resolving.has(host)) return { id: host, host, via: null, viaHost: null };
    resolving.add(host);
    let before: SessionNode | null = null;
    for (const hop of project.hosts.get(host)?.via ?? []) before = before === null ? own(hop) : through(hop, before);
    resolving.delete(host);
    const node = { id: host, host, via: before?.id ?? null, viaHost: before?.host ?? null };
    known.set(host, node);
    return node;
  };

  const through = (host: HostName, hop: SessionNode): SessionNode => {
    const itsOwn = own(host);
    if (itsOwn.via === hop.id) return itsOwn;
    const id = `${host} via ${hop.id}`;
    const node = { id, host, via: hop.id, viaHost: hop.host };
    known.set(id, node);
    return node;
  };

  const used = new Map<SessionId, SessionNode>();
  const use = (node: SessionNode): SessionId => {
    if (used.has(node.id)) return node.id;
    const chain: SessionNode[] = [];
    let at: SessionNode | undefined = node;
    while (at && !chain.includes(at)) {
      chain.unshift(at);
      at = at.via === null ? undefined : known.get(at.via);
    }
    for (const each of chain) used.set(each.id, each);
    return node.id;
  };

  const sessionsOf = (tunnel: TunnelSpec, host: HostName): { host: SessionId | null; client: SessionId | null } => {
    if (tunnel.client === THIS_MACHINE) return { host: use(own(host)), client: null };
    const client = own(tunnel.client);
    if (tunnel.launch === 'ssh') return { host: null, client: use(client) };
    if (host === tunnel.client) return { host: use(client), client: use(client) };
    const hasOwnWay = (project.hosts.get(host)?.via.length ?? 0) > 0;
    return { host: use(hasOwnWay ? own(host) : through(host, client)), client: use(client) };
  };

  for (const tunnel of project.tunnels.values()) for (const host of tunnel.hosts) sessionsOf(tunnel, host);
  return { sessions: used, sessionsOf };
}
