import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { tcp } from '../../src/core/address.ts';
import { FailureError } from '../../src/core/failure.ts';
import { buildGraph } from '../../src/core/graph.ts';
import type { TunnelsEvent } from '../../src/core/event.ts';
import type { Project, TunnelSpec } from '../../src/core/spec.ts';
import { Engine } from '../../src/engine/engine.ts';
import { flush, manualClock, type ManualClock } from '../helpers/clock.ts';
import { fakeNetwork, type FakeNetwork } from '../helpers/fake-network.ts';
import { doubleTunnel, hostSpec, project, tunnelSpec } from '../helpers/spec.ts';

const nobody = { secret: async () => null, hostKey: async () => null };

let clock: ManualClock;
let network: FakeNetwork;
let engine: Engine;
let events: TunnelsEvent[];

beforeEach(() => {
  clock = manualClock();
  clock.chance = 0.5;
  network = fakeNetwork();
  engine = new Engine({ clock, network, asker: nobody, verbosity: 0 });
  events = [];
  engine.bus.subscribe((event) => events.push(event));
});

afterEach(async () => {
  await engine.stop(0);
  expect(network.listeners.size).toBe(0);
  expect(network.connections.filter((connection) => !connection.ended)).toEqual([]);
  expect(clock.pending()).toEqual([]);
});

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 8; turn += 1) await flush();
};

const apply = async (desired: Project | null): Promise<void> => {
  engine.apply(desired && buildGraph(desired));
  await settle();
};

const states = (): Record<string, string> =>
  Object.fromEntries([...engine.snapshot().hosts, ...engine.snapshot().tunnels].map(({ name, state }) => [name, state]));

const bastion = hostSpec('bastion');
const lost = { code: 'connection-lost', message: 'bastion: the connection was lost' } as const;

