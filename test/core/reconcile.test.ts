import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tcp } from '../../src/core/address.ts';
import { buildGraph, hostNode, tunnelNode } from '../../src/core/graph.ts';
import { bringUpOrder } from '../../src/core/order.ts';
import { formatPlan, type Plan } from '../../src/core/plan.ts';
import { reconcile } from '../../src/core/reconcile.ts';
import type { Project } from '../../src/core/spec.ts';
import { projects } from '../helpers/any-project.ts';
import { doubleTunnel, hostSpec, project, tunnelSpec } from '../helpers/spec.ts';

const planBetween = (from: Project | null, to: Project | null): string =>
  formatPlan(reconcile(to && buildGraph(to), from && buildGraph(from)));

const bastion = hostSpec('bastion');
const two = [bastion, hostSpec('other')];
const web = tunnelSpec('web');

describe('the plan, as it is printed', () => {
  it.each<[string, Project | null, Project | null, string]>([
    ['nothing to nothing', null, null, 'no changes'],
    ['the same file twice', doubleTunnel(), doubleTunnel(), 'no changes'],
    ['up: needs before those who need them', null, doubleTunnel(), '+ host bastion\n+ host test-server\n+ tunnel git-inner\n+ tunnel git'],
    ['down: the reverse', doubleTunnel(), null, '- tunnel git\n- tunnel git-inner\n- host test-server\n- host bastion'],
    [
      'a changed egress is retargeted',
      project([bastion], [web]),
      project([bastion], [tunnelSpec('web', { egress: tcp('web', 81) })]),
      '~ tunnel web: egress web:80 → web:81 (retarget)',
    ],
    [
      'a changed ingress opens anew',
      project([bastion], [web]),
      project([bastion], [tunnelSpec('web', { ingress: tcp('localhost', 8081) })]),
      '~ tunnel web: ingress localhost:8080 → localhost:8081 (reopen)',
    ],
    [
      'limits change in place',
      project([bastion], [web]),
      project([bastion], [tunnelSpec('web', { maxConnections: 5, allow: ['10.0.0.0/8'] })]),
      '~ tunnel web: allow none → [10.0.0.0/8], max_connections 1024 → 5 (in-place)',
    ],
    [
      'another host behind a listener of this machine touches only new connections',
      project(two, [web]),
      project(two, [tunnelSpec('web', { hosts: ['other'] })]),
      '- host bastion\n~ tunnel web: dials from bastion → other (retarget)\n+ host other',
    ],
    [
      'another host of a remote tunnel listens elsewhere',
      project(two, [tunnelSpec('web', { type: 'remote' })]),
      project(two, [tunnelSpec('web', { type: 'remote', hosts: ['other'] })]),
      '- host bastion\n~ tunnel web: listens on bastion → other (reopen)\n+ host other',
    ],
    [
      'a launched ssh has no listener to keep',
      project(two, [tunnelSpec('web', { client: 'bastion', hosts: ['other'], launch: 'ssh' })]),
      project(two, [tunnelSpec('web', { client: 'bastion', hosts: ['other'], launch: 'ssh', egress: tcp('web', 81) })]),
      '~ tunnel web: egress web:80 → web:81 (reopen)',
    ],
    [
      'a host that moved is dialled anew',
      project([bastion], [web]),
      project([hostSpec('bastion', { hostname: 'new.example.com' })], [web]),
      '~ host bastion: hostname bastion.example.com → new.example.com (reopen)',
    ],
    [
      'a keepalive changes on the live connection',
      project([bastion], [web]),
      project([hostSpec('bastion', { keepalive: { intervalMs: 1_000, count: 2 } })], [web]),
      '~ host bastion: keepalive {interval: 5s, count: 3} → {interval: 1s, count: 2} (in-place)',
    ],
    [
      'more connections to a host touch none that is open',
      project([bastion], [web]),
      project([hostSpec('bastion', { connections: 4 })], [web]),
      '~ host bastion: connections 1 → 4 (in-place)',
    ],
    [
      'another way to a host is another connection',
      project([bastion, hostSpec('far')], [tunnelSpec('t', { hosts: ['far'] })]),
      project([bastion, hostSpec('far', { via: ['bastion'] })], [tunnelSpec('t', { hosts: ['far'] })]),
      '~ host far: via none → bastion (reopen)\n+ host bastion',
    ],
    [
      'one tunnel is added, the rest untouched',
      project([bastion], [web]),
      project([bastion], [web, tunnelSpec('db', { ingress: tcp('localhost', 5432) })]),
      '+ tunnel db',
    ],
    [
      'what only the user reads changes nothing',
      project([bastion], [web]),
      project([bastion], [tunnelSpec('web', { profiles: ['dev'] })]),
      'no changes',
    ],
  ])('%s', (_, from, to, expected) => {
    expect(planBetween(from, to)).toBe(expected);
  });
});

/** What stands after a plan, by name: the executor's bookkeeping in miniature. */
function applied(before: ReadonlySet<string>, plan: Plan): Set<string> {
  const after = new Set(before);
  for (const step of plan.steps) {
    const id = `${step.kind}:${step.name}`;
    if (step.action === 'create') expect(after.has(id)).toBe(false);
    else expect(after.has(id)).toBe(true);
    if (step.action === 'create') after.add(id);
    if (step.action === 'remove') after.delete(id);
  }
  return after;
}

describe('for any two projects', () => {
  it('the plan leads from the one to the other, and then there is nothing left to do', () => {
    fc.assert(
      fc.property(projects, projects, (from, to) => {
        const [before, after] = [buildGraph(from), buildGraph(to)];
        const orderable = (graph: typeof before): string[] => bringUpOrder(graph).flat();
        const standing = applied(new Set(orderable(before)), reconcile(after, before));
        expect(standing).toEqual(new Set(orderable(after)));
        expect(reconcile(buildGraph(to), after).steps).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  it('every need comes up before, and goes down after, those who need it', () => {
    fc.assert(
      fc.property(projects, (any) => {
        const graph = buildGraph(any);
        const place = new Map(reconcile(graph, null).steps.map((step, index) => [`${step.kind}:${step.name}`, index]));
        const down = new Map(reconcile(null, graph).steps.map((step, index) => [`${step.kind}:${step.name}`, index]));
        for (const { from, to } of graph.edges) {
          const [dependant, need] = [place.get(from), place.get(to)];
          if (dependant === undefined || need === undefined) continue;
          expect(need).toBeLessThan(dependant);
          expect(down.get(to)).toBeGreaterThan(down.get(from) ?? -1);
        }
      }),
      { numRuns: 500 },
    );
  });
});

it('1,000 tunnels over 20 hosts are planned in well under a second', () => {
  const hosts = Array.from({ length: 20 }, (_, index) => hostSpec(`h${index}`, { via: index % 5 === 0 ? [] : [`h${index - 1}`] }));
  const tunnels = Array.from({ length: 1_000 }, (_, index) =>
    tunnelSpec(`t${index}`, { hosts: [`h${index % 20}`], ingress: tcp('localhost', 10_000 + index), egress: tcp('localhost', 80) }),
  );
  const graph = buildGraph(project(hosts, tunnels));
  const { steps } = reconcile(graph, null);
  expect(steps).toHaveLength(1_020);
  expect(steps.map((step) => (step.kind === 'host' ? hostNode : tunnelNode)(step.name))).toContain('tunnel:t999');
});
