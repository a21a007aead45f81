/** What becomes of a tunnel when its link does (FACTS, "Faults"): real sshd, a proxy that misbehaves, and a figure for each. */
import { writeFileSync } from 'node:fs';
import { afterEach, beforeAll, afterAll, expect, it } from 'vitest';
import { tcp } from '../../src/core/address.ts';
import type { HostSpec } from '../../src/core/spec.ts';
import { hostAt, startEngine, type RunningEngine } from '../helpers/engine-on.ts';
import { startFaultProxy, type FaultProxy } from '../helpers/fault-proxy.ts';
import { figure } from '../helpers/figure.ts';
import { createProject, hostEntry } from '../helpers/project.ts';
import { download, exchange, hashOf, startEcho, startSink, startSource, upload, type Service } from '../helpers/services.ts';
import { scene } from '../helpers/scene.ts';
import { flap } from '../helpers/slow-faults.ts';
import { project, tunnelSpec } from '../helpers/spec.ts';
import { startSshd, type Sshd } from '../helpers/sshd.ts';
import { sleep, until } from '../helpers/wait.ts';

let sshd: Sshd;
let echo: Service;
const each = scene(afterEach);
const ends: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  [sshd, echo] = await Promise.all([startSshd({ name: 'bastion' }), startEcho()]);
});
afterAll(() => Promise.all([sshd.stop(), echo.stop()]));
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const add = async <T extends { stop(): Promise<unknown> }>(starting: Promise<T>): Promise<T> => {
  const thing = await starting;
  ends.push(() => thing.stop());
  return thing;
};
const engine = (): RunningEngine => {
  const running = startEngine();
  ends.push(() => running.engine.stop(0));
  return running;
};
const behind = (): Promise<FaultProxy> => add(startFaultProxy({ host: sshd.address, port: sshd.port }));
const through = (proxy: FaultProxy, part: Partial<HostSpec> = {}): HostSpec => {
  const known = `${sshd.dir}/known-${proxy.port}`;
  writeFileSync(known, sshd.knownHostsLine(`[${proxy.host}]:${proxy.port}`));
  return hostAt(sshd, { name: 'bastion', hostname: proxy.host, port: proxy.port, knownHosts: [known], ...part });
};
/** A timer's lateness on a busy machine: less than one more interval. */
const LATE_MS = 350;
const toEcho = () => tunnelSpec('echo', { ingress: tcp('localhost', 0), egress: tcp('localhost', echo.port) });

it('a killed session: noticed at once, open again within 1.5 s', async () => {
  const running = engine();
  running.apply(project([hostAt(sshd, { name: 'bastion' })], [toEcho()]));
  await running.open();
  const from = performance.now();
  sshd.signalSessions('SIGKILL');
  await until(() => running.state('echo') === 'reconnecting', { what: 'the loss to be noticed', every: 1 });
  figure('killed session, noticed', performance.now() - from);
  await until(() => running.state('echo') === 'open', { what: 'the tunnel to be open again', every: 1 });
  expect(figure('killed session, open again', performance.now() - from, { limit: 1_500 })).toBeLessThan(1_500);
  expect((await exchange(running.ingressPort('echo'), 'again')).toString()).toBe('again');
});

it('a black hole: noticed within interval × (count + 1), and never shown healthy or open from then until it answers again', async () => {
  const proxy = await behind();
  const running = engine();
  const keepalive = { intervalMs: 400, count: 3 };
  const limit = keepalive.intervalMs * (keepalive.count + 1);
  const healthcheck = { probe: { kind: 'tcp' }, intervalMs: 200, timeoutMs: 400, retries: 1, startPeriodMs: 0 } as const;
  running.apply(project([through(proxy, { keepalive })], [{ ...toEcho(), healthcheck }]));
  await running.open();
  await until(() => running.engine.snapshot().tunnels[0]?.health === 'healthy', { what: 'the first verdict' });
  proxy.faults.blackHole = 'both';
  const from = performance.now();
  await until(() => running.state('echo') === 'reconnecting', { what: 'the loss to be noticed', every: 1 });
  expect(figure('black hole, noticed', performance.now() - from, { limit })).toBeLessThan(limit + LATE_MS);
  const shown = new Set<string>();
  const until2s = performance.now() + 2_000;
  while (performance.now() < until2s) {
    const view = running.engine.snapshot().tunnels[0];
    shown.add(`${view?.state} ${view?.health}`);
    await sleep(5);
  }
  expect([...shown].filter((each) => /open|healthy/.test(each.replace('unhealthy', '')))).toEqual([]);
  proxy.reset();
  proxy.heal();
  const healed = performance.now();
  await running.engine.probe();
  await until(() => running.state('echo') === 'open', { what: 'the tunnel to be open again', every: 1, ms: 3_000 });
  figure('black hole, open again after it was gone and a probe', performance.now() - healed);
});