describe('coming up', () => {
  it('opens in order, each waiting for what it needs', async () => {
    await apply(doubleTunnel());
    expect(network.log).toEqual([
      'connect bastion:22',
      'connect test-server:22',
      'listen bastion localhost:2999',
      'listen here localhost:7999',
    ]);
    expect(states()).toEqual({ bastion: 'connected', 'test-server': 'connected', 'git-inner': 'open', git: 'open' });
    const waiting = events.filter((event) => event.type === 'tunnel-state' && event.subject.name === 'git' && event.to === 'waiting');
    expect(waiting[0]).toMatchObject({ waitingOn: ['host bastion', 'tunnel git-inner'] });
  });

  it('shares one connection among the tunnels of a host', async () => {
    await apply(project([bastion], [tunnelSpec('a'), tunnelSpec('b', { ingress: tcp('localhost', 81) })]));
    expect(network.connections).toHaveLength(1);
  });

  it('passes an allocated port on to the one who dials it', async () => {
    const door = tunnelSpec('door', { type: 'remote', ingress: tcp('localhost', 0), egress: tcp('localhost', 22) });
    const user = tunnelSpec('user', { egress: tcp('localhost', 0) });
    await apply(project([bastion], [door, user]));
    const accept = network.listeners.get('here localhost:8080');
    accept?.({ origin: null, accept: () => new PassThrough(), refuse: () => undefined });
    await settle();
    expect(network.live('bastion').dialled).toEqual(['localhost:40001']);
    expect(engine.snapshot().tunnels.map(({ ingress }) => ingress)).toEqual(['127.0.0.1:40001', '127.0.0.1:8080']);
  });

  it('passes an allocated port on to a host behind it', async () => {
    const door = tunnelSpec('door', { ingress: tcp('localhost', 0), egress: tcp('inner', 22) });
    const behind = hostSpec('behind', { hostname: 'localhost', port: 0 });
    await apply(project([bastion, behind], [door, tunnelSpec('web', { hosts: ['behind'] })]));
    expect(network.log).toContain('connect behind:40001');
  });

  it('a host that refuses is tried again with growing waits, and its tunnel waits and says why', async () => {
    network.refuse('bastion', { code: 'refused', message: 'bastion: refused', hint: 'is sshd running?' });
    await apply(project([bastion], [tunnelSpec('web')]));
    const tries = (): number => network.log.filter((line) => line.startsWith('connect')).length;
    expect(tries()).toBe(1);
    expect(engine.snapshot().tunnels[0]).toMatchObject({ state: 'waiting', error: { code: 'refused', hint: 'is sshd running?' } });
    expect(clock.pending()).toEqual([250]);
    await clock.advance(250);
    await settle();
    expect(clock.pending()).toEqual([500]);
    await clock.advance(500);
    await settle();
    expect(tries()).toBe(3);
    network.refuse('bastion', null);
    await clock.advance(1_000);
    await settle();
    expect(states()).toEqual({ bastion: 'connected', web: 'open' });
  });

  it('a rejected key is not tried again until the user did something', async () => {
    network.refuse('bastion', { code: 'auth-rejected', message: 'no' });
    const desired = project([bastion], [tunnelSpec('web')]);
    await apply(desired);
    await clock.advance(3_600_000);
    expect(network.log).toEqual(['connect bastion:22']);
    expect(engine.outcome()).toBe('failed');
    network.refuse('bastion', null);
    await apply(desired);
    expect(states()).toEqual({ bastion: 'connected', web: 'open' });
  });

  it('one whose host was rejected is stuck, though others may still come up', async () => {
    network.refuse('bastion', { code: 'auth-rejected', message: 'no' });
    network.refuse('slow', { code: 'refused', message: 'no' });
    const ingress = tcp('localhost', 81);
    const inner = tunnelSpec('inner', { hosts: ['behind'], ingress: tcp('localhost', 82) });
    const behind = hostSpec('behind', { via: ['bastion'] });
    await apply(project([bastion, hostSpec('slow'), behind], [tunnelSpec('web'), tunnelSpec('late', { hosts: ['slow'], ingress }), inner]));
    expect([engine.outcome(), engine.stuck()]).toEqual(['pending', ['web', 'inner']]);
  });

  it('a busy port fails, or is waited for where the file says so', async () => {
    network.refuseBind('localhost:8080', { code: 'bind-in-use', message: 'held by nginx (pid 1)' });
    await apply(project([bastion], [tunnelSpec('web')]));
    expect(states()['web']).toBe('failed');
    await apply(project([bastion], [tunnelSpec('web', { onConflict: 'wait' })]));
    expect(engine.snapshot().tunnels[0]).toMatchObject({ state: 'opening', error: { code: 'bind-in-use' } });
    network.refuseBind('localhost:8080', null);
    await clock.advance(1_500);
    await settle();
    expect(states()['web']).toBe('open');
  });

  it('at most eight dials are under way at once', async () => {
    let most = 0;
    let now = 0;
    const connect = network.connect;
    network.connect = async (request) => {
      now += 1;
      most = Math.max(most, now);
      await flush();
      now -= 1;
      return connect(request);
    };
    const hosts = Array.from({ length: 30 }, (_, index) => hostSpec(`h${index}`));
    await apply(
      project(
        hosts,
        hosts.map((host, index) => tunnelSpec(`t${index}`, { hosts: [host.name], ingress: tcp('localhost', 1_000 + index) })),
      ),
    );
    await settle();
    await settle();
    expect(most).toBe(8);
    expect(engine.outcome()).toBe('open');
  });
});

