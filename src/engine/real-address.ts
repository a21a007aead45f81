/** Addresses as they came out: ports that were allocated are passed on to those who dial them. */
import { tcp, type Address } from '../core/address.ts';
import { nodeName, type Edge, type Graph, type TunnelNode } from '../core/graph.ts';
import type { HostSpec } from '../core/spec.ts';
import type { Running } from './running.ts';

function allocatedPort(edges: readonly Edge[], why: Edge['why'], running: Running): number | null {
  for (const edge of edges) {
    if (edge.why !== why) continue;
    const bound = running.tunnels.get(nodeName(edge.to))?.bound;
    if (bound?.kind === 'tcp') return bound.port;
  }
  return null;
}

/** The egress; its port is the real one where it is another tunnel's ingress (port 0, on_conflict: next). */
export function realEgress(tunnel: TunnelNode, needs: readonly Edge[], running: Running): Address | null {
  const { egress } = tunnel.spec;
  if (egress?.kind !== 'tcp') return egress;
  const port = allocatedPort(needs, 'egress', running);
  return port === null ? egress : tcp(egress.host, port);
}

export const realPort = (spec: HostSpec, needs: readonly Edge[], running: Running): number =>
  allocatedPort(needs, 'address', running) ?? spec.port;

/** For `launch: ssh`: the host it goes by now, and the hops after the client, which the ssh that runs there takes with -J. */
export function launchTarget(
  tunnel: TunnelNode,
  graph: Graph | null,
): { readonly host: HostSpec; readonly jumps: readonly HostSpec[] } | null {
  const hosts = graph?.project.hosts;
  const host = hosts?.get(tunnel.host);
  if (!hosts || !host) return null;
  const after = host.via.slice(host.via.indexOf(tunnel.spec.client) + 1);
  const jumps = after.flatMap((name) => hosts.get(name) ?? []);
  return { host, jumps };
}
