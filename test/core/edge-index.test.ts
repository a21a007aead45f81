import fc from 'fast-check';
import { expect, it } from 'vitest';
import { indexEdges } from '../../src/core/edge-index.ts';
import { buildGraph, hostNode, tunnelNode } from '../../src/core/graph.ts';
import { projects } from '../helpers/any-project.ts';
import { doubleTunnel } from '../helpers/spec.ts';

it('tells of each node what it needs and who needs it, each once', () => {
  const { needs, dependants } = indexEdges(buildGraph(doubleTunnel()));
  expect(needs.get('tunnel:git')?.map(({ to, why }) => `${to} ${why}`)).toEqual(['host:bastion host', 'tunnel:git-inner egress']);
  expect(needs.get('host:bastion')).toEqual([]);
  expect(dependants.get('host:bastion')?.toSorted()).toEqual(['host:test-server', 'tunnel:git', 'tunnel:git-inner']);
  expect(dependants.get('tunnel:git')).toBeUndefined();
});

it('loses no edge of any graph, and knows every node', () => {
  fc.assert(
    fc.property(projects, (any) => {
      const graph = buildGraph(any);
      const { needs, dependants } = indexEdges(graph);
      expect([...needs.values()].flat()).toHaveLength(graph.edges.length);
      for (const { from, to } of graph.edges) expect(dependants.get(to)).toContain(from);
      const all = [...[...graph.sessions.keys()].map(hostNode), ...[...graph.tunnels.keys()].map(tunnelNode)];
      for (const id of all) expect(needs.has(id)).toBe(true);
      for (const from of dependants.values()) expect(new Set(from).size).toBe(from.length);
    }),
  );
});

it('of nothing is empty', () => {
  expect(indexEdges(null)).toEqual({ needs: new Map(), dependants: new Map() });
});