describe('a connection that is lost', () => {
  it('keeps the listener bound, comes back, and counts the restart', async () => {
    await apply(project([bastion], [tunnelSpec('web')]));
    network.live('bastion').cut(lost);
    await settle();
    expect(states()).toEqual({ bastion: 'backoff', web: 'reconnecting' });
    expect(network.listeners.has('here localhost:8080')).toBe(true);
    await clock.advance(250);
    await settle();
    expect(states()).toEqual({ bastion: 'connected', web: 'open' });
    expect(network.log.filter((line) => line === 'listen here localhost:8080')).toHaveLength(1);
    expect(engine.snapshot().tunnels[0]).toMatchObject({ restarts: 1, error: null });
  });

  it('is told once for a chain: the inner host waits for the outer one', async () => {
    await apply(doubleTunnel());
    events.length = 0;
    const [outer, inner] = [network.live('bastion'), network.live('test-server')];
    inner.cut({ code: 'connection-lost', message: 'test-server: lost' });
    outer.cut(lost);
    await settle();
    const told = events.flatMap((event) =>
      event.type === 'host-state' && event.failure ? [`${event.subject.name} ${event.failure.message}`] : [],
    );
    expect(told).toEqual(['bastion bastion: the connection was lost']);
    expect(states()).toMatchObject({ 'test-server': 'waiting', 'git-inner': 'reconnecting', git: 'reconnecting' });
    network.log.length = 0;
    await clock.advance(250);
    await settle();
    expect(network.log).toEqual(['connect bastion:22', 'connect test-server:22', 'listen bastion localhost:2999']);
    expect(states()).toEqual({ bastion: 'connected', 'test-server': 'connected', 'git-inner': 'open', git: 'open' });
    const news = events.flatMap((event) =>
      event.type === 'recovered' || ('cause' in event && event.cause !== undefined) || ('fell' in event && event.fell) ? [event] : [],
    );
    expect(news[0]).toMatchObject({ subject: { name: 'bastion' }, fell: ['host test-server', 'tunnel git-inner', 'tunnel git'] });
    expect(news.slice(1, -1).every((event) => 'cause' in event && event.cause === 'host bastion' && event.failure === null)).toBe(true);
    expect(news.at(-1)).toMatchObject({ type: 'recovered', subject: { name: 'bastion' }, tookMs: 250 });
  });

  it('in silence is told once, too: the outer host, silent itself, is given up when the inner one is', async () => {
    await apply(doubleTunnel());
    events.length = 0;
    const [outer, inner] = [network.live('bastion'), network.live('test-server')];
    outer.doubt = () => {
      outer.cut({ code: 'keepalive-timeout', message: 'bastion: no answer to keepalives for 15 s' });
      return true;
    };
    inner.cut({ code: 'keepalive-timeout', message: 'test-server: no answer to keepalives for 15 s' });
    await settle();
    const told = events.flatMap((event) => (event.type === 'host-state' && event.failure ? [event.failure.message] : []));
    expect(told).toEqual(['bastion: no answer to keepalives for 15 s']);
    expect(states()).toMatchObject({ bastion: 'backoff', 'test-server': 'waiting', 'git-inner': 'reconnecting' });
  });

  it('a host that falls silent by itself is dialled again over the outer one, which lives', async () => {
    await apply(doubleTunnel());
    events.length = 0;
    network.live('test-server').cut({ code: 'keepalive-timeout', message: 'test-server: silent' });
    await settle();
    expect(states()).toMatchObject({ bastion: 'connected', 'test-server': 'backoff', 'git-inner': 'reconnecting', git: 'reconnecting' });
    const roots = events.flatMap((event) => ('fell' in event && event.fell ? [`${event.subject.name}: ${event.fell.join(', ')}`] : []));
    expect(roots).toEqual(['test-server: tunnel git-inner, tunnel git']);
  });

  it('flapping makes the waits grow; a stable minute makes them short again', async () => {
    await apply(project([bastion], [tunnelSpec('web')]));
    const waits: number[] = [];
    for (let round = 0; round < 4; round += 1) {
      network.live('bastion').cut(lost);
      await settle();
      const [wait = 0] = clock.pending();
      waits.push(wait);
      await clock.advance(wait);
      await settle();
    }
    await clock.advance(60_000);
    network.live('bastion').cut(lost);
    await settle();
    expect([...waits, ...clock.pending()]).toEqual([250, 500, 1_000, 2_000, 250]);
  });

  it('a remote tunnel asks for the allocated port it had', async () => {
    await apply(project([bastion], [tunnelSpec('up', { type: 'remote', ingress: tcp('localhost', 0) })]));
    network.live('bastion').cut(lost);
    await settle();
    await clock.advance(250);
    await settle();
    expect(network.log.filter((line) => line.startsWith('listen'))).toEqual([
      'listen bastion localhost:40001',
      'listen bastion localhost:40001',
    ]);
  });
});