it('a client that comes while a black hole is not noticed yet is parked with the others, and served when the link is back', async () => {
  const proxy = await behind();
  const running = engine();
  const reconnect = { minMs: 50, maxMs: 100, attempts: null };
  running.apply(project([through(proxy, { keepalive: { intervalMs: 300, count: 2 }, reconnect })], [toEcho()]));
  await running.open();
  proxy.faults.blackHole = 'both';
  const served = exchange(running.ingressPort('echo'), 'early');
  await until(() => running.state('echo') === 'reconnecting', { what: 'the loss to be noticed', every: 1 });
  proxy.reset();
  proxy.heal();
  expect((await served).toString()).toBe('early');
  expect(running.events.filter((event) => event.type === 'connection-failed' || event.type === 'connection-refused')).toEqual([]);
});

it('attempts: given up after as many, which is said with what tries again; a restart does', async () => {
  const lone = await add(startSshd({ name: 'lone' }));
  const behindIt = await add(startSshd({ name: 'behind-it' }));
  const reconnect = { min: '10ms', max: '50ms', attempts: 2 };
  const tunnel = (host: string) => ({ type: 'local', host, ingress: 0, egress: `localhost:${echo.port}` });
  const made = createProject({
    yaml: {
      hosts: { lone: hostEntry(lone, { reconnect }), inner: hostEntry(behindIt, { via: 'lone' }) },
      tunnels: { near: tunnel('lone'), far: tunnel('inner') },
    },
  });
  ends.push(() => made.remove());
  const up = made.up();
  await up.untilOpen(['near', 'far']);
  await lone.halt();
  await up.untilEvent((event) => event.subject?.name === 'lone' && event.to === 'failed');
  const dials = up.events().filter((event) => event.subject?.name === 'lone' && event.to === 'connecting');
  expect(dials).toHaveLength(1 + reconnect.attempts);
  const { stdout } = await made.run(['ps', '--format', 'json']);
  for (const row of stdout.trim().split('\n')) {
    const { error } = JSON.parse(row) as { error: unknown };
    expect(error).toMatchObject({
      code: 'refused',
      hint: expect.stringMatching(/given up after 2 more tries .*: tunnels restart tries anew$/),
    });
  }
  await lone.restart();
  const seen = up.events().length;
  expect((await made.run(['restart'])).code).toBe(0);
  for (const name of ['near', 'far']) await up.untilEvent((event) => event.subject?.name === name && event.to === 'open', 10_000, seen);
});

it('a link that comes and goes every 300 ms: the waits grow, it settles, and nothing is left of any round', async () => {
  const { waits, descriptors, listeners } = await flap(each, 300, 8);
  // Full jitter: each is anywhere in its window, and no window is more than twice the one before.
  waits.forEach((wait, index) => expect(wait).toBeLessThanOrEqual(50 * 2 ** index));
  expect(Math.max(...waits)).toBeGreaterThan(2 * 50);
  figure(`flapping, the longest of ${waits.length} waits that began with windows of 50 ms`, Math.max(...waits));
  expect(figure('flapping, descriptors more than before', descriptors, { unit: 'fds', limit: 0 })).toBeLessThanOrEqual(0);
  expect(listeners).toBe(0);
});

/** Nine tunnels over a chain of three: those of `outer` are near, the others behind it. */
const chainOf = (names: readonly [string, string, string]) =>
  names.flatMap((host) => [1, 2, 3].map((number) => ({ name: `${host}-${number}`, host })));

it('a jump host dies: one event tells the cause and what fell with it, the inner hosts come back after it, and one tells of all', async () => {
  const [outer, middle] = await Promise.all([add(startSshd({ name: 'outer' })), add(startSshd({ name: 'middle' }))]);
  const running = engine();
  const hosts = [
    hostAt(outer, { name: 'outer' }),
    hostAt(middle, { name: 'middle', via: ['outer'] }),
    hostAt(sshd, { name: 'inner', via: ['outer', 'middle'] }),
  ];
  const tunnels = chainOf(['outer', 'middle', 'inner']).map(({ name, host }) => ({ ...toEcho(), name, hosts: [host] }));
  running.apply(project(hosts, tunnels));
  await running.open();
  const first = running.events.length;
  const from = performance.now();
  outer.signalSessions('SIGKILL');
  await until(() => running.engine.outcome() !== 'open', { what: 'the loss to be noticed', every: 1 });
  await until(() => running.engine.outcome() === 'open', { what: 'all to be open again', every: 1 });
  figure('jump died, nine tunnels open again over three hosts', performance.now() - from);
  const told = running.events.slice(first);
  const states = told.flatMap((event) => (event.type === 'host-state' || event.type === 'tunnel-state' ? [event] : []));
  const roots = states.filter((event) => event.failure !== null);
  expect(roots.map((event) => `${event.subject.kind} ${event.subject.name}`)).toEqual(['host outer']);
  expect(roots[0]?.fell?.toSorted()).toEqual(['host middle', 'host inner', ...tunnels.map(({ name }) => `tunnel ${name}`)].toSorted());
  expect(states.filter((event) => event.subject.name !== 'outer' && event.cause !== 'host outer')).toEqual([]);
  expect(told.flatMap((event) => (event.type === 'recovered' ? [`${event.subject.name} ${event.back.length}`] : []))).toEqual(['outer 11']);
  expect(states.flatMap((event) => (event.to === 'connected' ? [event.subject.name] : []))).toEqual(['outer', 'middle', 'inner']);
});

