import { once } from 'node:events';
import { afterEach, beforeAll, afterAll, expect, it } from 'vitest';
import { tcp } from '../../src/core/address.ts';
import { project, tunnelSpec } from '../helpers/spec.ts';
import { hostAt, startEngine, type RunningEngine } from '../helpers/engine-on.ts';
import { dial, exchange, startEcho, type Service } from '../helpers/services.ts';
import { startSshd, type Sshd } from '../helpers/sshd.ts';
import { until } from '../helpers/wait.ts';

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
  // Carried already: one that only waits is served when the session is back.
  open.write('x');
  await once(open, 'data');
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