describe('after a sleep or a change of network', () => {
  it('a connection that does not answer is given up and dialled anew at once, one that does is kept', async () => {
    const other = hostSpec('other');
    await apply(project([bastion, other], [tunnelSpec('web'), tunnelSpec('b', { hosts: ['other'], ingress: tcp('localhost', 81) })]));
    const dead = network.live('bastion');
    dead.ping = async () => {
      throw new FailureError({ code: 'keepalive-timeout', message: 'bastion does not answer' });
    };
    events.length = 0;
    await engine.probe();
    await settle();
    const told = events.flatMap((event) => (event.type === 'host-state' ? [`${event.to} ${event.failure?.code ?? ''}`.trim()] : []));
    expect(told).toEqual(['backoff keepalive-timeout', 'connecting', 'connected']);
    expect(dead.ended).toBe(true);
    expect(states()).toEqual({ bastion: 'connected', other: 'connected', web: 'open', b: 'open' });
  });

  it('a chain that does not answer any more is one cause', async () => {
    await apply(doubleTunnel());
    const dead = [network.live('test-server'), network.live('bastion')];
    for (const connection of dead)
      connection.ping = async () => {
        throw new FailureError({ code: 'keepalive-timeout', message: `${connection.host} does not answer` });
      };
    const { connect } = network;
    network.connect = async (request) => {
      // A login takes a while.
      for (let turn = 0; turn < 5; turn += 1) await flush();
      return connect(request);
    };
    events.length = 0;
    await engine.probe();
    for (let turn = 0; turn < 4; turn += 1) await settle();
    const told = events.flatMap((event) => (event.type === 'host-state' && event.failure ? [event.failure.message] : []));
    expect(told).toEqual(['bastion does not answer']);
    expect(states()).toEqual({ bastion: 'connected', 'test-server': 'connected', 'git-inner': 'open', git: 'open' });
  });

  it('a long wait for a retry ends, and the waits begin anew', async () => {
    network.refuse('bastion', { code: 'refused', message: 'no' });
    await apply(project([bastion], [tunnelSpec('web')]));
    for (let tries = 0; tries < 8; tries += 1) {
      await clock.advance(clock.pending()[0] ?? 0);
      await settle();
    }
    expect(clock.pending()).toEqual([15_000]);
    await engine.probe();
    await settle();
    expect(clock.pending()).toEqual([250]);
  });
});

describe('a reload', () => {
  it('adds one without touching the others', async () => {
    await apply(project([bastion], [tunnelSpec('web')]));
    network.log.length = 0;
    await apply(project([bastion], [tunnelSpec('web'), tunnelSpec('db', { ingress: tcp('localhost', 5432) })]));
    expect(network.log).toEqual(['listen here localhost:5432']);
  });

  it('retargets behind the open listener', async () => {
    await apply(project([bastion], [tunnelSpec('web')]));
    network.log.length = 0;
    await apply(project([bastion], [tunnelSpec('web', { egress: tcp('other', 80) })]));
    expect(network.log).toEqual([]);
    expect(events.at(-1)).toMatchObject({ type: 'retargeted', egress: 'other:80' });
    expect(states()['web']).toBe('open');
  });

  it('moves a listener to its new port', async () => {
    await apply(project([bastion], [tunnelSpec('web')]));
    network.log.length = 0;
    await apply(project([bastion], [tunnelSpec('web', { ingress: tcp('localhost', 81) })]));
    expect(network.log).toEqual(['unlisten here localhost:8080', 'listen here localhost:81']);
  });

  it('a port changes hands between two tunnels', async () => {
    const [a, b] = [tcp('localhost', 1), tcp('localhost', 2)];
    await apply(project([bastion], [tunnelSpec('a', { ingress: a }), tunnelSpec('b', { ingress: b })]));
    await apply(project([bastion], [tunnelSpec('a', { ingress: b }), tunnelSpec('b', { ingress: a })]));
    expect(states()).toEqual({ bastion: 'connected', a: 'open', b: 'open' });
    expect([...network.listeners.keys()].toSorted()).toEqual(['here localhost:1', 'here localhost:2']);
  });

  it('an ingress whose tunnel is removed, yet waits for a dependant to drain, is free for another at once', async () => {
    const door = tunnelSpec('door', { client: 'bastion', hosts: ['far'], ingress: tcp('localhost', 2999) });
    const user = tunnelSpec('user', { egress: tcp('localhost', 2999) });
    await apply(project([bastion, hostSpec('far')], [door, user]));
    await apply(project([bastion], [tunnelSpec('other', { type: 'remote', ingress: tcp('localhost', 2999) })]));
    expect(states()).toEqual({ bastion: 'connected', other: 'open' });
    expect([...network.listeners.keys()]).toEqual(['bastion localhost:2999']);
  });

  it('a host that moved is dialled anew behind the open listener', async () => {
    await apply(project([bastion], [tunnelSpec('web')]));
    network.log.length = 0;
    await apply(project([hostSpec('bastion', { port: 2222 })], [tunnelSpec('web')]));
    expect(network.log).toEqual(['connect bastion:2222', 'end bastion']);
    expect(states()).toEqual({ bastion: 'connected', web: 'open' });
  });

  it('a host behind one that lives on over a jump host that moved comes up with that', async () => {
    const hosts = (port: number) => [hostSpec('c', { port }), hostSpec('d', { via: ['c'] }), hostSpec('a')];
    const behind = { hosts: ['a'], client: 'd' };
    await apply(project(hosts(22), [tunnelSpec('web', { hosts: ['d'] })]));
    await apply(project(hosts(2222), [tunnelSpec('web', behind)]));
    expect(states()).toEqual({ c: 'connected', d: 'connected', 'a via d': 'connected', web: 'open' });
  });

  it('removes what is gone, dependants first, and keeps the rest', async () => {
    await apply(doubleTunnel());
    network.log.length = 0;
    const kept = doubleTunnel();
    await apply(
      project([...kept.hosts.values()].slice(0, 1), [
        tunnelSpec('git', { ingress: tcp('localhost', 7999), egress: tcp('localhost', 2999) }),
      ]),
    );
    expect(network.log).toEqual(['unlisten bastion localhost:2999', 'end test-server']);
    expect(states()).toEqual({ bastion: 'connected', git: 'open' });
  });

  it('a keepalive is set on the live connection', async () => {
    await apply(project([bastion], [tunnelSpec('web')]));
    await apply(project([hostSpec('bastion', { keepalive: { intervalMs: 7, count: 1 } })], [tunnelSpec('web')]));
    expect(network.log).toContain('keepalive bastion 7');
    expect(network.connections).toHaveLength(1);
  });
});

