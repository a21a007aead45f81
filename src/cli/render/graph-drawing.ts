/** The graph as boxes, nodes and lines: what Mermaid, DOT and SVG have in common. */
import type { GraphView, TunnelPath } from './graph-view.ts';

export interface DrawnNode {
  readonly id: string;
  readonly label: string;
  /** `ingress` is a port that is opened there; `egress` is where connections come out; `target` is a place outside. */
  readonly kind: 'ingress' | 'egress' | 'target';
}

export interface Box {
  readonly id: string;
  /** Null: its nodes stand free. */
  readonly title: string | null;
  readonly nodes: readonly DrawnNode[];
}

export interface Link {
  readonly from: string;
  readonly to: string;
  readonly over: 'ssh' | 'plain' | 'inside';
  readonly label: string;
}

export interface Drawing {
  readonly boxes: readonly Box[];
  readonly links: readonly Link[];
}

export function drawing(view: GraphView): Drawing {
  const inside = new Map<string, DrawnNode[]>(view.machines.map(({ name }) => [name, []]));
  const outside = new Map<string, DrawnNode>();
  const links: Link[] = [];
  const index = new Map(view.tunnels.map((tunnel, at) => [tunnel.name, at]));
  view.tunnels.forEach((tunnel, at) => {
    const { ingress, egress } = tunnel;
    inside.get(ingress.machine)?.push({ id: `t${at}_in`, kind: 'ingress', label: `${tunnel.name}: listens on ${ingress.address}` });
    inside
      .get(egress.machine)
      ?.push({ id: `t${at}_out`, kind: 'egress', label: `${tunnel.name}: ${egress.address === null ? 'proxy' : 'dials'}` });
    links.push({ from: `t${at}_in`, to: `t${at}_out`, over: 'ssh', label: sshLabel(tunnel) });
    links.push({ from: `t${at}_out`, ...target(tunnel, { index, outside }) });
  });
  const machines = view.machines.map(({ name, what }, at) => ({
    id: `m${at}`,
    title: name === what ? name : `${name} (${what})`,
    nodes: inside.get(name) ?? [],
  }));
  return { boxes: [...machines, { id: 'outside', title: null, nodes: [...outside.values()] }], links };
}

function sshLabel({ type, legs, launchedOn, ingress, egress }: TunnelPath): string {
  const stops = legs
    .slice(0, -1)
    .map((leg) => leg.to)
    .filter((stop) => stop !== egress.machine && stop !== ingress.machine);
  if (launchedOn !== null) return `ssh run on ${launchedOn} (${type})`;
  return stops.length === 0 ? `ssh (${type})` : `ssh through ${stops.join(', ')} (${type})`;
}

interface Known {
  readonly index: ReadonlyMap<string, number>;
  readonly outside: Map<string, DrawnNode>;
}

function target({ egress, legs }: TunnelPath, { index, outside }: Known): Omit<Link, 'from'> {
  const over = legs.at(-1)?.over ?? 'inside';
  const label = over === 'plain' ? 'plain TCP' : 'same machine';
  const next = egress.tunnel === null ? undefined : index.get(egress.tunnel);
  if (next !== undefined) return { to: `t${next}_in`, over, label };
  const place = egress.address ?? 'any target';
  // A loopback address is another place on every machine.
  const key = over === 'plain' ? place : `${egress.machine} ${place}`;
  const node = outside.get(key) ?? {
    id: `x${outside.size}`,
    kind: 'target',
    label: over === 'plain' ? place : `${place} on ${egress.machine}`,
  };
  outside.set(key, node);
  return { to: node.id, over, label };
}
