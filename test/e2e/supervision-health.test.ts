/** healthcheck and `condition: healthy` over real sshd: what is behind the tunnel dies and comes back. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { hostEntry, type PrintedEvent, type Project, type Up } from '../helpers/project.ts';
import { at, echoes, scene } from '../helpers/scene.ts';
import { startEcho, startWww, type Service } from '../helpers/services.ts';
import type { Sshd } from '../helpers/sshd.ts';

const all = scene(afterAll);
const each = scene(afterEach);
let bastion: Sshd;

beforeAll(async () => {
  bastion = await all.sshd({ name: 'bastion' });
});

const projectOf = (tunnels: Record<string, unknown>): Project =>
  each.project({ yaml: { hosts: { bastion: hostEntry(bastion) }, tunnels } });
const up = (tunnels: Record<string, unknown>): Up => projectOf(tunnels).up();
const OFTEN = { interval: '150ms', timeout: '2s', retries: 2 };

/** The next verdict on a tunnel from the `from`th event on. */
const verdict = (running: Up, name: string, wanted: string, from = 0): Promise<PrintedEvent> =>
  running.untilEvent((event) => event.type === 'health' && event.subject?.name === name && event['verdict'] === wanted, 15_000, from);

interface Case {
  readonly probe: Record<string, unknown>;
  readonly start: (port?: number) => Promise<Service>;
  readonly type: 'local' | 'remote';
}
const echo = (port?: number): Promise<Service> => startEcho(port === undefined ? {} : { port });
const www = (port?: number): Promise<Service> => startWww(port === undefined ? {} : { port });

it.each<Case>([
  { probe: { tcp: true }, start: echo, type: 'local' },
  { probe: { tcp: true }, start: echo, type: 'remote' },
  { probe: { http: '/' }, start: www, type: 'local' },
  { probe: { http: '/' }, start: www, type: 'remote' },
])('$probe of a $type tunnel: unhealthy when the service behind dies, healthy when it is back', async ({ probe, start, type }) => {
  const service = await each.add(start());
  const running = up({ web: { type, host: 'bastion', ingress: 0, egress: at(service), healthcheck: { ...probe, ...OFTEN } } });
  await verdict(running, 'web', 'healthy');
  const before = running.events().length;
  await service.stop();
  const sick = await verdict(running, 'web', 'unhealthy', before);
  expect(sick['failure']).toMatchObject({ message: expect.stringContaining(String(service.port)) });
  await each.add(start(service.port));
  await verdict(running, 'web', 'healthy', before);
  // It stayed open all the while, and nothing of this counts as a connection.
  expect(running.state('web')).toBe('open');
  expect(running.events().filter(({ type: kind }) => kind.startsWith('connection-'))).toEqual([]);
});

it('an answer that is no success is unhealthy, and the tunnel carries on', async () => {
  const service = await each.add(startWww());
  const tunnel = { type: 'local', host: 'bastion', egress: at(service), ingress: 0 };
  const running = up({
    sick: { ...tunnel, healthcheck: { http: '/status/503', ...OFTEN } },
    moved: { ...tunnel, healthcheck: { http: '/status/302', ...OFTEN } },
  });
  const { failure } = await verdict(running, 'sick', 'unhealthy');
  expect(failure).toMatchObject({ message: expect.stringContaining('GET /status/503 with 503'), hint: expect.any(String) });
  await verdict(running, 'moved', 'healthy');
  const answer = await fetch(`http://127.0.0.1:${running.port('sick')}/source`);
  expect([answer.status, running.state('sick')]).toEqual([200, 'open']);
});

it('a proxy with tcp: true is asked whether its host answers', async () => {
  const running = up({ proxy: { type: 'dynamic', host: 'bastion', ingress: 0, healthcheck: { tcp: true, ...OFTEN } } });
  await verdict(running, 'proxy', 'healthy');
});

describe('depends_on with condition: healthy', () => {
  it('waits until the service answers, and stays open when it falls ill later', async () => {
    const [gone, other] = await Promise.all([startEcho(), each.add(startEcho())]);
    await gone.stop();
    const running = up({
      db: { type: 'local', host: 'bastion', ingress: 0, egress: at(gone), healthcheck: { tcp: true, ...OFTEN } },
      web: { type: 'local', host: 'bastion', ingress: 0, egress: at(other), depends_on: { db: { condition: 'healthy' } } },
      unconcerned: { type: 'local', host: 'bastion', ingress: 0, egress: at(other), depends_on: ['db'] },
    });
    await running.untilOpen(['db', 'unconcerned']);
    await verdict(running, 'db', 'unhealthy');
    const waiting = running.events().findLast((event) => event.subject?.name === 'web' && event.to !== undefined);
    expect(waiting).toMatchObject({ to: 'waiting', waitingOn: ['tunnel db'] });
    const back = await each.add(startEcho({ port: gone.port }));
    await running.untilOpen(['web']);
    await echoes(running.port('web'));
    const before = running.events().length;
    await back.stop();
    await verdict(running, 'db', 'unhealthy', before);
    await echoes(running.port('web'));
    expect(running.state('web')).toBe('open');
  });

  it('waits again when what it needs is restarted, until that is healthy; clients are parked meanwhile', async () => {
    const [first, other] = await Promise.all([startEcho(), each.add(startEcho())]);
    const made = projectOf({
      db: { type: 'local', host: 'bastion', ingress: 0, egress: at(first), healthcheck: { tcp: true, ...OFTEN } },
      web: { type: 'local', host: 'bastion', ingress: 0, egress: at(other), depends_on: { db: { condition: 'healthy' } } },
    });
    const running = made.up();
    await running.untilOpen(['db', 'web']);
    const port = running.port('web');
    await first.stop();
    const before = running.events().length;
    expect((await made.run(['restart', 'db'])).code).toBe(0);
    await verdict(running, 'db', 'unhealthy', before);
    const last = running.events().findLast((event) => event.subject?.name === 'web' && event.to !== undefined);
    expect(last).toMatchObject({ to: 'reconnecting', waitingOn: ['tunnel db'] });
    const parked = echoes(port);
    await each.add(startEcho({ port: first.port }));
    await parked;
    expect([running.state('web'), running.port('web')]).toEqual(['open', port]);
  });
});