describe('single tunnels', () => {
  it('a stopped one stays as closed through a reload, its dependants wait, and starting opens both again', async () => {
    await apply(doubleTunnel());
    await engine.halt(['git-inner'], null);
    expect(engine.snapshot().tunnels.map(({ name, waiting_on }) => [name, waiting_on])).toEqual([
      ['git-inner', undefined],
      ['git', ['tunnel git-inner']],
    ]);
    expect(states()).toMatchObject({ 'git-inner': 'closed', git: 'reconnecting', 'test-server': 'idle', bastion: 'connected' });
    await apply(doubleTunnel());
    expect(states()).toMatchObject({ 'git-inner': 'closed' });
    expect(network.listeners.has('bastion localhost:2999')).toBe(false);
    engine.resume(['git-inner']);
    await settle();
    expect(states()).toMatchObject({ 'git-inner': 'open', git: 'open' });
  });

  it('what nobody wants does not keep the rest from being up', async () => {
    await apply(project([bastion], [tunnelSpec('a'), tunnelSpec('b', { ingress: tcp('localhost', 81) })]));
    await engine.halt(['a'], null);
    expect(engine.outcome()).toBe('open');
  });

  it('starting tries a failed one again', async () => {
    network.refuseBind('localhost:8080', { code: 'bind-denied', message: 'no' });
    await apply(project([bastion], [tunnelSpec('web')]));
    network.refuseBind('localhost:8080', null);
    engine.resume(['web']);
    await settle();
    expect(states()['web']).toBe('open');
  });

  it('resuming one tries a host again that it waits for and that was given up', async () => {
    network.refuse('bastion', { code: 'auth-rejected', message: 'no' });
    await apply(project([bastion], [tunnelSpec('web')]));
    expect(states()).toEqual({ bastion: 'failed', web: 'failed' });
    network.refuse('bastion', null);
    engine.resume(['web']);
    await settle();
    expect(states()).toEqual({ bastion: 'connected', web: 'open' });
  });
});

