import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { tcp } from '../../src/core/address.ts';
import type { TunnelsEvent } from '../../src/core/event.ts';
import { FailureError, type FailureParts } from '../../src/core/failure.ts';
import { buildGraph } from '../../src/core/graph.ts';
import { formatPlan } from '../../src/core/plan.ts';
import type { HostSpec, Project, TunnelSpec } from '../../src/core/spec.ts';
import { Engine } from '../../src/engine/engine.ts';
import type { Asker } from '../../src/ssh/connect-request.ts';
import { flush, manualClock, type ManualClock } from '../helpers/clock.ts';
import { fakeNetwork, type FakeConnection, type FakeNetwork } from '../helpers/fake-network.ts';
import { hostSpec, project, tunnelSpec } from '../helpers/spec.ts';

let clock: ManualClock;
let network: FakeNetwork;
let engine: Engine;
let events: TunnelsEvent[];
let asked: number;

const asker: Asker = {
  secret: async () => {
    asked += 1;
    return 'secret';
  },
  hostKey: async () => null,
};

beforeEach(() => {
  clock = manualClock();
  network = fakeNetwork();
  engine = new Engine({ clock, network, asker, verbosity: 0 });
  events = [];
  asked = 0;
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

const apply = async (desired: Project | null): Promise<string> => {
  const { plan } = engine.apply(desired && buildGraph(desired));
  await settle();
  return formatPlan(plan);
};

const bastion = (connections: number, part: Partial<HostSpec> = {}): HostSpec => hostSpec('bastion', { connections, ...part });
const web = tunnelSpec('web');
const door = tunnelSpec('door', { type: 'remote', ingress: tcp('localhost', 9_000), egress: tcp('localhost', 3_000) });
const lost = { code: 'connection-lost', message: 'bastion: the connection was lost' } as const;

const live = (host = 'bastion'): FakeConnection[] => network.connections.filter((each) => each.host === host && !each.ended);
const connects = (): number => network.log.filter((line) => line.startsWith('connect ')).length;
const states = (): Record<string, string> =>
  Object.fromEntries([...engine.snapshot().hosts, ...engine.snapshot().tunnels].map(({ name, state }) => [name, state]));
const count = (): { connections: number; connections_wanted: number } | undefined => {
  const [host] = engine.snapshot().hosts;
  return host && { connections: host.connections, connections_wanted: host.connections_wanted };
};
const warnings = (): string[] => events.flatMap((event) => (event.type === 'warning' ? [event.message] : []));

const arrive = async (at = 'here localhost:8080'): Promise<PassThrough> => {
  const client = new PassThrough();
  network.listeners.get(at)?.({ origin: null, accept: () => client, refuse: () => void client.destroy() });
  await settle();
  return client;
};
const arrivals = async (howMany: number): Promise<PassThrough[]> => {
  const clients: PassThrough[] = [];
  for (let index = 0; index < howMany; index += 1) clients.push(await arrive());
  return clients;
};
const openOnes = (clients: readonly PassThrough[]): boolean[] => clients.map((client) => !client.destroyed);

/** Lets as many connections be there as `howMany` says, and refuses the others. */
function admit(howMany: () => number, failure: FailureParts): void {
  const { connect } = network;
  let under = 0;
  network.connect = async (request) => {
    if (live(request.host.name).length + under >= howMany()) {
      network.log.push(`refused ${request.host.name}`);
      throw new FailureError(failure);
    }
    under += 1;
    return connect(request).finally(() => (under -= 1));
  };
}

describe('coming up', () => {
  it('the tunnel is open with the first connection, the further ones are dialled after it', async () => {
    let mayConnect = 1;
    const { connect } = network;
    let goOn: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (goOn = resolve));
    network.connect = async (request) => {
      mayConnect -= 1;
      if (mayConnect < 0) await held;
      return connect(request);
    };
    await apply(project([bastion(4)], [web]));
    expect(states()).toEqual({ bastion: 'connected', web: 'open' });
    expect(count()).toEqual({ connections: 1, connections_wanted: 4 });
    goOn();
    await settle();
    expect(count()).toEqual({ connections: 4, connections_wanted: 4 });
    expect(live()).toHaveLength(4);
    expect(events.filter((event) => event.type === 'host-state' && event.to === 'connected')).toHaveLength(1);
  });

  it('a host that has none yet comes before the further ones of another', async () => {
    const { connect } = network;
    const waiting: (() => void)[] = [];
    network.connect = async (request) => {
      const further = live('bastion').length >= 2 && request.host.name === 'bastion';
      if (further) await new Promise<void>((resolve) => waiting.push(resolve));
      return connect(request);
    };
    await apply(project([bastion(16)], [web]));
    // Half of the slots are for those that have none.
    expect([live().length, waiting.length]).toEqual([2, 4]);
    const far = tunnelSpec('far', { hosts: ['other'], ingress: tcp('localhost', 81) });
    await apply(project([bastion(16), hostSpec('other')], [web, far]));
    expect(states()).toMatchObject({ other: 'connected', far: 'open' });
    while (waiting.length > 0) {
      waiting.shift()?.();
      await settle();
    }
    expect(live()).toHaveLength(16);
  });

  it('what one of them told on the way in, the others do not tell again', async () => {
    const { connect } = network;
    network.connect = async (request) => {
      request.notify({ type: 'banner', text: 'Authorised use only' });
      request.notify({ type: 'host-key', fingerprint: 'SHA256:x', trusted: 'known_hosts:1' });
      return connect(request);
    };
    await apply(project([bastion(4)], [web]));
    expect(events.filter(({ type }) => type === 'banner' || type === 'host-key').map(({ type }) => type)).toEqual(['banner', 'host-key']);
  });
});

describe('the connections through a host', () => {
  it('are spread: eight over four are two on each', async () => {
    await apply(project([bastion(4)], [web]));
    await arrivals(8);
    expect(live().map(({ dialled }) => dialled.length)).toEqual([2, 2, 2, 2]);
  });

  it('that arrive in one moment are spread as well: those that are being opened count', async () => {
    await apply(project([bastion(2)], [web]));
    await arrive();
    const accept = network.listeners.get('here localhost:8080');
    for (let index = 0; index < 3; index += 1) accept?.({ origin: null, accept: () => new PassThrough(), refuse: () => undefined });
    await settle();
    expect(live().map(({ dialled }) => dialled.length)).toEqual([2, 2]);
  });

  it('of several tunnels share them', async () => {
    await apply(project([bastion(2)], [web, tunnelSpec('b', { ingress: tcp('localhost', 81) })]));
    await arrive();
    await arrive('here localhost:81');
    expect(live().map(({ dialled }) => dialled.length)).toEqual([1, 1]);
  });
});

describe('a further connection that is lost', () => {
  it('takes with it what it carried, and nothing else; it is told, and dialled again', async () => {
    await apply(project([bastion(4)], [web]));
    const clients = await arrivals(8);
    live()[2]?.cut(lost);
    await settle();
    expect(openOnes(clients)).toEqual([true, true, false, true, true, true, false, true]);
    expect(states()).toEqual({ bastion: 'connected', web: 'open' });
    expect(warnings()).toEqual([]);
    await clock.advance(200);
    expect(warnings()).toEqual([
      'bastion: 1 of its 4 SSH connections was lost, and what went over it (2 connections): the connection was lost',
    ]);
    expect(count()).toMatchObject({ connections: 3 });
    await clock.advance(50);
    await settle();
    expect(count()).toMatchObject({ connections: 4 });
    expect(engine.snapshot().hosts[0]).toMatchObject({ restarts: 0, error: null });
    await arrive();
    expect(live().at(-1)?.dialled).toHaveLength(1);
  });

  it('is told once together with those that went with it', async () => {
    await apply(project([bastion(4)], [web]));
    await arrivals(4);
    for (const each of live().slice(1, 3)) each.cut(lost);
    await settle();
    await clock.advance(1_000);
    expect(warnings()).toEqual([
      'bastion: 2 of its 4 SSH connections were lost, and what went over them (2 connections): the connection was lost',
    ]);
  });

  const roundTripsMeasured = (): Promise<void> => clock.advance(1_000);

  it('that keeps being lost is dialled with growing waits of its own', async () => {
    await apply(project([bastion(2)], [web]));
    await roundTripsMeasured();
    const waits: number[] = [];
    for (let round = 0; round < 4; round += 1) {
      live()[1]?.cut(lost);
      await settle();
      waits.push(Math.max(...clock.pending()));
      await clock.advance(waits.at(-1) ?? 0);
      await settle();
      expect(live()).toHaveLength(2);
    }
    expect(waits).toEqual([250, 500, 1_000, 2_000]);
  });
});

describe('the first connection that is lost while others live', () => {
  it('a listener here stays open and serves: nobody is parked', async () => {
    await apply(project([bastion(3)], [web]));
    const clients = await arrivals(3);
    events.length = 0;
    live()[0]?.cut(lost);
    const during = await arrive();
    expect(during.destroyed).toBe(false);
    expect(openOnes(clients)).toEqual([false, true, true]);
    expect(events.filter(({ type }) => type === 'tunnel-state' || type === 'host-state')).toEqual([]);
    expect(states()).toEqual({ bastion: 'connected', web: 'open' });
  });

  it('a listener on the host is not open until it listens on another connection', async () => {
    await apply(project([bastion(3)], [door]));
    const seen: string[] = [];
    engine.bus.subscribe((event) => {
      const now = `${states()['door']} on ${live().filter(({ listening }) => listening.size > 0).length}`;
      if (event.type === 'tunnel-state') seen.push(now);
    });
    live()[0]?.cut(lost);
    await settle();
    expect(seen).toEqual(['reconnecting on 0', 'open on 1']);
    expect(states()).toEqual({ bastion: 'connected', door: 'open' });
    expect(live()[0]?.listening.size).toBe(1);
    expect(engine.snapshot().tunnels[0]).toMatchObject({ restarts: 1, error: null });
  });

  it('does not take the lead again when it is back: the listener stays where it is', async () => {
    await apply(project([bastion(2)], [door]));
    live()[0]?.cut(lost);
    await settle();
    network.log.length = 0;
    await clock.advance(250);
    await settle();
    expect(live()).toHaveLength(2);
    expect(network.log).toEqual(['connect bastion:22']);
    expect(states()).toMatchObject({ door: 'open' });
  });
});

describe('all connections lost', () => {
  it('is one loss of the host; one of them is dialled, and the others once that is up', async () => {
    await apply(project([bastion(4)], [web]));
    events.length = 0;
    const before = connects();
    for (const each of live()) each.cut(lost);
    await settle();
    expect(states()).toEqual({ bastion: 'backoff', web: 'reconnecting' });
    expect(clock.pending()).toEqual([250]);
    network.refuse('bastion', { code: 'refused', message: 'no' });
    await clock.advance(250);
    await settle();
    expect(connects() - before).toBe(1);
    network.refuse('bastion', null);
    await clock.advance(500);
    await settle();
    expect(count()).toEqual({ connections: 4, connections_wanted: 4 });
    expect(states()).toEqual({ bastion: 'connected', web: 'open' });
    expect(warnings()).toEqual([]);
    expect(engine.snapshot().hosts[0]).toMatchObject({ restarts: 1 });
  });

  it('one after the other, the last one decides how long the host waits', async () => {
    network.refuse('bastion', null);
    await apply(project([bastion(2)], [web]));
    admit(() => 0, { code: 'refused', message: 'bastion: no' });
    live()[0]?.cut(lost);
    await settle();
    await clock.advance(60_000);
    expect(states()).toEqual({ bastion: 'connected', web: 'open' });
    live()[0]?.cut(lost);
    await settle();
    expect(states()).toEqual({ bastion: 'backoff', web: 'reconnecting' });
    expect(clock.pending()).toEqual([250]);
  });
});

describe('a further connection that cannot be made', () => {
  const refused = { code: 'refused', message: 'bastion: too many logins', hint: 'MaxStartups' } as const;

  it('never fails the host, is told once, and tried again', async () => {
    let allowed = 2;
    admit(() => allowed, refused);
    await apply(project([bastion(4)], [web]));
    await clock.advance(60_000);
    expect(states()).toEqual({ bastion: 'connected', web: 'open' });
    expect(engine.outcome()).toBe('open');
    expect(warnings()).toEqual(['bastion: 2 of its 4 SSH connections are up: too many logins']);
    expect(events.findLast(({ type }) => type === 'warning')).toMatchObject({
      hint: 'MaxStartups; it is tried again, and meanwhile the others carry all',
    });
    allowed = 4;
    await clock.advance(60_000);
    expect(count()).toEqual({ connections: 4, connections_wanted: 4 });
    allowed = 3;
    live()[3]?.cut(lost);
    await clock.advance(60_000);
    expect(warnings()).toHaveLength(3);
  });

  it('waits at least as long as the server asks for', async () => {
    admit(() => 1, { ...refused, retryAfterMs: 15_000 });
    await apply(project([bastion(2)], [web]));
    await clock.advance(14_999);
    expect(network.log.filter((line) => line === 'refused bastion')).toHaveLength(1);
  });

  it('because of a login is not tried again until the user did something', async () => {
    let allowed = 1;
    admit(() => allowed, { code: 'auth-rejected', message: 'bastion: permission denied' });
    const desired = project([bastion(3)], [web]);
    await apply(desired);
    await clock.advance(3_600_000);
    // One went ahead, and the other was spared the same.
    expect(network.log.filter((line) => line === 'refused bastion')).toHaveLength(1);
    expect(warnings()).toEqual(['bastion: 1 of its 3 SSH connections is up: permission denied']);
    expect(states()).toEqual({ bastion: 'connected', web: 'open' });
    allowed = 3;
    await apply(desired);
    expect(count()).toEqual({ connections: 3, connections_wanted: 3 });
  });

  it('is tried alone until it is up, and the others follow', async () => {
    let allowed = 1;
    admit(() => allowed, refused);
    await apply(project([bastion(8)], [web]));
    for (let minute = 0; minute < 10; minute += 1) {
      const before = network.log.length;
      await clock.advance(clock.pending()[0] ?? 0);
      await settle();
      expect(network.log.length - before).toBeLessThanOrEqual(1);
    }
    allowed = 8;
    await clock.advance(30_000);
    await settle();
    expect(count()).toEqual({ connections: 8, connections_wanted: 8 });
  });

  it('is not tried beside the first one, where that is rejected too', async () => {
    let allowed = 1;
    admit(() => allowed, { code: 'auth-rejected', message: 'bastion: permission denied' });
    const desired = project([bastion(3)], [web]);
    await apply(desired);
    allowed = 0;
    live()[0]?.cut(lost);
    await settle();
    await clock.advance(1_000);
    expect(states()).toMatchObject({ bastion: 'failed' });
    network.log.length = 0;
    await apply(desired);
    engine.resume(['web']);
    await apply(project([bastion(2)], [web]));
    expect(network.log).toEqual(['refused bastion', 'refused bastion']);
  });

  it('gets another chance when the host comes back', async () => {
    let allowed = 1;
    admit(() => allowed, { code: 'auth-rejected', message: 'bastion: permission denied' });
    await apply(project([bastion(2)], [web]));
    allowed = 2;
    live()[0]?.cut(lost);
    await settle();
    await clock.advance(250);
    await settle();
    expect(count()).toEqual({ connections: 2, connections_wanted: 2 });
  });

  it('is not told of where it is up a moment later', async () => {
    let refusals = 1;
    const { connect } = network;
    network.connect = async (request) => {
      if (live().length === 1 && refusals-- > 0) throw new FailureError(refused);
      return connect(request);
    };
    clock.chance = 0.1;
    await apply(project([bastion(3)], [web]));
    await clock.advance(1_000);
    expect(count()).toMatchObject({ connections: 3 });
    expect(warnings()).toEqual([]);
  });
});

describe('logging in', () => {
  const withPassword = (): void => {
    const { connect } = network;
    network.connect = async (request) => {
      const answer = await request.asker.secret(
        { host: 'bastion', user: 'deploy', kind: 'password', prompt: 'Password: ', echo: false, keyFile: null, source: { prompt: true } },
        request.signal,
      );
      if (answer === null) throw new FailureError({ code: 'auth-rejected', message: 'bastion: permission denied' });
      return connect(request);
    };
  };

  it('the user is asked once', async () => {
    withPassword();
    await apply(project([bastion(4)], [web]));
    expect(count()).toEqual({ connections: 4, connections_wanted: 4 });
    expect(asked).toBe(1);
    live()[0]?.cut(lost);
    live()[0]?.cut(lost);
    await settle();
    await clock.advance(1_000);
    await settle();
    expect(count()).toEqual({ connections: 4, connections_wanted: 4 });
    expect(asked).toBe(1);
  });

  it('a host with one connection keeps no answer: more connections by a reload cannot be made, and say so', async () => {
    withPassword();
    await apply(project([bastion(1)], [web]));
    await apply(project([bastion(3)], [web]));
    await clock.advance(1_000);
    expect(asked).toBe(1);
    expect(warnings()).toEqual(['bastion: 1 of its 3 SSH connections is up: permission denied']);
  });
});

describe('a reload', () => {
  it('from one to four touches nothing that is open', async () => {
    await apply(project([bastion(1)], [web, door]));
    const clients = await arrivals(2);
    network.log.length = 0;
    expect(await apply(project([bastion(4)], [web, door]))).toBe('~ host bastion: connections 1 → 4 (in-place)');
    expect(network.log).toEqual(['connect bastion:22', 'connect bastion:22', 'connect bastion:22']);
    expect(openOnes(clients)).toEqual([true, true]);
    await arrivals(3);
    expect(live().map(({ dialled }) => dialled.length)).toEqual([2, 1, 1, 1]);
  });

  it('from four to one: what carries nothing ends at once, the others with their last connection, however long that is', async () => {
    await apply(project([bastion(4)], [web, door]));
    const clients = await arrivals(2);
    network.log.length = 0;
    await apply(project([bastion(1)], [web, door]));
    expect(network.log).toEqual(['end bastion', 'end bastion']);
    expect(count()).toEqual({ connections: 1, connections_wanted: 1 });
    await clock.advance(3_600_000);
    expect(openOnes(clients)).toEqual([true, true]);
    await arrivals(2);
    expect(live().map(({ dialled }) => dialled.length)).toEqual([3, 1]);
    clients[1]?.destroy();
    await settle();
    expect(live()).toHaveLength(1);
    expect(openOnes(clients)).toEqual([true, false]);
    expect(warnings()).toEqual([]);
  });

  it('from four to one while the further ones are being dialled ends the dials', async () => {
    network.tcpTransport = () => (signal) =>
      live().length === 0
        ? Promise.resolve(new PassThrough())
        : new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }));
    await apply(project([bastion(4)], [web]));
    await apply(project([bastion(1)], [web]));
    expect(live()).toHaveLength(1);
    await apply(project([bastion(2)], [web]));
    expect(count()).toEqual({ connections: 1, connections_wanted: 2 });
  });

  it('one that leaves and dies takes what it carried with it', async () => {
    await apply(project([bastion(2)], [web]));
    const clients = await arrivals(2);
    await apply(project([bastion(1)], [web]));
    live()[1]?.cut(lost);
    await settle();
    expect(openOnes(clients)).toEqual([true, false]);
    expect(states()).toEqual({ bastion: 'connected', web: 'open' });
  });

  it('of the address dials all anew, and lets the old ones retire', async () => {
    await apply(project([bastion(3)], [web]));
    const clients = await arrivals(1);
    await apply(project([bastion(3, { port: 2222 })], [web]));
    expect(network.log.filter((line) => line === 'connect bastion:2222')).toHaveLength(3);
    expect(live()).toHaveLength(4);
    expect(openOnes(clients)).toEqual([true]);
    clients[0]?.destroy();
    await settle();
    expect(live()).toHaveLength(3);
  });

  it('of the keepalive is set on each', async () => {
    await apply(project([bastion(3)], [web]));
    await apply(project([bastion(3, { keepalive: { intervalMs: 7, count: 1 } })], [web]));
    expect(network.log.filter((line) => line === 'keepalive bastion 7')).toHaveLength(3);
  });
});

