import { duplexPair, type Duplex } from 'node:stream';
import { describe, expect, test, vi } from 'vitest';
import { formatAddress, tcp, type Address } from '../../src/core/address.ts';
import { FailureError, isFailureError, type Failure, type FailureCode } from '../../src/core/failure.ts';
import type { Client } from '../../src/forward/client.ts';
import { dialFromHost, listenOnHost, type RemoteListenOptions } from '../../src/forward/remote.ts';
import type { Connection, RemoteClient } from '../../src/ssh/connection.ts';
import { flush } from '../helpers/clock.ts';

/** A host whose addresses are in our own hands: `lands` are those at which its one listener answers. */
class FakeHost {
  lands: readonly string[] = ['127.0.0.1'];
  /** Before a dial answers. */
  gate: Promise<void> = Promise.resolve();
  /** Where somebody else listens, who sends back what it is sent, or says nothing. */
  foreign: Readonly<Record<string, 'echoes' | 'is silent'>> = {};
  refusal: FailureCode = 'target-refused';
  denial: FailureCode | null = null;
  readonly closes = vi.fn();
  #onClient: ((client: RemoteClient) => void) | null = null;

  readonly connection = {
    serverVersion: 'SSH-2.0-fake',
    remoteAddress: null,
    listen: async (at: Address, onClient: (client: RemoteClient) => void) => {
      if (this.denial) throw new FailureError({ code: this.denial, message: 'no' });
      this.#onClient = onClient;
      return { bound: at.kind === 'tcp' && at.port === 0 ? tcp(at.host, 45_000) : at, close: async () => this.closes() };
    },
    dial: async (target: Address) => {
      await this.gate;
      const foreign = target.kind === 'tcp' ? this.foreign[target.host] : undefined;
      if (foreign !== undefined) {
        const [there, hand] = duplexPair();
        if (foreign === 'echoes') there.pipe(there);
        return hand;
      }
      if (target.kind !== 'tcp' || !this.lands.includes(target.host)) throw new FailureError({ code: this.refusal, message: 'no' });
      return this.visit().hand;
    },
  } as unknown as Connection;

  /** Somebody connects to the listener. */
  visit(): { hand: Duplex; refuse: () => void; accepted: () => boolean } {
    const [near, hand] = duplexPair();
    for (const stream of [near, hand]) stream.on('error', () => {});
    const refuse = vi.fn();
    let accepted = false;
    setImmediate(() =>
      this.#onClient?.({
        origin: { address: '203.0.113.5', port: 1234 },
        destination: tcp('localhost', 8080),
        accept: () => {
          accepted = true;
          return near;
        },
        refuse,
      }),
    );
    return { hand, refuse, accepted: () => accepted };
  }
}

const options = (onClient: (client: Client) => void, more: Partial<RemoteListenOptions> = {}): RemoteListenOptions => ({
  host: 'gateway',
  expose: false,
  onClient,
  signal: new AbortController().signal,
  ...more,
});

async function failureOf(promise: Promise<unknown>): Promise<Failure> {
  const error: unknown = await promise.then(
    () => null,
    (problem: unknown) => problem,
  );
  if (!isFailureError(error)) throw new Error('it did not fail as it should');
  return error.failure;
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await flush();
}