describe('on demand', () => {
  const lazy = (part: Partial<TunnelSpec> = {}): TunnelSpec => tunnelSpec('web', { start: 'on-demand', idleTimeoutMs: 60_000, ...part });
  const arrive = async (at = 'here localhost:8080'): Promise<PassThrough> => {
    const client = new PassThrough();
    network.listeners.get(at)?.({ origin: null, accept: () => client, refuse: () => void client.destroy() });
    await settle();
    return client;
  };

  it('listens at once and connects at the first client, through every hop', async () => {
    const hosts = [bastion, hostSpec('inner', { via: ['bastion'] })];
    await apply(project(hosts, [lazy({ hosts: ['inner'] })]));
    expect(states()).toEqual({ bastion: 'idle', inner: 'idle', web: 'idle' });
    expect(network.log).toEqual(['listen here localhost:8080']);
    expect(engine.outcome()).toBe('open');
    await arrive();
    expect(states()).toEqual({ bastion: 'connected', inner: 'connected', web: 'open' });
    expect(network.live('inner').dialled).toEqual(['web:80']);
  });

  it('drops the connection when nobody used it for a while, and comes back for the next one', async () => {
    await apply(project([bastion], [lazy()]));
    const client = await arrive();
    await clock.advance(120_000);
    expect(states()['web']).toBe('open');
    client.destroy();
    await settle();
    await clock.advance(59_000);
    expect(states()['web']).toBe('open');
    await clock.advance(61_000);
    await settle();
    expect(states()).toEqual({ bastion: 'idle', web: 'idle' });
    expect(network.log.at(-1)).toBe('end bastion');
    await arrive();
    expect(states()['web']).toBe('open');
  });

  it('a connection that others need stays', async () => {
    await apply(project([bastion], [lazy(), tunnelSpec('eager', { ingress: tcp('localhost', 81) })]));
    expect(states()).toEqual({ bastion: 'connected', eager: 'open', web: 'idle' });
    const client = await arrive();
    expect(states()['web']).toBe('open');
    client.destroy();
    await settle();
    await clock.advance(180_000);
    await settle();
    expect(states()).toEqual({ bastion: 'connected', eager: 'open', web: 'idle' });
  });

  it('200 of them make no connection', async () => {
    const many = Array.from({ length: 200 }, (_, index) => lazy({ name: `t${index}`, ingress: tcp('localhost', 10_000 + index) }));
    await apply(project([bastion], many));
    expect(engine.outcome()).toBe('open');
    expect(network.connections).toEqual([]);
  });
});

describe('several hosts', () => {
  const refused = { code: 'refused', message: 'refused' } as const;
  const backup = hostSpec('backup');
  const web = (hosts = ['bastion', 'backup'], part: Partial<TunnelSpec> = {}): TunnelSpec => tunnelSpec('web', { hosts, ...part });
  const host = (): string | undefined => engine.snapshot().tunnels[0]?.host;

  it('only the first is connected while it is up', async () => {
    await apply(project([bastion, backup], [web()]));
    expect(states()).toEqual({ bastion: 'connected', backup: 'idle', web: 'open' });
    expect(network.log.filter((line) => line.startsWith('connect'))).toEqual(['connect bastion:22']);
  });

  it('the next one takes over behind the open listener, and the first again once it is stable', async () => {
    await apply(project([bastion, backup], [web()]));
    network.refuse('bastion', refused);
    network.live('bastion').cut(lost);
    await settle();
    expect(states()).toMatchObject({ backup: 'connected', web: 'open' });
    expect(host()).toBe('backup');
    expect(events.findLast((event) => event.type === 'failover')).toMatchObject({ from: 'bastion', to: 'backup' });
    expect(network.log.filter((line) => line.startsWith('listen here'))).toHaveLength(1);
    network.refuse('bastion', null);
    await clock.advance(2_000);
    await settle();
    expect(states()).toEqual({ bastion: 'connected', backup: 'connected', web: 'open' });
    expect(host()).toBe('backup');
    await clock.advance(30_000);
    await settle();
    expect(host()).toBe('bastion');
    expect(states()).toEqual({ bastion: 'connected', backup: 'idle', web: 'open' });
  });

  it('the first has its turn though the second, which others want, is up before it', async () => {
    const first = hostSpec('first', { via: ['bastion'] });
    const other = tunnelSpec('other', { hosts: ['backup'], ingress: tcp('localhost', 81) });
    await apply(project([bastion, first, backup], [web(['first', 'backup']), other]));
    expect(events.filter((event) => event.type === 'failover')).toEqual([]);
    expect([host(), engine.outcome()]).toEqual(['first', 'open']);
  });

  it('one that is behind a host that is down is down as well', async () => {
    network.refuse('bastion', refused);
    await apply(project([bastion, hostSpec('first', { via: ['bastion'] }), backup], [web(['first', 'backup'])]));
    expect(states()).toMatchObject({ bastion: 'backoff', first: 'waiting', backup: 'connected', web: 'open' });
  });

  it('one that is behind a tunnel that cannot open is down as well', async () => {
    const door = tunnelSpec('door', { ingress: tcp('localhost', 2222), egress: tcp('inner', 22) });
    const behind = hostSpec('behind', { hostname: 'localhost', port: 2222 });
    network.refuseBind('localhost:2222', { code: 'bind-in-use', message: 'taken' });
    await apply(project([bastion, behind, backup], [door, web(['behind', 'backup'])]));
    expect(states()).toMatchObject({ door: 'failed', behind: 'waiting', backup: 'connected', web: 'open' });
  });

  it('one that is behind a tunnel that the user stopped is down as well', async () => {
    const door = tunnelSpec('door', { ingress: tcp('localhost', 2222), egress: tcp('inner', 22) });
    const behind = hostSpec('behind', { hostname: 'localhost', port: 2222 });
    await apply(project([bastion, behind, backup], [door, web(['behind', 'backup'])]));
    await engine.halt(['door'], 0);
    network.live('behind').cut(lost);
    await settle();
    expect(states()).toMatchObject({ behind: 'waiting', backup: 'connected', web: 'open' });
  });

  it('a remote tunnel listens on the one that carries it', async () => {
    network.refuse('bastion', refused);
    await apply(project([bastion, backup], [web(undefined, { type: 'remote' })]));
    expect([...network.listeners.keys()]).toEqual(['backup localhost:8080']);
  });

  it('the first that is rejected is no reason to give up, all of them are', async () => {
    network.refuse('bastion', { code: 'auth-rejected', message: 'no' });
    await apply(project([bastion, backup], [web()]));
    expect(engine.stuck()).toEqual([]);
    expect(engine.outcome()).toBe('open');
    await apply(null);
    network.refuse('backup', { code: 'auth-rejected', message: 'no' });
    await apply(project([bastion, backup], [web()]));
    expect(engine.outcome()).toBe('failed');
  });

  it('a reload that takes the one in use away goes on by another', async () => {
    network.refuse('bastion', refused);
    await apply(project([bastion, backup], [web()]));
    expect(host()).toBe('backup');
    network.refuse('bastion', null);
    await apply(project([bastion], [web(['bastion'])]));
    await clock.advance(2_000);
    await settle();
    expect(host()).toBe('bastion');
    expect(states()).toEqual({ bastion: 'connected', web: 'open' });
  });
});