describe('leaving', () => {
  it('a host that nobody wants drops all, and comes back with all', async () => {
    const lazy: TunnelSpec = { ...web, start: 'on-demand', idleTimeoutMs: 60_000 };
    await apply(project([bastion(3)], [lazy]));
    expect(live()).toEqual([]);
    const client = await arrive();
    expect(live()).toHaveLength(3);
    client.destroy();
    await settle();
    await clock.advance(61_000);
    await settle();
    expect(states()).toEqual({ bastion: 'idle', web: 'idle' });
    expect(live()).toEqual([]);
    await arrive();
    expect(live()).toHaveLength(3);
  });

  it('a stop ends those that were on their way out as well, after the drain', async () => {
    await apply(project([bastion(2)], [{ ...web, drainMs: 5_000 }]));
    await arrivals(2);
    await apply(project([bastion(1)], [{ ...web, drainMs: 5_000 }]));
    const stopped = engine.stop(null);
    await clock.advance(4_999);
    expect(live()).toHaveLength(2);
    await clock.advance(2);
    await stopped;
    expect(live()).toEqual([]);
  });
});

describe('through a host', () => {
  const inner = hostSpec('inner', { via: ['bastion'], connections: 2 });

  it('each connection of the inner one goes over another of the outer one', async () => {
    await apply(project([bastion(2), inner], [{ ...web, hosts: ['inner'] }]));
    await settle();
    expect(live().map(({ dialled }) => dialled)).toEqual([['inner.example.com:22'], ['inner.example.com:22']]);
    expect(live('inner')).toHaveLength(2);
  });

  it('the inner one waits only when all of the outer one are gone', async () => {
    await apply(project([bastion(2), inner], [{ ...web, hosts: ['inner'] }]));
    await settle();
    live()[1]?.cut(lost);
    live('inner')[1]?.cut({ code: 'connection-lost', message: 'inner: the server closed the connection' });
    await settle();
    expect(states()).toEqual({ bastion: 'connected', inner: 'connected', web: 'open' });
    await clock.advance(1_000);
    await settle();
    expect([live().length, live('inner').length]).toEqual([2, 2]);
    for (const each of [...live('inner'), ...live()]) each.cut(lost);
    await settle();
    expect(states()).toEqual({ bastion: 'backoff', inner: 'waiting', web: 'reconnecting' });
  });

  it('silence of all of the outer one is one cause, though one of them is found out before the others', async () => {
    const back = tunnelSpec('back', { type: 'remote', ingress: tcp('localhost', 82) });
    await apply(project([bastion(3), inner], [{ ...web, hosts: ['inner'] }, back]));
    await settle();
    events.length = 0;
    const silent = { code: 'keepalive-timeout', message: 'bastion: no answer to keepalives for 2 s' } as const;
    const [first, ...others] = live();
    const { listenOnHost } = network;
    // It moves to another connection of the host, which dies under it.
    network.listenOnHost = async (on, address, options) => {
      const how = await on.connection.closed;
      if (how) throw new FailureError(how);
      return listenOnHost(on, address, options);
    };
    for (const each of others)
      each.doubt = () => {
        setImmediate(() => each.cut({ ...silent, message: 'bastion: no answer to keepalives for 1 s' }));
        return true;
      };
    const carried = { code: 'connection-lost', message: `inner: connection lost: ${silent.message}` } as const;
    first?.cut(silent);
    for (const each of live('inner')) each.cut(carried);
    await settle();
    expect(states()).toEqual({ bastion: 'backoff', inner: 'waiting', web: 'reconnecting', back: 'reconnecting' });
    const told = events.flatMap((event) =>
      (event.type === 'host-state' || event.type === 'tunnel-state') && event.failure
        ? [`${event.subject.name} ${event.failure.code}`]
        : [],
    );
    expect(told).toEqual(['bastion keepalive-timeout']);
  });
});

