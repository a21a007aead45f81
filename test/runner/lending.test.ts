/** What a command asks for while it runs, of a project that is up or of one that is up for it alone. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TunnelsEvent } from '../../src/core/event.ts';
import { createRunner, type RunnerOptions } from '../../src/runner/runner.ts';
import type { RunnerPort } from '../../src/runner/runner-port.ts';
import type { Use } from '../../src/runner/selection.ts';
import { fakeNetwork, type FakeNetwork } from '../helpers/fake-network.ts';
import { remove, scratch } from '../helpers/scratch.ts';
import { until } from '../helpers/wait.ts';

const tunnel = (name: string, port: number, more = ''): string =>
  `  ${name}: { type: local, host: bastion, ingress: ${port}, egress: "web:80"${more} }\n`;
const FILE = `name: shop
hosts:
  bastion: { hostname: 192.0.2.1, user: me, ssh_config: false }
tunnels:
${tunnel('web', 8080)}${tunnel('db', 5432)}${tunnel('git', 7999, ', depends_on: [db]')}${tunnel('debug', 9229, ', profiles: [dev]')}`;

let directory: string;
let network: FakeNetwork;
let runner: RunnerPort;
let events: TunnelsEvent[];
const save = (text: string): void => writeFileSync(join(directory, 'tunnels.yaml'), text);

async function start(options: Partial<RunnerOptions> = {}): Promise<void> {
  runner = createRunner({ load: { cwd: directory, files: [], profiles: [], envFiles: [], env: {} }, network, ...options });
  runner.subscribe((event) => events.push(event));
  await runner.apply();
  await settle();
}
const settle = async (): Promise<void> => expect(await runner.settled(AbortSignal.timeout(5_000))).toBe('open');
const states = (): string =>
  runner
    .snapshot()
    .tunnels.map(({ name, state }) => `${name} ${state}`)
    .join(', ');
const use = (names: string, more: Partial<Use> = {}): Use => ({
  names: names === '' ? [] : names.split(' '),
  noDeps: false,
  profiles: [],
  ...more,
});
const ended = { drainMs: null };
const applied = (): number => events.filter(({ type }) => type === 'applied').length;

beforeEach(() => {
  directory = scratch('lending');
  network = fakeNetwork();
  events = [];
  save(FILE);
});
afterEach(async () => {
  await runner.stop({ drainMs: 0 });
  expect(network.listeners.size).toBe(0);
  remove(directory);
});

describe('of a project of which a part is up', () => {
  it('what is missing comes up with its needs, and is gone after it', async () => {
    await start({ names: ['web'] });
    expect(await runner.lend('one', use('git web'))).toMatchObject({ result: { applied: true }, tunnels: ['web', 'db', 'git'] });
    await settle();
    expect(states()).toBe('web open, db open, git open');
    await runner.release('one', ended);
    expect(states()).toBe('web open');
    expect(events.at(-1)).toMatchObject({ type: 'applied', plan: '- tunnel git\n- tunnel db' });
  });

  it('without needs, only what is named', async () => {
    await start({ names: ['web'] });
    expect((await runner.lend('one', use('git', { noDeps: true }))).tunnels).toEqual(['git']);
    await settle();
    expect(states()).toBe('web open, git open');
  });

  it('what two ask for goes with the last of them', async () => {
    await start({ names: ['web'] });
    await runner.lend('one', use('db'));
    await runner.lend('two', use('git'));
    await settle();
    await runner.release('one', ended);
    expect(states()).toBe('web open, db open, git open');
    await runner.release('two', ended);
    expect(states()).toBe('web open');
  });

  it('what up asks for meanwhile stays', async () => {
    await start({ names: ['web'] });
    await runner.lend('one', use('git'));
    runner.select(['db'], { noDeps: false });
    await runner.apply();
    await settle();
    await runner.release('one', ended);
    expect(states()).toBe('web open, db open');
  });

  it('everything is asked for by no name, and only what was up stays', async () => {
    await start({ names: ['web'] });
    expect((await runner.lend('one', use(''))).tunnels).toEqual(['web', 'db', 'git']);
    await settle();
    await runner.release('one', ended);
    expect(states()).toBe('web open');
  });
});

describe('of a project that is up', () => {
  it('the file is not read where all is there', async () => {
    await start();
    save('tunnels: {broken');
    expect(await runner.lend('one', use('web'))).toMatchObject({ result: { applied: true, plan: { steps: [] } }, tunnels: ['web'] });
    await runner.release('one', ended);
    expect([states(), applied()]).toEqual(['web open, db open, git open', 1]);
  });

  it('what is missing and not to be had changes nothing', async () => {
    await start();
    expect(await runner.lend('one', use('wbe'))).toMatchObject({ result: { applied: false }, tunnels: [] });
    await runner.release('one', ended);
    expect(await runner.apply()).toMatchObject({ applied: true, plan: { steps: [] } });
  });

  it.each([
    ['by its name', use('debug')],
    ['by its profile', use('', { profiles: ['dev'] })],
  ])('one of another profile comes up %s, and goes after it, though the file is broken by then', async (_, asked) => {
    await start();
    await runner.lend('one', asked);
    await settle();
    expect(states()).toBe('web open, db open, git open, debug open');
    save('tunnels: {broken');
    await runner.release('one', ended);
    expect(states()).toBe('web open, db open, git open');
  });

  it('what was stopped is started, and stopped again after the last one', async () => {
    await start();
    await runner.stopTunnels(['db', 'git'], { drainMs: 0 });
    await runner.lend('one', use('git'));
    await settle();
    await runner.lend('two', use('db'));
    await runner.release('one', ended);
    expect(states()).toBe('web open, db open, git closed');
    await runner.release('two', ended);
    expect(states()).toBe('web open, db closed, git closed');
  });

  it('what the user starts meanwhile stays', async () => {
    await start();
    await runner.stopTunnels(['db', 'web'], { drainMs: 0 });
    await runner.lend('one', use('db web'));
    runner.startTunnels(['db']);
    await settle();
    await runner.release('one', ended);
    expect(states()).toBe('web closed, db open, git open');
  });
});

describe('of a project that is up for it alone', () => {
  it('nothing is left when it is over', async () => {
    await start({ names: ['web'], use: 'one' });
    expect(states()).toBe('web open');
    await runner.lend('two', use('db'));
    await settle();
    await runner.release('one', ended);
    expect(states()).toBe('db open');
    await runner.release('two', ended);
    expect(states()).toBe('');
  });
});

describe('while it drains', () => {
  /** An open connection through `db`. */
  async function busy(): Promise<void> {
    await start({ names: ['web'] });
    await runner.lend('one', use('db'));
    await settle();
    const client = new PassThrough();
    network.listeners.get('here localhost:5432')?.({ origin: null, accept: () => client, refuse: () => void client.destroy() });
    await until(() => runner.openConnections() === 1, { what: 'the connection' });
  }

  it('a second release with 0 hurries it', async () => {
    await busy();
    const patient = runner.release('one', { drainMs: 600_000 });
    await until(() => states() === 'web open, db closing', { what: 'the drain' });
    await runner.release('one', { drainMs: 0 });
    await patient;
    expect(states()).toBe('web open');
  });

  it('one that asks for it then has it again after that', async () => {
    await busy();
    const leaving = runner.release('one', { drainMs: 600_000 });
    await until(() => states() === 'web open, db closing', { what: 'the drain' });
    await runner.lend('two', use('db'));
    await runner.release('one', { drainMs: 0 });
    await leaving;
    await settle();
    expect(states()).toBe('web open, db open');
  });
});
