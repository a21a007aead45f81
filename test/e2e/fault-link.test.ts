/** What becomes of a tunnel when its link does (FACTS, "Faults"): real sshd, a proxy that misbehaves, and a figure for each. */
import { writeFileSync } from 'node:fs';
import { afterEach, beforeAll, afterAll, expect, it } from 'vitest';
import { tcp } from '../../src/core/address.ts';
import type { HostSpec } from '../../src/core/spec.ts';
import { hostAt, startEngine, type RunningEngine } from '../helpers/engine-on.ts';
import { startFaultProxy, type FaultProxy } from '../helpers/fault-proxy.ts';
import { figure } from '../helpers/figure.ts';
import { ownListeners } from '../helpers/leftovers.ts';
import { openDescriptors } from '../helpers/process-figures.ts';
import { download, exchange, hashOf, startEcho, startSink, startSource, upload, type Service } from '../helpers/services.ts';
import { project, tunnelSpec } from '../helpers/spec.ts';
import { startSshd, type Sshd } from '../helpers/sshd.ts';
import { sleep, until } from '../helpers/wait.ts';

let sshd: Sshd;
let echo: Service;
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
  // A timer's lateness on a busy machine, and no more.
  expect(figure('black hole, noticed', performance.now() - from, { limit })).toBeLessThan(limit + 150);
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

it('a link that comes and goes every 300 ms, in place of 3 s: the waits grow, it settles, and nothing is left of any round', async () => {
  const proxy = await behind();
  const running = engine();
  const reconnect = { minMs: 50, maxMs: 30_000, attempts: null };
  running.apply(project([through(proxy, { reconnect })], [toEcho()]));
  await running.open();
  const before = { fds: openDescriptors(), listeners: ownListeners().length };
  for (let round = 0; round < 8; round += 1) {
    await proxy.unlisten();
    await sleep(300);
    await proxy.listen();
    await sleep(300);
  }
  await running.open(15_000);
  const waits = running.events.flatMap((event) => (event.type === 'host-state' && event.retryInMs !== null ? [event.retryInMs] : []));
  // Full jitter: each is anywhere in its window, and no window is more than twice the one before.
  waits.forEach((wait, index) => expect(wait).toBeLessThanOrEqual(50 * 2 ** index));
  expect(Math.max(...waits)).toBeGreaterThan(2 * 50);
  figure(`flapping, the longest of ${waits.length} waits that began with windows of 50 ms`, Math.max(...waits));
  await until(() => openDescriptors() <= before.fds, {
    what: 'the descriptors of lost connections to be gone',
    detail: () => `${openDescriptors()}, before ${before.fds}`,
  });
  expect(ownListeners()).toHaveLength(before.listeners);
  figure('flapping, descriptors more than before', openDescriptors() - before.fds, { unit: 'fds', limit: 0 });
});

it('a jump host dies: one cause told, the inner host after the outer one', async () => {
  // The order and the causes of a longer chain are in engine-chain.test.ts.
  const outer = await add(startSshd({ name: 'outer' }));
  const running = engine();
  const hosts = [hostAt(outer, { name: 'outer' }), hostAt(sshd, { name: 'bastion', via: ['outer'] })];
  running.apply(project(hosts, [toEcho()]));
  await running.open();
  const first = running.events.length;
  const from = performance.now();
  outer.signalSessions('SIGKILL');
  await until(() => running.state('echo') === 'reconnecting', { what: 'the loss to be noticed', every: 1 });
  await until(() => running.state('echo') === 'open', { what: 'the tunnel to be open again', every: 1 });
  figure('jump died, open again through both', performance.now() - from);
  const told = running.events.slice(first).filter((event) => event.type === 'host-state');
  expect(told.flatMap((event) => (event.failure ? [event.subject.name] : []))).toEqual(['outer']);
  expect(told.flatMap((event) => (event.to === 'connected' ? [event.subject.name] : []))).toEqual(['outer', 'bastion']);
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
