import { afterEach, beforeAll, afterAll, expect, it } from 'vitest';
import { tcp } from '../../src/core/address.ts';
import { reconcile } from '../../src/core/reconcile.ts';
import { project, tunnelSpec } from '../helpers/spec.ts';
import { hostAt, startEngine, type RunningEngine } from '../helpers/engine-on.ts';
import { dial, download, exchange, hashOf, startEcho, startSource, upload, startSink, type Service } from '../helpers/services.ts';
import { startSshd, type Sshd } from '../helpers/sshd.ts';
import { until } from '../helpers/wait.ts';
import { freePort } from '../helpers/free-port.ts';

let sshds: Sshd[];
let services: Service[] = [];
let running: RunningEngine;

beforeAll(async () => {
  sshds = await Promise.all(['hop1', 'hop2', 'hop3', 'hop4'].map((name) => startSshd({ name })));
});
afterAll(async () => {
  await Promise.all(sshds.map((sshd) => sshd.stop()));
});
afterEach(async () => {
  await running.engine.stop(0);
  await Promise.all(services.map((service) => service.stop()));
  services = [];
});

const hosts = () => sshds.map((sshd, index) => hostAt(sshd, { name: `hop${index + 1}`, via: index === 0 ? [] : [`hop${index}`] }));
const serve = async (starting: Promise<Service>): Promise<Service> => {
  const service = await starting;
  services.push(service);
  return service;
};

it('nine tunnels, local and remote in turn, over four hops carry 64 MiB unchanged both ways', async () => {
  const size = 64 * 1024 * 1024;
  const source = await serve(startSource());
  const sink = await serve(startSink());
  const chain = (end: number, ports: readonly number[]) =>
    ports.map((port, index) =>
      tunnelSpec(`t${end}-${index}`, {
        type: index % 2 === 0 ? 'local' : 'remote',
        // A local one comes out on its host, where the remote one after it listens; that one comes out here, where the next local one does.
        hosts: [`hop${(Math.floor(index / 2) % 4) + 1}`],
        ingress: tcp('localhost', port),
        egress: tcp('localhost', ports[index + 1] ?? end),
      }),
    );
  const ports = async (): Promise<number[]> => Promise.all(Array.from({ length: 9 }, () => freePort()));
  const [down, up] = [await ports(), await ports()];
  running = startEngine();
  running.apply(project(hosts(), [...chain(source.port, down), ...chain(sink.port, up)]));
  await running.open(30_000);
  const got = await download(down[0] ?? 0, size);
  expect(got).toEqual({ bytes: size, sha256: hashOf(size) });
  const sent = await upload(up[0] ?? 0, size);
  expect(sent).toEqual({ bytes: size, sha256: hashOf(size) });
  const { steps } = reconcile(running.engine.graph, null);
  expect(steps.filter((step) => step.kind === 'tunnel' && step.name.startsWith(`t${sink.port}`)).map((step) => step.name.at(-1))).toEqual([
    ...'876543210',
  ]);
}, 120_000);

it('a killed session comes back within 1.5 s, the listener stays bound, a client that arrives meanwhile is served', async () => {
  const echo = await serve(startEcho());
  running = startEngine();
  running.apply(
    project(hosts(), [tunnelSpec('echo', { hosts: ['hop1'], ingress: tcp('localhost', 0), egress: tcp('localhost', echo.port) })]),
  );
  await running.open();
  const port = running.ingressPort('echo');
  expect((await exchange(port, 'hello')).toString()).toBe('hello');
  const open = await dial(port);
  const reset = new Promise<boolean>((resolve) => {
    open.once('error', () => undefined);
    open.once('close', (hadError) => resolve(hadError));
  });
  const started = performance.now();
  expect(sshds[0]?.signalSessions('SIGKILL')).toBeGreaterThan(0);
  await until(() => running.state('echo') === 'reconnecting', { what: 'the loss to be noticed', ms: 1_000, every: 2 });
  expect((await exchange(port, 'again')).toString()).toBe('again');
  expect(await reset).toBe(true);
  await until(() => running.state('echo') === 'open', { what: 'the tunnel to be open again', ms: 1_500 });
  expect(performance.now() - started).toBeLessThan(1_500);
});

it('a jump host that dies is one cause; the inner host comes back after it', async () => {
  const echo = await serve(startEcho());
  running = startEngine();
  running.apply(
    project(hosts(), [tunnelSpec('echo', { hosts: ['hop3'], ingress: tcp('localhost', 0), egress: tcp('localhost', echo.port) })]),
  );
  await running.open();
  running.events.length = 0;
  sshds[0]?.signalSessions('SIGKILL');
  await until(() => running.state('echo') === 'reconnecting', { what: 'the loss to be noticed', ms: 1_000, every: 2 });
  await until(() => running.state('echo') === 'open', { what: 'the tunnel to be open again', ms: 5_000 });
  const causes = running.events.flatMap((event) => (event.type === 'host-state' && event.failure ? [event.subject.name] : []));
  expect(new Set(causes)).toEqual(new Set(['hop1']));
  const back = running.events.flatMap((event) => (event.type === 'host-state' && event.to === 'connected' ? [event.subject.name] : []));
  expect(back).toEqual(['hop1', 'hop2', 'hop3']);
  expect((await exchange(running.ingressPort('echo'), 'hello')).toString()).toBe('hello');
});
