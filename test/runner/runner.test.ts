import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TunnelsEvent } from '../../src/core/event.ts';
import { createRunner } from '../../src/runner/runner.ts';
import type { RunnerPort } from '../../src/runner/runner-port.ts';
import { fakeNetwork, type FakeNetwork } from '../helpers/fake-network.ts';
import { remove, scratch } from '../helpers/scratch.ts';
import { until } from '../helpers/wait.ts';

const HOSTS = 'name: shop\nhosts:\n  bastion: { hostname: 192.0.2.1, user: me, ssh_config: false }\n';
const tunnel = (name: string, port: number, more = ''): string =>
  `  ${name}: { type: local, host: bastion, ingress: ${port}, egress: "web:80"${more} }\n`;
const ONE = `${HOSTS}tunnels:\n${tunnel('web', 8080)}`;
const TWO = `${ONE}${tunnel('db', 5432)}`;
const THREE = `${TWO}${tunnel('debug', 9229, ', profiles: [dev]')}`;

let directory: string;
let network: FakeNetwork;
let runner: RunnerPort;
let events: TunnelsEvent[];

const save = (text: string): void => writeFileSync(join(directory, 'tunnels.yaml'), text);

const start = (names: readonly string[] = []): void => {
  runner = createRunner({ load: { cwd: directory, files: [], profiles: [], envFiles: [], env: {} }, network, names });
  runner.subscribe((event) => events.push(event));
};

const open = async (): Promise<string[]> => {
  expect(await runner.settled(AbortSignal.timeout(5_000))).toBe('open');
  return runner.snapshot().tunnels.map(({ name }) => name);
};

beforeEach(() => {
  directory = scratch('runner');
  network = fakeNetwork();
  events = [];
});
afterEach(async () => {
  await runner.stop({ drainMs: 0 });
  expect(network.listeners.size).toBe(0);
  remove(directory);
});

describe('applying', () => {
  it('brings up what the file says, and tells the plan before what it leads to', async () => {
    save(ONE);
    start();
    const result = await runner.apply();
    expect(result).toMatchObject({ applied: true });
    expect(await open()).toEqual(['web']);
    expect(events[0]).toMatchObject({ type: 'applied', plan: '+ host bastion\n+ tunnel web', changes: 2 });
  });

  it('a file that does not load changes nothing and is told with its place', async () => {
    save(ONE);
    start();
    await runner.apply();
    await open();
    save(`${ONE}  broken: { tpye: local }\n`);
    expect(await runner.apply()).toMatchObject({ applied: false });
    const rejected = events.findLast((event) => event.type === 'rejected');
    expect(rejected?.type === 'rejected' && rejected.diagnostics[0]?.range?.start.line).toBe(6);
    expect(await open()).toEqual(['web']);
    expect(network.connections).toHaveLength(1);
  });

  it('plan says what apply would do, and does nothing', async () => {
    save(ONE);
    start();
    await runner.apply();
    await open();
    save(TWO);
    const planned = await runner.plan();
    expect(planned.applied && planned.plan.steps).toEqual([{ action: 'create', kind: 'tunnel', name: 'db' }]);
    expect(await open()).toEqual(['web']);
  });

  it('two at a time are one after the other', async () => {
    save(ONE);
    start();
    const [first, second] = await Promise.all([runner.apply(), runner.apply()]);
    expect(first.applied && first.plan.steps).toHaveLength(2);
    expect(second.applied && second.plan.steps).toEqual([]);
  });
});

describe('what was asked for by name', () => {
  it('joins what was asked for before', async () => {
    save(THREE);
    start(['web']);
    await runner.apply();
    expect(await open()).toEqual(['web']);
    runner.select(['debug'], { noDeps: false });
    await runner.apply();
    expect(await open()).toEqual(['web', 'debug']);
  });

  it('an inactive one joins everything', async () => {
    save(THREE);
    start();
    await runner.apply();
    expect(await open()).toEqual(['web', 'db']);
    runner.select(['debug'], { noDeps: false });
    await runner.apply();
    expect(await open()).toEqual(['web', 'db', 'debug']);
  });

  it('a name that is not in the file does not spoil the next reload', async () => {
    save(TWO);
    start(['web']);
    await runner.apply();
    runner.select(['nosuch'], { noDeps: false });
    expect(await runner.apply()).toMatchObject({ applied: false });
    expect(await runner.apply()).toMatchObject({ applied: true });
    expect(await open()).toEqual(['web']);
  });

  it.each([[['db']], [[]]])('after %j: one that has gone from the file since is closed, and spoils no reload', async (first) => {
    save(TWO);
    start(first);
    await runner.apply();
    runner.select(['web', 'db'], { noDeps: false });
    await runner.apply();
    save(ONE);
    const planned = await runner.plan();
    expect(planned.applied && planned.plan.steps).toEqual([{ action: 'remove', kind: 'tunnel', name: 'db' }]);
    expect(await runner.apply()).toMatchObject({ applied: true });
    await until(() => runner.snapshot().tunnels.every(({ name }) => name === 'web'), { what: 'db to go' });
    expect(await open()).toEqual(['web']);
    runner.select(['db'], { noDeps: false });
    expect(await runner.apply()).toMatchObject({ applied: false });
  });

  it('one that is given while the file is read for something else is neither lost nor let pass', async () => {
    save(TWO);
    start(['web']);
    await runner.apply();
    const reading = runner.apply();
    await new Promise((resolve) => setImmediate(resolve));
    runner.select(['nosuch'], { noDeps: false });
    const asked = runner.apply();
    expect(await reading).toMatchObject({ applied: true });
    expect(await asked).toMatchObject({ applied: false });
    // The failure takes back what was asked for, and nothing else.
    const again = runner.apply();
    await new Promise((resolve) => setImmediate(resolve));
    runner.select(['db'], { noDeps: false });
    expect(await again).toMatchObject({ applied: true });
    expect(await runner.apply()).toMatchObject({ applied: true });
    expect(await open()).toEqual(['web', 'db']);
  });

  it('one that has gone from the file and is there again comes up again', async () => {
    save(TWO);
    start(['db']);
    await runner.apply();
    save(ONE);
    expect(await runner.apply()).toMatchObject({ applied: true });
    await until(() => runner.snapshot().tunnels.length === 0, { what: 'db to go' });
    save(TWO);
    await runner.apply();
    expect(await open()).toEqual(['db']);
  });

  it('a name that the file never had brings nothing up, however often it is applied', async () => {
    save(TWO);
    start(['nosuch']);
    expect(await runner.apply()).toMatchObject({ applied: false });
    expect(await runner.apply()).toMatchObject({ applied: false });
  });
});

describe('watching', () => {
  it('a save is a reload, a broken one is not, and the next good one is', async () => {
    save(ONE);
    start();
    await runner.apply();
    runner.watch();
    await open();
    save('tunnels: [');
    await until(() => events.some((event) => event.type === 'rejected'), { what: 'the broken file to be told' });
    save(TWO);
    await until(() => runner.snapshot().tunnels.length === 2, { what: 'the reload' });
    expect(await open()).toEqual(['web', 'db']);
    expect(network.connections).toHaveLength(1);
  });
});

it('once stopped, a late reload brings nothing up', async () => {
  save(ONE);
  start();
  await runner.apply();
  await open();
  await runner.stop({ drainMs: null });
  await runner.apply();
  expect(runner.snapshot().tunnels).toEqual([]);
  expect(events.map((event) => event.type)).toContain('stopped');
});
