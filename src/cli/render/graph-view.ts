/** What every form of `graph` draws, worked out once: machines, connections, each tunnel's way leg by leg, order and reasons. */
import { formatAddress, isLoopback, isWildcard, type Address } from '../../core/address.ts';
import { nodeName, tunnelNode, type Edge, type Graph, type SessionId, type TunnelNode } from '../../core/graph.ts';
import { bringUpOrder } from '../../core/order.ts';
import { THIS_MACHINE, type TunnelType } from '../../core/spec.ts';

export interface MachineView {
  readonly name: string;
  /** `this machine`, or `user@hostname:port`. */
  readonly what: string;
}

export interface ConnectionView {
  readonly id: SessionId;
  /** From this machine to the host, every hop in between. */
  readonly path: readonly string[];
}

/** `ssh` is protected; `plain` leaves a machine without SSH around it; `inside` never leaves the machine. */
export interface Leg {
  readonly from: string;
  readonly to: string;
  readonly over: 'ssh' | 'plain' | 'inside';
}

export interface TunnelPath {
  readonly name: string;
  readonly type: TunnelType;
  /** What one would type after `ssh` for it. */
  readonly like: '-L' | '-R' | '-D' | '-R (proxy)';
  /** The machine that listens, on this address. */
  readonly ingress: { readonly machine: string; readonly address: string; readonly exposed: boolean };
  /** The machine that dials, to this address; null: whatever the proxy's client asks for. `tunnel`: the one whose ingress it is. */
  readonly egress: { readonly machine: string; readonly address: string | null; readonly tunnel: string | null };
  /** The machine an ssh process is run on, with `launch: ssh`. */
  readonly launchedOn: string | null;
  readonly legs: readonly Leg[];
  /** Said for each leg that SSH does not protect. */
  readonly unprotected: readonly string[];
}

export interface EdgeView {
  readonly from: string;
  readonly to: string;
  readonly why: Edge['why'];
  readonly condition: Edge['condition'];
  readonly reason: string;
}

export interface GraphView {
  readonly project: string;
  readonly machines: readonly MachineView[];
  readonly connections: readonly ConnectionView[];
  readonly tunnels: readonly TunnelPath[];
  /** Steps of the bring-up; what is in one step comes up at the same time. */
  readonly order: readonly (readonly string[])[];
  readonly edges: readonly EdgeView[];
}

const LIKE = { local: '-L', remote: '-R', dynamic: '-D', 'remote-dynamic': '-R (proxy)' } as const;

export function graphView(graph: Graph): GraphView {
  return {
    project: graph.project.name,
    machines: machineViews(graph),
    connections: [...graph.sessions.values()].map(({ id }) => ({ id, path: pathOf(graph, id) })),
    tunnels: [...graph.tunnels.values()].map((node) => tunnelPath(node, graph)),
    order: bringUpOrder(graph).map((wave) => wave.map(readable)),
    edges: graph.edges.map((edge) => ({
      from: readable(edge.from),
      to: readable(edge.to),
      why: edge.why,
      condition: edge.condition,
      reason: reason(edge, graph),
    })),
  };
}

const readable = (id: string): string => id.replace(':', ' ');

function machineViews(graph: Graph): MachineView[] {
  const views: MachineView[] = [{ name: THIS_MACHINE, what: 'this machine' }];
  const seen = new Set<string>();
  const named = [...graph.sessions.values()].map((session) => session.host);
  const others = [...graph.tunnels.values()].flatMap((node) => [node.listenMachine, node.dialMachine]);
  for (const name of [...named, ...others]) {
    if (name === THIS_MACHINE || seen.has(name)) continue;
    seen.add(name);
    const spec = graph.project.hosts.get(name);
    const port = spec?.port === 0 ? 'allocated' : String(spec?.port ?? 22);
    views.push({ name, what: spec ? `${spec.user}@${spec.hostname.includes(':') ? `[${spec.hostname}]` : spec.hostname}:${port}` : name });
  }
  return views;
}