describe('health', () => {
  const healthcheck = { probe: { kind: 'tcp' }, intervalMs: 10_000, timeoutMs: 1_000, retries: 2, startPeriodMs: 0 } as const;
  const sick = { code: 'target-refused', message: 'web:80 refused', hint: 'is it up?' } as const;
  const pair = (): Project =>
    project(
      [bastion],
      [
        tunnelSpec('db', { healthcheck }),
        tunnelSpec('app', { ingress: tcp('localhost', 81), dependsOn: [{ tunnel: 'db', condition: 'healthy' }] }),
      ],
    );

  it('what waits for healthy waits for the first probe that succeeds', async () => {
    network.refuseDial('web:80', sick);
    await apply(pair());
    expect(states()).toEqual({ bastion: 'connected', db: 'open', app: 'waiting' });
    expect(engine.snapshot().tunnels[0]).toMatchObject({ health: 'starting' });
    network.refuseDial('web:80', null);
    await clock.advance(10_000);
    await settle();
    expect(states()).toMatchObject({ db: 'open', app: 'open' });
    expect(engine.snapshot().tunnels[0]).toMatchObject({ health: 'healthy', error: null });
  });

  it('unhealthy is shown with its reason; what is open on it stays open', async () => {
    await apply(pair());
    network.refuseDial('web:80', sick);
    await clock.advance(20_000);
    await settle();
    expect(engine.snapshot().tunnels[0]).toMatchObject({
      state: 'unhealthy',
      health: 'unhealthy',
      error: { code: 'target-refused', hint: 'is it up?' },
    });
    expect(states()['app']).toBe('open');
    expect(events.filter((event) => event.type === 'health').map((event) => event.type === 'health' && event.verdict)).toEqual([
      'healthy',
      'unhealthy',
    ]);
  });

  it('after a lost connection the dependant waits for healthy again', async () => {
    await apply(pair());
    network.refuseDial('web:80', sick);
    network.live('bastion').cut(lost);
    await settle();
    await clock.advance(250);
    await settle();
    expect(states()).toMatchObject({ db: 'open', app: 'reconnecting' });
    network.refuseDial('web:80', null);
    await clock.advance(10_000);
    await settle();
    expect(states()).toMatchObject({ db: 'open', app: 'open' });
  });

  it('a reload without it ends the probing', async () => {
    await apply(pair());
    await apply(project([bastion], [tunnelSpec('db')]));
    const roundTripMeasured = 1_000;
    await clock.advance(roundTripMeasured);
    expect(clock.pending()).toEqual([]);
    expect(engine.snapshot().tunnels[0]).toMatchObject({ health: 'none' });
  });
});

