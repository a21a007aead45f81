import fc from 'fast-check';
import { expect, it } from 'vitest';
import { buildGraph, type Graph } from '../../src/core/graph.ts';
import { duplicateIngresses } from '../../src/core/order.ts';
import { reconcile } from '../../src/core/reconcile.ts';
import { Engine } from '../../src/engine/engine.ts';
import { projects } from '../helpers/any-project.ts';
import { flush, manualClock } from '../helpers/clock.ts';
import { fakeNetwork } from '../helpers/fake-network.ts';

const nobody = { secret: async () => null, hostKey: async () => null };
/** Launched tunnels need a far side the fake network does not have. */
const runnable = fc
  .tuple(projects, fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 5, maxLength: 5 }))
  .map(([any, connections]) => ({
    ...any,
    hosts: new Map([...any.hosts].map(([name, spec], index) => [name, { ...spec, connections: connections[index] ?? 1 }])),
  }))
  .map((any) => ({ ...any, tunnels: new Map([...any.tunnels].map(([name, spec]) => [name, { ...spec, launch: 'relay' as const }])) }))
  .filter((any) => duplicateIngresses(buildGraph(any)).length === 0);

const settled = async (engine: Engine): Promise<void> => {
  for (let turn = 0; turn < 60 && engine.outcome() === 'pending'; turn += 1) await flush();
  await flush();
};

/** Watches that nothing is up before all it needs is. */
function watchOrder(engine: Engine, needs: () => Graph): string[] {
  const up = new Set<string>();
  const broken: string[] = [];
  engine.bus.subscribe((event) => {
    if (event.type !== 'host-state' && event.type !== 'tunnel-state') return;
    const id = `${event.subject.kind}:${event.subject.name}`;
    if (event.to !== 'connected' && event.to !== 'open') return void up.delete(id);
    const missing = needs().edges.filter((edge) => edge.from === id && !up.has(edge.to));
    if (missing.length > 0) broken.push(`${id} before ${missing.map((edge) => edge.to).join()}`);
    up.add(id);
  });
  return broken;
}

it('whatever is applied after whatever: all comes up, needs first, and the next plan is empty; a stop leaves nothing', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(runnable, { minLength: 1, maxLength: 4 }), async (sequence) => {
      const network = fakeNetwork();
      const engine = new Engine({ clock: manualClock(), network, asker: nobody, verbosity: 0 });
      let graph = buildGraph(sequence[0] ?? { name: '', hosts: new Map(), tunnels: new Map() });
      const broken = watchOrder(engine, () => graph);
      for (const desired of sequence) {
        graph = buildGraph(desired);
        engine.apply(graph);
        await settled(engine);
        expect({ outcome: engine.outcome(), snapshot: engine.snapshot() }).toMatchObject({ outcome: 'open' });
        expect(reconcile(buildGraph(desired), engine.graph).steps).toEqual([]);
        const listening = [...desired.tunnels.values()].map(({ ingress }) => (ingress.kind === 'tcp' ? ingress.port : 0));
        expect([...network.listeners.keys()]).toHaveLength(listening.length);
      }
      await engine.stop(0);
      expect(network.listeners.size).toBe(0);
      expect(network.connections.every((connection) => connection.ended)).toBe(true);
      expect(broken).toEqual([]);
    }),
    { numRuns: 300 },
  );
});