function pathOf(graph: Graph, id: SessionId): string[] {
  const path: string[] = [];
  const seen = new Set<SessionId>();
  for (let at = graph.sessions.get(id); at && !seen.has(at.id); at = at.via === null ? undefined : graph.sessions.get(at.via)) {
    seen.add(at.id);
    path.unshift(at.host);
  }
  return [THIS_MACHINE, ...path];
}

function tunnelPath(node: TunnelNode, graph: Graph): TunnelPath {
  const { spec, listenMachine, dialMachine } = node;
  const feeder = graph.edges.find((edge) => edge.from === tunnelNode(spec.name) && edge.why === 'egress');
  const ingress = { machine: listenMachine, address: formatAddress(spec.ingress), exposed: isExposed(spec.ingress) };
  const egress = {
    machine: dialMachine,
    address: spec.egress ? formatAddress(spec.egress) : null,
    tunnel: feeder ? nodeName(feeder.to) : null,
  };
  const last = egressLeg(node, graph);
  const unprotected: string[] = [];
  if (ingress.exposed) unprotected.push(`others -> ${listenMachine} ${ingress.address}: other machines reach this ingress in plain TCP`);
  if (last.over === 'plain') unprotected.push(`${last.from} -> ${last.to}: plain TCP, not protected by SSH`);
  const legs = [...carried(node), last];
  return {
    name: spec.name,
    type: spec.type,
    like: LIKE[spec.type],
    ingress,
    egress,
    launchedOn: node.runsOn === null ? null : spec.client,
    legs,
    unprotected,
  };
}

/** A relayed tunnel passes through this machine; a launched ssh goes from the client host itself. */
function carried(node: TunnelNode): Leg[] {
  const { listenMachine, dialMachine } = node;
  if (listenMachine === dialMachine)
    return [
      { from: listenMachine, to: THIS_MACHINE, over: 'ssh' },
      { from: THIS_MACHINE, to: dialMachine, over: 'ssh' },
    ];
  const direct = node.runsOn !== null || listenMachine === THIS_MACHINE || dialMachine === THIS_MACHINE;
  const stops = direct ? [listenMachine, dialMachine] : [listenMachine, THIS_MACHINE, dialMachine];
  return stops.slice(1).map((to, index) => ({ from: stops[index] ?? to, to, over: 'ssh' as const }));
}

function egressLeg({ spec, dialMachine }: TunnelNode, graph: Graph): Leg {
  if (!spec.egress) return { from: dialMachine, to: 'what the client of the proxy asks for', over: 'plain' };
  const inside = staysInside(spec.egress, graph.project.hosts.get(dialMachine)?.hostname ?? null);
  return { from: dialMachine, to: formatAddress(spec.egress), over: inside ? 'inside' : 'plain' };
}

const isExposed = (address: Address): boolean => address.kind === 'tcp' && !isLoopback(address.host);

function staysInside(address: Address, ownName: string | null): boolean {
  if (address.kind === 'unix' || isLoopback(address.host) || isWildcard(address.host)) return true;
  return ownName !== null && address.host.toLowerCase() === ownName.toLowerCase();
}

function reason(edge: Edge, graph: Graph): string {
  const to = graph.tunnels.get(nodeName(edge.to));
  const ingress = to ? `${formatAddress(to.spec.ingress)} on ${to.listenMachine} is the ingress of ${to.spec.name}` : '';
  switch (edge.why) {
    case 'via':
      return `dialled through ${nodeName(edge.to)}`;
    case 'host':
      return 'its host';
    case 'client':
      return 'its client';
    case 'address':
      return `its address: ${ingress}`;
    case 'egress':
      return `its egress: ${ingress}`;
    case 'depends_on':
      return `depends_on${edge.condition === 'healthy' ? ', healthy' : ''}`;
  }
}
