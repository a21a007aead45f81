/** Questions about the graph's shape: cycles, the waves of the bring-up, listeners that collide. */
import { hostNode, tunnelNode, type Graph, type NodeId } from './graph.ts';
import { sameIngress } from './machine.ts';
import type { HostName, TunnelName } from './spec.ts';

/** In the order of the file: the hosts first, so that the waves are stable. */
export const allNodes = (graph: Graph): NodeId[] => [
  ...[...graph.sessions.keys()].map(hostNode),
  ...[...graph.tunnels.keys()].map(tunnelNode),
];

function needsByNode(graph: Graph): Map<NodeId, NodeId[]> {
  const needs = new Map<NodeId, NodeId[]>(allNodes(graph).map((id) => [id, []]));
  for (const edge of graph.edges) if (needs.has(edge.to)) needs.get(edge.from)?.push(edge.to);
  return needs;
}

/** One shortest cycle for each strongly connected part (Tarjan), as a path whose first node is repeated at its end. */
export function findCycles(graph: Graph): NodeId[][] {
  const needs = needsByNode(graph);
  return components(needs)
    .filter((part) => part.length > 1 || (needs.get(part[0] ?? '')?.includes(part[0] ?? '') ?? false))
    .map((part) => shortestCycle(part, needs));
}

/** Tarjan's algorithm with its own stack: a chain of thousands must not exhaust the call stack. */
function components(needs: ReadonlyMap<NodeId, readonly NodeId[]>): NodeId[][] {
  const index = new Map<NodeId, number>();
  const low = new Map<NodeId, number>();
  const onStack = new Set<NodeId>();
  const stack: NodeId[] = [];
  const found: NodeId[][] = [];
  const enter = (id: NodeId): { id: NodeId; next: number } => {
    index.set(id, index.size);
    low.set(id, index.size - 1);
    stack.push(id);
    onStack.add(id);
    return { id, next: 0 };
  };
  const lower = (id: NodeId, value: number): void => void low.set(id, Math.min(low.get(id) ?? value, value));
  for (const root of needs.keys()) {
    if (index.has(root)) continue;
    const work = [enter(root)];
    for (let frame = work.at(-1); frame; frame = work.at(-1)) {
      const child = needs.get(frame.id)?.[frame.next++];
      if (child !== undefined) {
        if (!index.has(child)) work.push(enter(child));
        else if (onStack.has(child)) lower(frame.id, index.get(child) ?? 0);
        continue;
      }
      work.pop();
      const parent = work.at(-1);
      if (parent) lower(parent.id, low.get(frame.id) ?? 0);
      if (low.get(frame.id) === index.get(frame.id)) {
        const part = stack.splice(stack.indexOf(frame.id));
        for (const id of part) onStack.delete(id);
        found.push(part);
      }
    }
  }
  return found;
}

function shortestCycle(part: readonly NodeId[], needs: ReadonlyMap<NodeId, readonly NodeId[]>): NodeId[] {
  const within = new Set(part);
  const start = part.toSorted()[0] ?? '';
  const cameFrom = new Map<NodeId, NodeId>();
  const queue = [start];
  for (let at = queue.shift(); at !== undefined; at = queue.shift()) {
    for (const next of needs.get(at) ?? []) {
      if (next === start) {
        const path = [at];
        for (let back = at; back !== start; ) {
          back = cameFrom.get(back) ?? start;
          path.unshift(back);
        }
        return [...path, start];
      }
      if (within.has(next) && !cameFrom.has(next)) {
        cameFrom.set(next, at);
        queue.push(next);
      }
    }
  }
  return [start, start];
}

/** Waves of the bring-up: all of one wave can come up at the same time. What is in a cycle, or needs one, is left out. */
export function bringUpOrder(graph: Graph): NodeId[][] {
  const needs = needsByNode(graph);
  const dependants = new Map<NodeId, NodeId[]>();
  const open = new Map<NodeId, number>();
  for (const [id, list] of needs) {
    open.set(id, list.length);
    for (const need of list) {
      const known = dependants.get(need);
      if (known) known.push(id);
      else dependants.set(need, [id]);
    }
  }
  const waves: NodeId[][] = [];
  for (let wave = [...needs.keys()].filter((id) => open.get(id) === 0); wave.length > 0; ) {
    waves.push(wave);
    const next = new Set<NodeId>();
    for (const id of wave) {
      for (const dependant of dependants.get(id) ?? []) {
        const left = (open.get(dependant) ?? 0) - 1;
        open.set(dependant, left);
        if (left === 0) next.add(dependant);
      }
    }
    wave = [...needs.keys()].filter((id) => next.has(id));
  }
  return waves;
}

export interface SharedIngress {
  readonly first: TunnelName;
  readonly second: TunnelName;
  readonly machine: HostName;
}

/** Pairs of tunnels that would listen on the same place of the same machine, by whichever of their hosts; in the order of the file. */
export function duplicateIngresses(graph: Graph): SharedIngress[] {
  const seen = new Map<string, { name: TunnelName; ingress: Parameters<typeof sameIngress>[0] }[]>();
  const pairs: SharedIngress[] = [];
  for (const { spec, listenMachine, others } of graph.tunnels.values()) {
    const machines = new Set([listenMachine, ...others.map((way) => way.listenMachine)]);
    const shared = [...machines].flatMap((machine) => {
      const key = `${machine}|${spec.ingress.kind === 'unix' ? spec.ingress.path : spec.ingress.port}`;
      const rivals = seen.get(key) ?? [];
      const mine = { ingress: spec.ingress, machine };
      const rival = rivals.find((each) => sameIngress(each.ingress, mine));
      if (!rival) seen.set(key, [...rivals, { name: spec.name, ingress: mine }]);
      return rival ? [{ first: rival.name, second: spec.name, machine }] : [];
    });
    // One is enough to tell, however many hosts they share.
    pairs.push(...shared.slice(0, 1));
  }
  return pairs;
}
