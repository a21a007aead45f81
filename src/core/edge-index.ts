/** The edges of a graph by either end: what a node needs, and who needs it. */
import { hostNode, tunnelNode, type Edge, type Graph, type NodeId } from './graph.ts';

export interface EdgeIndex {
  /** Every node of the graph has an entry. */
  readonly needs: ReadonlyMap<NodeId, readonly Edge[]>;
  readonly dependants: ReadonlyMap<NodeId, readonly NodeId[]>;
}

export function indexEdges(graph: Graph | null): EdgeIndex {
  const needs = new Map<NodeId, Edge[]>();
  const dependants = new Map<NodeId, Set<NodeId>>();
  for (const id of graph?.sessions.keys() ?? []) needs.set(hostNode(id), []);
  for (const name of graph?.tunnels.keys() ?? []) needs.set(tunnelNode(name), []);
  for (const edge of graph?.edges ?? []) {
    const known = needs.get(edge.from);
    if (known) known.push(edge);
    else needs.set(edge.from, [edge]);
    const needing = dependants.get(edge.to);
    if (needing) needing.add(edge.from);
    else dependants.set(edge.to, new Set([edge.from]));
  }
  return { needs, dependants: new Map([...dependants].map(([id, from]) => [id, [...from]])) };
}
