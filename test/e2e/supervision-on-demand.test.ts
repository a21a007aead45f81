/** start: on-demand over real sshd: what the server sees before the first client, during, and after the last. */
import type { Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { background, rows } from '../helpers/background.ts';
import { figure } from '../helpers/figure.ts';
import { hostEntry, type Up } from '../helpers/project.ts';
import { at, echoes, scene } from '../helpers/scene.ts';
import { dial, startEcho, type Service } from '../helpers/services.ts';
import type { Sshd } from '../helpers/sshd.ts';
import { sleep, until } from '../helpers/wait.ts';

const all = scene(afterAll);
const each = scene(afterEach);
let bastion: Sshd;
let echo: Service;

beforeAll(async () => {
  echo = await all.add(startEcho());
});
const start = async (): Promise<void> => {
  bastion = await each.sshd({ name: 'bastion' });
};
const lazy = (more: Record<string, unknown> = {}): Record<string, unknown> => ({
  type: 'local',
  host: 'bastion',
  ingress: 0,
  egress: at(echo),
  start: 'on-demand',
  ...more,
});
const yaml = (tunnels: Record<string, unknown>, hosts: Record<string, unknown> = {}): Record<string, unknown> => ({
  hosts: { bastion: hostEntry(bastion), ...hosts },
  tunnels,
});
const untilIdle = (up: Up, name: string): Promise<true> =>
  until(() => up.state(name) === 'idle', { what: `${name} to listen`, ms: 15_000, detail: up.stderr });

it('nothing is dialled before the first client, who is served; without one for idle_timeout the connection ends, and the next wakes it', async () => {
  await start();
  const up = each.project({ yaml: yaml({ web: lazy({ idle_timeout: '400ms' }) }) }).up();
  await untilIdle(up, 'web');
  // Long enough for a dial that nobody asked for.
  await sleep(300);
  expect(bastion.connections()).toMatchObject({ accepted: 0, live: 0 });
  const port = up.port('web');
  for (const round of [1, 2]) {
    await echoes(port);
    expect(bastion.connections()).toMatchObject({ accepted: round, authenticated: round });
    await until(() => bastion.connections().live === 0, { what: 'the connection to end', detail: up.stderr });
    await untilIdle(up, 'web');
    expect(up.port('web')).toBe(port);
  }
  expect((await up.stop()).code).toBe(0);
});

it('a client that stays keeps the connection, however long it is silent', async () => {
  await start();
  const up = each.project({ yaml: yaml({ web: lazy({ idle_timeout: '200ms' }) }) }).up();
  await untilIdle(up, 'web');
  const socket: Socket = await dial(up.port('web'));
  each.onEnd(() => socket.destroy());
  const says = (text: string): Promise<string> =>
    new Promise((resolve, reject) => {
      socket.once('data', (data) => resolve(data.toString()));
      socket.once('close', () => reject(new Error('closed')));
      socket.write(text);
    });
  expect(await says('first')).toBe('first');
  await sleep(1_000);
  expect(bastion.connections().live).toBe(1);
  expect(await says('later')).toBe('later');
  expect(bastion.connections().accepted).toBe(1);
  socket.end();
  await until(() => bastion.connections().live === 0, { what: 'the connection to end', detail: up.stderr });
});

it('clients that come together, by a jump, share the one connection they woke', async () => {
  await start();
  const inner = await each.sshd({ name: 'inner' });
  const hosts = { inner: hostEntry(inner, { via: 'bastion' }) };
  const up = each.project({ yaml: yaml({ web: lazy({ host: 'inner' }), git: lazy({ host: 'inner' }) }, hosts) }).up();
  await Promise.all([untilIdle(up, 'web'), untilIdle(up, 'git')]);
  expect([bastion.connections().accepted, inner.connections().accepted]).toEqual([0, 0]);
  await Promise.all(Array.from({ length: 20 }, (_, index) => echoes(up.port(index % 2 === 0 ? 'web' : 'git'))));
  expect([bastion.connections().authenticated, inner.connections().authenticated]).toEqual([1, 1]);
});

it('200 of them come up with no connection, and one client makes one', async () => {
  await start();
  const names = Array.from({ length: 200 }, (_, index) => `t${index}`);
  const up = each.project({ yaml: yaml(Object.fromEntries(names.map((name) => [name, lazy()]))) }).up();
  await until(() => names.every((name) => up.state(name) === 'idle'), { what: 'all to listen', ms: 30_000, every: 100 });
  expect(new Set(names.map((name) => up.port(name))).size).toBe(200);
  const moments = up.events().flatMap((event) => (event.subject?.kind === 'tunnel' ? [Number(event['at'])] : []));
  const took = Math.max(...moments) - Math.min(...moments);
  expect(figure('200 on-demand tunnels, from the first event to all listening', took, { limit: 1_000 })).toBeLessThan(5_000);
  expect(bastion.connections().accepted).toBe(0);
  await echoes(up.port('t137'));
  expect(bastion.connections().accepted).toBe(1);
  expect(names.filter((name) => up.state(name) !== 'idle')).toEqual(['t137']);
});

it('one that is asleep is up for those who wait: up --wait, ps, and run, also where it has a healthcheck', async () => {
  await start();
  const project = background(each, { yaml: yaml({ web: lazy({ healthcheck: { tcp: true } }) }) });
  const { code, stderr } = await project.run(['up', '-d', '--wait', '--wait-timeout', '10']);
  expect([code, stderr]).toEqual([0, expect.any(String)]);
  expect(await rows(project)).toMatchObject([{ state: 'idle', error: null }]);
  const ran = await project.run(['run', '--', process.execPath, '-e', 'console.log(process.env.TUNNEL_WEB_PORT > 0)']);
  expect([ran.code, ran.stdout]).toEqual([0, 'true\n']);
  expect(bastion.connections().accepted).toBe(0);
  expect((await project.run(['down'])).code).toBe(0);
});