it('a black hole before a chain is one cause as well, though every hop falls silent', async () => {
  const proxy = await behind();
  const inner = await add(startSshd({ name: 'inner' }));
  const running = engine();
  const keepalive = { intervalMs: 400, count: 3 };
  const reconnect = { minMs: 10_000, maxMs: 10_000, attempts: null };
  const apply = (outer: HostSpec['keepalive']): void => {
    const [behind, further] = [['outer'], ['outer', 'inner']];
    const hosts = [
      through(proxy, { name: 'outer', keepalive: outer, reconnect }),
      hostAt(inner, { name: 'inner', via: behind, keepalive, reconnect }),
      hostAt(inner, { name: 'innermost', via: further, keepalive, reconnect }),
    ];
    running.apply(project(hosts, [{ ...toEcho(), hosts: ['innermost'] }]));
  };
  apply(keepalive);
  await running.open();
  // The clock of the outer one begins anew: it is the last to find out.
  await sleep(keepalive.intervalMs / 4);
  apply({ ...keepalive, intervalMs: keepalive.intervalMs + 1 });
  const first = running.events.length;
  proxy.faults.blackHole = 'both';
  const from = performance.now();
  await until(() => running.state('echo') === 'reconnecting', { what: 'the loss to be noticed', every: 1 });
  const limit = keepalive.intervalMs * (keepalive.count + 1);
  expect(figure('black hole before three hops, noticed', performance.now() - from, { limit })).toBeLessThan(limit + LATE_MS);
  await sleep(limit);
  const roots = running.events.slice(first).flatMap((event) => (event.type === 'host-state' && event.failure ? [event.subject.name] : []));
  expect(figure('black hole before three hops, causes told', roots.length, { unit: 'times', limit: 1 })).toBe(1);
  expect(roots).toEqual(['outer']);
});

it('a chain that falls is one line of `up`, and one when it is back', async () => {
  const outer = await add(startSshd({ name: 'outer' }));
  const yaml = {
    hosts: { outer: hostEntry(outer), inner: hostEntry(sshd, { via: 'outer' }) },
    tunnels: Object.fromEntries(
      chainOf(['outer', 'inner', 'inner-too']).map(({ name, host }) => [
        name,
        { type: 'local', host: host.replace('-too', ''), ingress: 0, egress: `localhost:${echo.port}` },
      ]),
    ),
  };
  const made = createProject({ yaml });
  ends.push(() => made.remove());
  const up = made.up([], { progress: 'plain' });
  await up.untilLine(/9 tunnels are open/);
  const before = up.stderr().length;
  outer.signalSessions('SIGKILL');
  await up.untilLine(/9 tunnels and 1 host are back/);
  const lines = up
    .stderr()
    .slice(before)
    .trim()
    .split('\n')
    .map((line) => line.replace(/^[\d:]+ +/, '').replace(/ {2,}/g, ' '));
  expect(lines).toEqual([
    expect.stringMatching(/^host outer .*\[connection-lost\]; 9 tunnels and 1 host wait for it; next try in \S+$/),
    expect.stringMatching(/^ ?→ /),
    'host outer connecting',
    expect.stringMatching(/^host outer connected/),
    expect.stringMatching(/^host outer 9 tunnels and 1 host are back · \S+$/),
  ]);
  figure('lines of up about a chain of 2 hosts and 9 tunnels that fell and came back', lines.length, { unit: 'lines' });
});

it('keys renewed in mid-transfer change no byte', async () => {
  const size = 16 * 1024 * 1024;
  const [renewing, source, sink] = await Promise.all([
    add(startSshd({ name: 'renewing', config: { RekeyLimit: '1M' }, logLevel: 'DEBUG' })),
    add(startSource()),
    add(startSink()),
  ]);
  const running = engine();
  const tunnel = (name: string, port: number) => tunnelSpec(name, { ingress: tcp('localhost', 0), egress: tcp('localhost', port) });
  running.apply(project([hostAt(renewing, { name: 'bastion' })], [tunnel('down', source.port), tunnel('up', sink.port)]));
  await running.open();
  const from = performance.now();
  const [got, sent] = await Promise.all([download(running.ingressPort('down'), size), upload(running.ingressPort('up'), size)]);
  figure('renewing keys each MiB, 16 MiB each way at once', performance.now() - from);
  expect(got).toEqual({ bytes: size, sha256: hashOf(size) });
  expect(sent).toEqual({ bytes: size, sha256: hashOf(size) });
  const renewed = renewing.log().match(/set_newkeys: rekeying out/g)?.length ?? 0;
  expect(figure('keys renewed meanwhile', renewed, { unit: 'times' })).toBeGreaterThan(2);
});
