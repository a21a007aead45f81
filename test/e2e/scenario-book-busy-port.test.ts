/** B4: "address already in use": who holds it, and what `on_conflict` does about it. */
import { createServer } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { type Child, startChild } from '../helpers/child.ts';
import { figure } from '../helpers/figure.ts';
import { freePort } from '../helpers/free-port.ts';
import { hostEntry, type Project } from '../helpers/project.ts';
import { at, echoes, failureOf, scene } from '../helpers/scene.ts';
import { startEcho, startWww, type Service } from '../helpers/services.ts';
import type { Sshd } from '../helpers/sshd.ts';
import { until } from '../helpers/wait.ts';

const all = scene(afterAll);
const each = scene(afterEach);
let bastion: Sshd;
let echo: Service;

beforeAll(async () => {
  [bastion, echo] = await Promise.all([all.sshd({ name: 'bastion' }), all.add(startEcho())]);
});

const busy = (port: number, more: Record<string, unknown> = {}): Record<string, unknown> => ({
  type: 'local',
  host: 'bastion',
  ingress: port,
  egress: at(echo),
  ...more,
});
const project = (tunnels: Record<string, unknown>): Project => each.project({ yaml: { hosts: { bastion: hostEntry(bastion) }, tunnels } });

const HOLD = `require('node:net').createServer().listen(Number(process.argv[1]), process.argv[2], () => console.log('held'))`;

/** Another process that listens there. */
async function holder(port: number, host = '127.0.0.1'): Promise<Child> {
  const child = startChild(process.execPath, ['-e', HOLD, String(port), host]);
  each.onEnd(() => child.stop('SIGKILL'));
  await until(() => child.stdout().includes('held'), { what: `port ${port} to be held`, detail: child.stderr });
  return child;
}

it.each(['127.0.0.1', '::1', '0.0.0.0'])(
  'a foreign holder on %s is named by pid and command, and the other tunnels come up',
  async (host) => {
    const port = await freePort();
    const foreign = await holder(port, host);
    const up = project({ busy: busy(port), free: busy(0) }).up();
    await up.untilEvent((event) => event.subject?.name === 'busy' && event.to === 'failed');
    await up.untilOpen(['free']);
    await echoes(up.port('free'));
    expect(failureOf(up, 'busy')).toMatchObject({
      code: 'bind-in-use',
      message: `localhost:${port} is in use by node (pid ${foreign.pid})`,
      hint: expect.stringContaining('on_conflict') as string,
    });
  },
);

it('a person reads it, and a save once the port is free mends it', async () => {
  const port = await freePort();
  const foreign = await holder(port);
  const made = project({ busy: busy(port), free: busy(0) });
  const up = made.up([], { progress: 'plain' });
  await up.untilLine(new RegExp(`in use by node \\(pid ${foreign.pid}\\)`));
  await up.untilLine(/1 of 2 tunnels are open; not open: busy/);
  await foreign.stop('SIGKILL');
  made.write({ hosts: { bastion: hostEntry(bastion) }, tunnels: { busy: busy(port), free: busy(0) }, 'x-saved': 'again' });
  await up.untilLine(new RegExp(`busy +open 127\\.0\\.0\\.1:${port}`));
  await echoes(port);
});

it('two tunnels of one file on one port never get that far', async () => {
  const port = await freePort();
  const result = await project({ first: busy(port), second: busy(port) }).run(['--progress', 'plain', 'up']);
  expect(result.code).toBe(3);
  expect(result.stderr).toMatch(/tunnels\.yaml:\d+:\d+ .*first/);
});

it('on_conflict: wait opens at most 2 s after the port is free, and says meanwhile who holds it', async () => {
  const port = await freePort();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  each.onEnd(() => new Promise<void>((resolve) => server.close(() => resolve())));
  const up = project({ busy: busy(port, { on_conflict: 'wait' }), free: busy(0) }).up();
  await up.untilOpen(['free']);
  // Twice, so that it has been busy for a while and the waits have grown as far as they do.
  await up.untilEvent((event) => event.subject?.name === 'busy' && (event['failure'] ?? null) !== null);
  await until(() => up.events().filter((event) => event.subject?.name === 'busy' && (event['failure'] ?? null) !== null).length >= 3, {
    what: 'three tries',
    ms: 10_000,
  });
  expect(failureOf(up, 'busy')).toMatchObject({ code: 'bind-in-use', message: expect.stringContaining(`(pid ${process.pid})`) as string });
  expect(up.state('busy')).toBe('opening');
  const freed = Date.now();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  await up.untilOpen(['busy'], 5_000);
  const opened = Number(up.events().findLast((event) => event.subject?.name === 'busy' && event.to === 'open')?.['at']);
  expect(figure('a busy port, open after it is freed', opened - freed, { limit: 2_000 })).toBeLessThanOrEqual(2_000);
  await echoes(port);
});

it('on_conflict: next takes the next free port, and what needs the tunnel goes there', async () => {
  const port = await freePort();
  const www = await each.add(startWww({ page: 'behind' }));
  await holder(port);
  const up = project({
    first: { type: 'local', host: 'bastion', ingress: port, egress: at(www), on_conflict: 'next' },
    // Dials on this machine what `first` was given.
    second: { type: 'remote', host: 'bastion', ingress: 0, egress: `localhost:${port}` },
  }).up();
  await up.untilOpen(['first', 'second']);
  expect(up.port('first')).toBeGreaterThan(port);
  expect(up.port('first')).toBeLessThanOrEqual(port + 100);
  expect(await (await fetch(`http://127.0.0.1:${up.port('first')}/`)).text()).toBe('behind');
  expect(await (await fetch(`http://127.0.0.1:${up.port('second')}/`)).text()).toBe('behind');
});

it.each(['127.0.0.1', '::'])(
  'on_conflict: next takes the next free port on a host, too, and keeps it when the link is lost (held on %s)',
  async (address) => {
    const port = await freePort();
    const held = await holder(port, address);
    const lone = await each.sshd({ name: 'lone' });
    const back = { type: 'remote', host: 'lone', ingress: port, egress: at(echo), on_conflict: 'next' };
    const up = each.project({ yaml: { hosts: { lone: hostEntry(lone, { reconnect: { min: '50ms' } }) }, tunnels: { back } } }).up();
    await up.untilOpen(['back'], 20_000);
    const got = up.port('back');
    expect(got).toBeGreaterThan(port);
    expect(got).toBeLessThanOrEqual(port + 10);
    await echoes(got);
    // The one asked for is free by the time the link is lost; who uses the tunnel knows the one that it had.
    await held.stop('SIGKILL');
    const seen = up.events().length;
    const lostAt = Date.now();
    lone.signalSessions('SIGKILL');
    await up.untilEvent((event) => event.subject?.name === 'back' && event.to === 'open', 20_000, seen);
    expect(up.port('back')).toBe(got);
    const openAt = Number(up.events().findLast((event) => event.subject?.name === 'back' && event.to === 'open')?.['at']);
    expect(figure('a busy port on a host, open again on the one it had', openAt - lostAt, { limit: 5_000 })).toBeLessThanOrEqual(5_000);
    await echoes(got);
  },
);