describe('going down', () => {
  it('is the reverse of coming up', async () => {
    await apply(doubleTunnel());
    network.log.length = 0;
    await engine.stop(null);
    expect(network.log).toEqual(['unlisten here localhost:7999', 'unlisten bastion localhost:2999', 'end test-server', 'end bastion']);
    expect(engine.snapshot()).toMatchObject({ hosts: [], tunnels: [] });
  });

  it('ends a dial that is under way', async () => {
    network.tcpTransport = () => (signal) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }));
    await apply(project([bastion], [tunnelSpec('web')]));
    expect(states()['bastion']).toBe('connecting');
    await engine.stop(null);
    expect(engine.snapshot().hosts).toEqual([]);
  });
});

describe('a launched ssh with several hosts', () => {
  const hosts = ['bastion', 'a', 'b', 'c'].map((name) => hostSpec(name));
  const launched = tunnelSpec('web', { client: 'bastion', launch: 'ssh', hosts: ['a', 'b', 'c'] });
  const desired = project(hosts, [launched]);
  const refused = { code: 'refused', message: 'ssh on bastion: connection refused' } as const;
  const launches = (): string[] => network.log.filter((line) => line.startsWith('launch')).map((line) => line.slice(-1));
  const told = (): string[] => events.flatMap((event) => (event.type === 'failover' ? [`${event.from} to ${event.to}`] : []));

  it('tries them in order, at once, and says by which it goes', async () => {
    network.refuseLaunch('a', refused);
    await apply(desired);
    expect(launches()).toEqual(['a', 'b']);
    expect(told()).toEqual(['a to b']);
    expect(engine.snapshot().tunnels[0]).toMatchObject({ state: 'open', host: 'b' });
    expect(events).toContainEqual(expect.objectContaining({ type: 'warning', message: `${refused.message}; trying b` }));
    await apply(project(hosts, [{ ...launched, drainMs: 1 }]));
    expect(engine.snapshot().tunnels[0]).toMatchObject({ state: 'open', host: 'b' });
    expect(launches()).toEqual(['a', 'b']);
  });

  it('begins with the first again when the present one is lost, which is tried last', async () => {
    network.refuseLaunch('a', refused);
    await apply(desired);
    network.refuseLaunch('b', refused);
    network.endLaunched({ code: 'connection-lost', message: 'ssh on bastion ended' });
    await clock.advance(1_000);
    await settle();
    expect(launches()).toEqual(['a', 'b', 'a', 'c']);
    network.refuseLaunch('a', null);
    network.endLaunched({ code: 'connection-lost', message: 'ssh on bastion ended' });
    await clock.advance(1_000);
    await settle();
    expect(launches()).toEqual(['a', 'b', 'a', 'c', 'a']);
    expect(told()).toEqual(['a to b', 'b to c', 'c to a']);
    expect(engine.snapshot().tunnels[0]).toMatchObject({ state: 'open', host: 'a', restarts: 2 });
  });

  it('with none of them it waits and tries again, as long as one of them may come back', async () => {
    network.refuseLaunch('a', refused);
    for (const host of ['b', 'c']) network.refuseLaunch(host, { code: 'auth-rejected', message: 'permission denied' });
    await apply(desired);
    expect(engine.snapshot().tunnels[0]).toMatchObject({ state: 'opening', error: { code: 'refused' } });
    network.refuseLaunch('a', { code: 'auth-rejected', message: 'permission denied' });
    await clock.advance(5_000);
    await settle();
    expect(engine.snapshot().tunnels[0]).toMatchObject({ state: 'failed', error: { code: 'auth-rejected' } });
    expect(told()).toEqual([]);
  });

  it('a busy port is the client machine’s: no other host would mend that', async () => {
    network.refuseLaunch('a', { code: 'bind-in-use', message: 'port 8080 is in use on bastion' });
    await apply(desired);
    expect(launches()).toEqual(['a']);
    expect(engine.snapshot().tunnels[0]).toMatchObject({ state: 'failed', error: { code: 'bind-in-use' } });
  });
});
