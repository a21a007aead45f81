/** Whatever is not open says why, however far away the cause is, and for as long as it lasts. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { tcp } from '../../src/core/address.ts';
import { buildGraph } from '../../src/core/graph.ts';
import type { HostSpec, TunnelSpec } from '../../src/core/spec.ts';
import { Engine } from '../../src/engine/engine.ts';
import { flush, manualClock, type ManualClock } from '../helpers/clock.ts';
import { fakeNetwork, type FakeNetwork } from '../helpers/fake-network.ts';
import { hostSpec, project, tunnelSpec } from '../helpers/spec.ts';

let clock: ManualClock;
let network: FakeNetwork;
let engine: Engine;

beforeEach(() => {
  clock = manualClock();
  clock.chance = 0.5;
  network = fakeNetwork();
  engine = new Engine({ clock, network, asker: { secret: async () => null, hostKey: async () => null }, verbosity: 0 });
});
afterEach(() => engine.stop(0));

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 8; turn += 1) await flush();
};
const apply = async (hosts: readonly HostSpec[], tunnels: readonly TunnelSpec[]): Promise<void> => {
  engine.apply(buildGraph(project(hosts, tunnels)));
  await settle();
};
const said = (): Record<string, string | undefined> =>
  Object.fromEntries(engine.snapshot().tunnels.map(({ name, state, error }) => [name, `${state}: ${error?.message ?? ''}`]));

const outer = hostSpec('outer');
const inner = hostSpec('inner', { via: ['outer'] });
const near = tunnelSpec('near', { hosts: ['outer'] });
const far = tunnelSpec('far', { hosts: ['inner'], ingress: tcp('localhost', 81) });
const last = tunnelSpec('last', { hosts: ['inner'], ingress: tcp('localhost', 82), dependsOn: [{ tunnel: 'far', condition: 'open' }] });

it('a jump host that is refused is the cause of all that is behind it', async () => {
  network.refuse('outer', { code: 'refused', message: 'outer: refused' });
  await apply([outer, inner], [near, far, last]);
  expect(said()).toEqual({ near: 'waiting: outer: refused', far: 'waiting: outer: refused', last: 'waiting: outer: refused' });
});

it('a jump host that is lost and then refused is the cause of all that fell with it, as it stands by then', async () => {
  await apply([outer, inner], [near, far, last]);
  network.refuse('outer', { code: 'refused', message: 'outer: refused' });
  network.live('outer').cut({ code: 'connection-lost', message: 'outer: lost' });
  network.live('inner').cut(null);
  await settle();
  expect(new Set(Object.values(said()))).toEqual(new Set(['reconnecting: outer: lost']));
  await clock.advance(250);
  await settle();
  expect(new Set(Object.values(said()))).toEqual(new Set(['reconnecting: outer: refused']));
  network.refuse('outer', null);
  await clock.advance(1_000);
  await settle();
  expect(new Set(Object.values(said()))).toEqual(new Set(['open: ']));
});

it('while it is tried again, the last try is the cause', async () => {
  network.refuse('outer', { code: 'timeout', message: 'outer: no answer' });
  await apply([outer, inner], [near, far]);
  network.hang('outer');
  await clock.advance(250);
  await settle();
  expect(engine.snapshot().hosts[0]).toMatchObject({ state: 'connecting', error: { message: 'outer: no answer' } });
  expect(said()).toEqual({ near: 'waiting: outer: no answer', far: 'waiting: outer: no answer' });
});

it('a try that somebody asked for has no cause yet', async () => {
  network.refuse('outer', { code: 'auth-rejected', message: 'outer: no' });
  await apply([outer, inner], [near]);
  expect(said()).toEqual({ near: 'failed: outer: no' });
  network.hang('outer');
  engine.resume(['near']);
  await settle();
  expect(engine.snapshot().hosts[0]).toMatchObject({ state: 'connecting', error: null });
  expect(said()).toEqual({ near: 'waiting: ' });
});
