/** The graph as JSON and back: its maps travel as lists of pairs, in their order. */
import type { Graph } from '../core/graph.ts';

type Pairs<M> = M extends ReadonlyMap<infer K, infer V> ? readonly (readonly [K, V])[] : never;

export interface WireGraph {
  readonly project: {
    readonly name: string;
    readonly hosts: Pairs<Graph['project']['hosts']>;
    readonly tunnels: Pairs<Graph['project']['tunnels']>;
  };
  readonly sessions: Pairs<Graph['sessions']>;
  readonly tunnels: Pairs<Graph['tunnels']>;
  readonly edges: Graph['edges'];
}

export const toWire = (graph: Graph): WireGraph => ({
  project: { name: graph.project.name, hosts: [...graph.project.hosts], tunnels: [...graph.project.tunnels] },
  sessions: [...graph.sessions],
  tunnels: [...graph.tunnels],
  edges: graph.edges,
});

export const fromWire = (wire: WireGraph): Graph => ({
  project: { name: wire.project.name, hosts: new Map(wire.project.hosts), tunnels: new Map(wire.project.tunnels) },
  sessions: new Map(wire.sessions),
  tunnels: new Map(wire.tunnels),
  edges: wire.edges,
});
