/** A list of hosts over two real sshd: the first is stopped, the second carries on behind the open listener. */
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { hostEntry, sshConfigBlock, type Up } from '../helpers/project.ts';
import { at, echoes, scene } from '../helpers/scene.ts';
import { startEcho, type Service } from '../helpers/services.ts';
import type { Sshd } from '../helpers/sshd.ts';
import { until } from '../helpers/wait.ts';

const all = scene(afterAll);
const each = scene(afterEach);
let echo: Service;
let first: Sshd;
let second: Sshd;

beforeAll(async () => {
  echo = await all.add(startEcho());
});
/** Two of its own for each test, since it stops one. */
async function up(tunnel: Record<string, unknown>, { firstUp = true }: { readonly firstUp?: boolean } = {}): Promise<Up> {
  [first, second] = await Promise.all([each.sshd({ name: 'first' }), each.sshd({ name: 'second' })]);
  if (!firstUp) await first.halt();
  const reconnect = { min: '50ms', max: '500ms' };
  const hosts = { first: hostEntry(first, { reconnect }), second: hostEntry(second, { reconnect }) };
  const web = { host: ['first', 'second'], egress: at(echo), ...tunnel };
  return each.project({ yaml: { hosts, tunnels: { web } } }).up();
}
const changedOver = (running: Up): Promise<unknown> =>
  running.untilEvent((event) => event.type === 'failover' && event['from'] === 'first' && event['to'] === 'second');

it('the first carries while it is up, and the second is not even dialled; when it stops, clients go by the second through the same port', async () => {
  const running = await up({ type: 'local', ingress: 0 });
  await running.untilOpen(['web']);
  const port = running.port('web');
  await echoes(port);
  expect([first.connections().authenticated, second.connections().accepted]).toEqual([1, 0]);
  await first.halt();
  // Parked until the second is connected, then served.
  await Promise.all([echoes(port), changedOver(running)]);
  await running.untilOpen(['web']);
  expect([second.connections().authenticated, running.port('web')]).toEqual([1, port]);
  // One that is back is not gone back to at once.
  await first.restart();
  await until(() => first.connections().live === 1, { what: 'the first to be connected again', ms: 15_000, detail: running.stderr });
  await echoes(port);
  expect(running.events().filter(({ type }) => type === 'failover')).toHaveLength(1);
});

it('one that is down from the beginning is passed over', async () => {
  const running = await up({ type: 'local', ingress: 0 }, { firstUp: false });
  await running.untilOpen(['web']);
  await echoes(running.port('web'));
  expect(second.connections().authenticated).toBe(1);
});

it('a remote ingress moves to the second, where it is found under its port', async () => {
  const running = await up({ type: 'remote', ingress: 0 });
  await running.untilOpen(['web']);
  await echoes(running.port('web'));
  const before = running.events().length;
  await first.halt();
  await changedOver(running);
  await running.untilEvent((event) => event.subject?.name === 'web' && event.to === 'open', 15_000, before);
  await echoes(running.port('web'));
  expect(second.connections().authenticated).toBe(1);
});

it('asleep, it takes whichever is up when the first client comes', async () => {
  const running = await up({ type: 'local', ingress: 0, start: 'on-demand' }, { firstUp: false });
  await until(() => running.state('web') === 'idle', { what: 'it to listen', ms: 15_000, detail: running.stderr });
  expect(second.connections().accepted).toBe(0);
  await echoes(running.port('web'));
  expect(second.connections().authenticated).toBe(1);
});

it('an ssh that runs on a client host goes by the second where the first cannot be reached, and by the first again when that ends', async () => {
  [first, second] = await Promise.all([each.sshd({ name: 'first' }), each.sshd({ name: 'second' })]);
  const names = ['first', 'second'].map((name) => `${name}-${process.pid}`);
  const sshConfig = [first, second].map((sshd, index) => sshConfigBlock(names[index] ?? '', sshd)).join('\n');
  const client = await each.sshd({ name: 'client', sshConfig });
  await first.halt();
  const web = { type: 'local', client: 'bastion', launch: 'ssh', host: names, ingress: 0, egress: at(echo) };
  const running = each.project({ yaml: { hosts: { bastion: hostEntry(client) }, tunnels: { web } } }).up();
  await running.untilOpen(['web']);
  await echoes(running.port('web'));
  expect(second.connections().authenticated).toBe(1);
  const changes = () =>
    running.events().flatMap((event) => (event.type === 'failover' ? [`${String(event['from'])} to ${String(event['to'])}`] : []));
  expect(changes()).toEqual([`${names[0]} to ${names[1]}`]);
  await first.restart();
  const before = running.events().length;
  second.signalSessions('SIGKILL');
  await running.untilEvent((event) => event.subject?.name === 'web' && event.to === 'open', 20_000, before);
  expect(changes().at(-1)).toBe(`${names[1]} to ${names[0]}`);
  await echoes(running.port('web'));
});