describe('listenOnHost', () => {
  test('tells where it is, with the allocated port, and the probes are nobody’s clients', async () => {
    const host = new FakeHost();
    const clients: Client[] = [];
    const listener = await listenOnHost(
      host.connection,
      tcp('localhost', 0),
      options((client) => clients.push(client)),
    );
    expect(formatAddress(listener.bound)).toBe('127.0.0.1:45000');
    expect(listener.proof).toBe('proven');
    await settled();
    expect(clients).toEqual([]);
  });

  test('no listener is left on a signal: one on a combined signal keeps the whole connection in memory', async () => {
    const added = vi.spyOn(AbortSignal.prototype, 'addEventListener');
    const removed = vi.spyOn(AbortSignal.prototype, 'removeEventListener');
    try {
      await listenOnHost(
        new FakeHost().connection,
        tcp('localhost', 8080),
        options(() => {}),
      );
      const gone = removed.mock.calls.map(([, listener]) => listener);
      expect(added.mock.calls.length).toBeGreaterThan(0);
      expect(added.mock.calls.filter(([, listener]) => !gone.includes(listener))).toEqual([]);
    } finally {
      vi.restoreAllMocks();
    }
  });

  test('clients that come meanwhile are kept, with their first bytes', async () => {
    const host = new FakeHost();
    let letGo: () => void = () => {};
    host.gate = new Promise((resolve) => {
      letGo = resolve;
    });
    const clients: Client[] = [];
    const listening = listenOnHost(
      host.connection,
      tcp('localhost', 8080),
      options((client) => clients.push(client)),
    );
    await settled();
    const [talker, silent, lookalike] = [host.visit(), host.visit(), host.visit()];
    talker.hand.write('GET / HTTP/1.1');
    lookalike.hand.write('\0tunnels');
    await settled();
    expect(clients).toHaveLength(1); // whoever says something that is no probe need not wait
    letGo();
    await listening;
    await settled();
    expect(clients).toHaveLength(3);
    expect(clients[0]?.origin).toEqual({ address: '203.0.113.5', port: 1234 });
    expect(clients[0]?.accept().read()?.toString()).toBe('GET / HTTP/1.1');
    const [second, third] = clients.slice(1).map((client) => client.accept());
    silent.hand.write('late');
    lookalike.hand.write(', not a probe');
    await settled();
    expect([second?.read()?.toString(), third?.read()?.toString()].sort()).toEqual(['\0tunnels, not a probe', 'late']);
  });

  test('once it is known where it is, clients are not accepted for them', async () => {
    const host = new FakeHost();
    const clients: Client[] = [];
    await listenOnHost(
      host.connection,
      tcp('localhost', 8080),
      options((client) => clients.push(client)),
    );
    const late = host.visit();
    await settled();
    expect(late.accepted()).toBe(false);
    clients[0]?.refuse();
    expect(late.refuse).toHaveBeenCalled();
  });

  test.each([
    ['localhost', ['127.0.0.1', '127.0.0.2'], false, /asked for localhost:8080, but sshd of gateway listens on all interfaces/],
    ['*', ['127.0.0.1'], true, /asked for \*:8080, but sshd of gateway listens on loopback only/],
  ])('a listener for %s that is found at %j is let go of', async (asked, lands, expose, message) => {
    const host = new FakeHost();
    host.lands = lands;
    const failed = await failureOf(
      listenOnHost(
        host.connection,
        tcp(asked, 8080),
        options(() => {}, { expose }),
      ),
    );
    expect(failed).toMatchObject({
      code: 'bind-denied',
      message: expect.stringMatching(message),
      hint: expect.stringContaining('GatewayPorts'),
    });
    expect(host.closes).toHaveBeenCalledOnce();
  });

  test.each(['echoes', 'is silent'] as const)('a port whose IPv4 half is somebody’s who %s is in use', async (manner) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const host = new FakeHost();
      host.lands = ['::1'];
      host.foreign = { '127.0.0.1': manner };
      const failing = failureOf(
        listenOnHost(
          host.connection,
          tcp('localhost', 8080),
          options(() => {}),
        ),
      );
      await settled();
      if (manner === 'is silent') await vi.advanceTimersByTimeAsync(1_500);
      expect(await failing).toMatchObject({
        code: 'remote-forward-denied',
        message: 'port 8080 on gateway is in use by another process: sshd got it on ::1 only',
      });
      expect(host.closes).toHaveBeenCalledOnce();
    } finally {
      vi.useRealTimers();
    }
  });

  test('one that cannot be proven passes, and says why', async () => {
    const host = new FakeHost();
    host.lands = [];
    host.refusal = 'target-forbidden';
    const listener = await listenOnHost(
      host.connection,
      tcp('localhost', 8080),
      options(() => {}),
    );
    expect(listener).toMatchObject({ proof: 'unverified', reason: expect.stringContaining('PermitOpen') });
  });

  test('a connection that is lost while it is tried is told as that', async () => {
    const host = new FakeHost();
    host.lands = [];
    host.refusal = 'connection-lost';
    expect(
      await failureOf(
        listenOnHost(
          host.connection,
          tcp('localhost', 8080),
          options(() => {}),
        ),
      ),
    ).toMatchObject({ code: 'connection-lost' });
    expect(host.closes).toHaveBeenCalledOnce();
  });

  test('an abort lets go of it', async () => {
    const host = new FakeHost();
    const stop = new AbortController();
    host.gate = new Promise((resolve) => stop.signal.addEventListener('abort', () => resolve()));
    const listening = failureOf(
      listenOnHost(
        host.connection,
        tcp('localhost', 8080),
        options(() => {}, { signal: stop.signal }),
      ),
    );
    await settled();
    stop.abort();
    expect((await listening).code).toBe('connection-lost');
    expect(host.closes).toHaveBeenCalledOnce();
  });

  test.each<[port: number, lands: string[], refusal: FailureCode, message: RegExp, hint: RegExp]>([
    [8080, ['127.0.0.1'], 'target-refused', /port 8080 on gateway is in use/, /ClientAliveInterval/],
    [8080, [], 'target-refused', /refused to listen on localhost:8080/, /nothing listens there, so sshd forbids it.*PermitListen/],
    [8080, [], 'target-forbidden', /refused to listen/, /in use there, or sshd forbids it/],
    [80, [], 'target-refused', /below 1024 need root/, /1024 or above.*AllowTcpForwarding/],
    [0, [], 'target-refused', /refused to listen on localhost:0/, /AllowTcpForwarding/],
  ])('a denial of port %i is explained (%j, %s)', async (port, lands, refusal, message, hint) => {
    const host = new FakeHost();
    host.denial = 'remote-forward-denied';
    host.lands = lands;
    host.refusal = refusal;
    const failed = await failureOf(
      listenOnHost(
        host.connection,
        tcp('localhost', port),
        options(() => {}),
      ),
    );
    expect(failed).toMatchObject({
      code: 'remote-forward-denied',
      message: expect.stringMatching(message),
      hint: expect.stringMatching(hint),
    });
  });

  describe('refused where it listened before its connection was lost', () => {
    const earlier = { lostMsAgo: () => 12_000, addressChanged: false };
    const listening = (host: FakeHost, more: Partial<RemoteListenOptions> = {}) =>
      listenOnHost(
        host.connection,
        tcp('localhost', 8080),
        options(() => {}, { earlier, ...more }),
      );

    test('a session that goes when it is touched is waited for, and then it listens', async () => {
      const host = new FakeHost();
      host.denial = 'remote-forward-denied';
      const [dead, hand] = duplexPair();
      dead.on('error', () => {});
      let touched = 0;
      const dial = host.connection.dial;
      host.connection.dial = async (target, how) => {
        if (!host.denial) return dial(target, how);
        touched += 1;
        return hand;
      };
      const listener = listening(host);
      await settled();
      expect(touched).toBe(1);
      host.denial = null;
      dead.end();
      expect((await listener).bound).toEqual(tcp('127.0.0.1', 8080));
    });

    test('one that is free by then is taken at once', async () => {
      const host = new FakeHost();
      host.lands = [];
      let refusals = 0;
      const listen = host.connection.listen;
      host.connection.listen = async (at, onClient) => {
        refusals += 1;
        if (refusals > 1) return listen(at, onClient);
        throw new FailureError({ code: 'remote-forward-denied', message: 'no' });
      };
      host.connection.dial = async () => {
        throw new FailureError({ code: 'target-refused', message: 'no' });
      };
      expect(await listening(host)).toMatchObject({ proof: 'unverified' });
      expect(refusals).toBe(2);
    });

    test.each([
      [false, /a packet tells it.*ClientAliveInterval 15/],
      [true, /The address this machine had then is gone.*only its ClientAliveInterval.*ClientAliveInterval 15/],
    ])('one that stays is said to be our own (address changed: %s)', async (addressChanged, hint) => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      try {
        const host = new FakeHost();
        host.denial = 'remote-forward-denied';
        host.foreign = { '127.0.0.1': 'is silent' };
        const failed = failureOf(listening(host, { earlier: { ...earlier, addressChanged } }));
        await settled();
        await vi.advanceTimersByTimeAsync(10_000);
        expect(await failed).toMatchObject({
          code: 'remote-forward-denied',
          message: 'port 8080 on gateway is still held, probably by our own session that was lost 12 s ago',
          hint: expect.stringMatching(hint),
        });
      } finally {
        vi.useRealTimers();
      }
    });

    test('one that is stopped meanwhile is not waited for', async () => {
      const host = new FakeHost();
      host.denial = 'remote-forward-denied';
      host.foreign = { '127.0.0.1': 'is silent' };
      const stop = new AbortController();
      const failed = failureOf(listening(host, { signal: stop.signal }));
      await settled();
      stop.abort();
      expect((await failed).code).toBe('remote-forward-denied');
    });
  });

  test('other failures of listening pass as they are', async () => {
    const host = new FakeHost();
    host.denial = 'timeout';
    expect(
      await failureOf(
        listenOnHost(
          host.connection,
          tcp('localhost', 1),
          options(() => {}),
        ),
      ),
    ).toMatchObject({ code: 'timeout', message: 'no' });
  });
});

test('dialFromHost passes the origin and the signal on', async () => {
  const dial = vi.fn(async () => duplexPair()[0]);
  const connection = { dial } as unknown as Connection;
  const { signal } = new AbortController();
  await dialFromHost(connection)(tcp('web', 80), { address: '10.0.0.1', port: 5 }, signal);
  await dialFromHost(connection)(tcp('web', 80), null, signal);
  expect(dial.mock.calls).toEqual([
    [tcp('web', 80), { origin: { address: '10.0.0.1', port: 5 }, signal }],
    [tcp('web', 80), { signal }],
  ]);
});