it('after a sleep each connection is asked, and those that do not answer are replaced', async () => {
  await apply(project([bastion(3)], [web]));
  const clients = await arrivals(3);
  const [first, second] = live();
  for (const dead of [first, second])
    if (dead)
      dead.ping = async () => {
        throw new FailureError({ code: 'keepalive-timeout', message: 'bastion does not answer' });
      };
  await engine.probe();
  await settle();
  expect(openOnes(clients)).toEqual([false, false, true]);
  expect(states()).toEqual({ bastion: 'connected', web: 'open' });
  expect(count()).toEqual({ connections: 3, connections_wanted: 3 });
});

it('whatever is cut, refused or asked for: the host is up while one is, a listener is open on a live connection only, all come back', async () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('cut' as const), which: fc.nat(15) }),
    fc.record({ do: fc.constant('resize' as const), which: fc.integer({ min: 1, max: 6 }) }),
    fc.record({ do: fc.constant('refuse' as const), which: fc.nat(1) }),
    fc.record({ do: fc.constant('arrive' as const), which: fc.nat(15) }),
    fc.record({ do: fc.constant('leave' as const), which: fc.nat(15) }),
    fc.record({ do: fc.constant('wait' as const), which: fc.nat(5_000) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      let size = 3;
      const clients: PassThrough[] = [];
      await apply(project([bastion(size)], [web, door]));
      for (const { do: what, which } of steps) {
        if (what === 'cut') live()[which % Math.max(1, live().length)]?.cut(lost);
        if (what === 'refuse') network.refuse('bastion', which === 1 ? { code: 'refused', message: 'bastion: no' } : null);
        if (what === 'arrive' && states()['web'] === 'open') clients.push(await arrive());
        if (what === 'leave') clients[which % Math.max(1, clients.length)]?.destroy();
        if (what === 'wait') await clock.advance(which);
        if (what === 'resize') await apply(project([bastion((size = which))], [web, door]));
        await settle();
        const [host] = engine.snapshot().hosts;
        expect(host?.state === 'connected').toBe((host?.connections ?? 0) > 0);
        expect(states()['web'] === 'open').toBe(host?.state === 'connected');
        const listening = live().filter((each) => each.listening.has('bastion localhost:9000'));
        expect(listening.length).toBe(states()['door'] === 'open' ? 1 : 0);
        const carrying = clients.filter((client) => !client.destroyed).length;
        expect(engine.snapshot().tunnels[0]?.connections).toBe(carrying);
      }
      network.refuse('bastion', null);
      await clock.advance(120_000);
      await settle();
      expect(states()).toEqual({ bastion: 'connected', web: 'open', door: 'open' });
      expect(count()).toEqual({ connections: size, connections_wanted: size });
      for (const client of clients) client.destroy();
      await settle();
      expect(live()).toHaveLength(size);
      await apply(null);
      await settle();
      expect(live()).toEqual([]);
      expect(clock.pending()).toEqual([]);
    }),
    { numRuns: 200 },
  );
});
