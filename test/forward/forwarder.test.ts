import { once } from 'node:events';
import { duplexPair, type Duplex } from 'node:stream';
import { beforeEach, describe, expect, test } from 'vitest';
import { formatAddress, tcp, type Address } from '../../src/core/address.ts';
import type { EventBody } from '../../src/core/event.ts';
import { FailureError, type FailureCode } from '../../src/core/failure.ts';
import type { Client, Dial } from '../../src/forward/client.ts';
import { Forwarder, type ForwarderOptions } from '../../src/forward/forwarder.ts';
import { flush, manualClock, type ManualClock } from '../helpers/clock.ts';

let clock: ManualClock;
let events: EventBody[];

beforeEach(() => {
  clock = manualClock();
  events = [];
});

const forwarder = (options: Partial<ForwarderOptions> = {}): Forwarder =>
  new Forwarder({
    name: 'web',
    mode: 'direct',
    egress: tcp('web-server', 80),
    parkMs: 10_000,
    maxConnections: 1024,
    allow: [],
    allowTargets: [],
    drainMs: 10_000,
    clock,
    notify: (body) => events.push(body),
    ...options,
  });

interface Visitor extends Client {
  /** The far end of the client's stream: what the person has in hand. */
  readonly hand: Duplex;
  readonly fate: 'waiting' | 'accepted' | 'refused';
}

function visitor(address = '10.0.0.7'): Visitor {
  const [near, hand] = duplexPair();
  for (const stream of [near, hand]) stream.on('error', () => {});
  let fate: Visitor['fate'] = 'waiting';
  return {
    origin: { address, port: 5000 },
    accept: () => {
      fate = 'accepted';
      return near;
    },
    refuse: () => {
      fate = 'refused';
      near.destroy();
    },
    hand,
    get fate() {
      return fate;
    },
  };
}

/** A dial to targets that are in our own hands. */
function targets(): { dial: Dial; hands: Duplex[]; asked: string[]; failWith: FailureCode | null } {
  const state = {
    hands: [] as Duplex[],
    asked: [] as string[],
    failWith: null as FailureCode | null,
    dial: async (target: Address) => {
      state.asked.push(formatAddress(target));
      if (state.failWith) throw new FailureError({ code: state.failWith, message: `no ${formatAddress(target)}` });
      const [near, hand] = duplexPair();
      for (const stream of [near, hand]) stream.on('error', () => {});
      state.hands.push(hand);
      return near;
    },
  };
  return state;
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await flush();
}

const types = (): string[] => events.map((event) => event.type);

describe('Forwarder, direct', () => {
  test('joins a client to the egress, counts and tells', async () => {
    const far = targets();
    const it = forwarder();
    it.setDial(far.dial);
    const client = visitor();
    client.hand.write('early');
    it.accept(client);
    await settled();
    expect(client.fate).toBe('accepted');
    expect(far.asked).toEqual(['web-server:80']);
    expect(far.hands[0]?.read()?.toString()).toBe('early');
    far.hands[0]?.end('answer');
    await settled();
    expect(client.hand.read()?.toString()).toBe('answer');
    expect(it.stats()).toMatchObject({ connections: 1, totalConnections: 1, rxBytes: 6, txBytes: 5 });
    client.hand.resume();
    client.hand.end();
    far.hands[0]?.resume();
    await settled();
    expect(it.stats()).toMatchObject({ connections: 0, totalConnections: 1, rxBytes: 6, txBytes: 5 });
    expect(events).toEqual([
      { type: 'connection-opened', from: '10.0.0.7:5000', target: 'web-server:80' },
      { type: 'connection-closed', from: '10.0.0.7:5000', target: 'web-server:80', rxBytes: 6, txBytes: 5 },
    ]);
  });

  test.each<FailureCode>(['target-refused', 'target-unreachable', 'target-forbidden', 'timeout'])(
    'a target that fails with %s is the failure of that client only, which is never accepted',
    async (code) => {
      const far = targets();
      const it = forwarder();
      it.setDial(far.dial);
      far.failWith = code;
      const unlucky = visitor();
      it.accept(unlucky);
      await settled();
      expect(unlucky.fate).toBe('refused');
      expect(events).toMatchObject([{ type: 'connection-failed', target: 'web-server:80', failure: { code } }]);
      expect(it.stats()).toMatchObject({ connections: 0, waiting: 0, totalConnections: 0, failedConnections: 1 });
      far.failWith = null;
      const next = visitor();
      it.accept(next);
      await settled();
      expect(next.fate).toBe('accepted');
    },
  );

  test('clients are parked while the connection is down, and served when it is back', async () => {
    const far = targets();
    let woken = 0;
    const it = forwarder({ onParked: () => (woken += 1) });
    const client = visitor();
    it.accept(client);
    await clock.advance(9_999);
    expect(client.fate).toBe('waiting');
    expect(it.stats()).toMatchObject({ waiting: 1, connections: 0 });
    expect(woken).toBe(1);
    it.setDial(far.dial);
    await settled();
    expect(client.fate).toBe('accepted');
    expect(clock.pending()).toEqual([]);
  });

  test('a parked client is refused when its time is over', async () => {
    const it = forwarder({ parkMs: 300 });
    const client = visitor();
    it.accept(client);
    await clock.advance(300);
    await settled();
    expect(client.fate).toBe('refused');
    expect(events).toEqual([{ type: 'connection-refused', from: '10.0.0.7:5000', why: 'park-timeout' }]);
    expect(it.stats()).toMatchObject({ waiting: 0, refusedConnections: 1 });
  });

  test.each(['connection-lost', 'keepalive-timeout'] as const)('%s while dialling sends the client back to waiting', async (code) => {
    const dead = targets();
    dead.failWith = code;
    const far = targets();
    const it = forwarder();
    it.setDial(dead.dial);
    const client = visitor();
    it.accept(client);
    await settled();
    expect(client.fate).toBe('waiting');
    expect(dead.asked).toHaveLength(1);
    it.setDial(null);
    it.setDial(far.dial);
    await settled();
    expect(client.fate).toBe('accepted');
    expect(events.map((event) => event.type)).toEqual(['connection-opened']);
  });

  test('a new egress is for new connections, open ones stay', async () => {
    const far = targets();
    const it = forwarder();
    it.setDial(far.dial);
    const old = visitor();
    it.accept(old);
    await settled();
    it.retarget(tcp('other', 81));
    it.accept(visitor());
    await settled();
    expect(far.asked).toEqual(['web-server:80', 'other:81']);
    old.hand.write('still');
    await settled();
    expect(far.hands[0]?.read()?.toString()).toBe('still');
  });

  test('a parked client gets the egress of the time it is served', async () => {
    const far = targets();
    const it = forwarder();
    it.accept(visitor());
    it.retarget(tcp('other', 81));
    it.setDial(far.dial);
    await settled();
    expect(far.asked).toEqual(['other:81']);
  });

  test('max_connections refuses more, counting those that wait, and update() changes it in place', async () => {
    const it = forwarder({ maxConnections: 2 });
    const crowd = [visitor(), visitor(), visitor()];
    for (const each of crowd) it.accept(each);
    expect(crowd.map((each) => each.fate)).toEqual(['waiting', 'waiting', 'refused']);
    expect(events).toMatchObject([{ type: 'connection-refused', why: 'max-connections' }]);
    it.update({ maxConnections: 3 });
    const late = visitor();
    it.accept(late);
    expect(late.fate).toBe('waiting');
  });

  test('allow refuses others, and a client without an address passes', () => {
    const it = forwarder({ allow: ['10.0.0.0/8'] });
    const [inside, outside] = [visitor('10.1.2.3'), visitor('192.168.0.9')];
    const local = { ...visitor(), origin: null };
    for (const each of [inside, outside, local]) it.accept(each);
    expect([inside.fate, outside.fate]).toEqual(['waiting', 'refused']);
    expect(events).toEqual([{ type: 'connection-refused', from: '192.168.0.9:5000', why: 'allow' }]);
    it.update({ allow: ['192.168.0.0/16'] });
    const again = visitor('192.168.0.9');
    it.accept(again);
    expect(again.fate).toBe('waiting');
  });

  test('drain refuses the new and the parked, waits for the open, and resolves when they ended', async () => {
    const far = targets();
    const it = forwarder();
    it.setDial(far.dial);
    const open = visitor();
    it.accept(open);
    await settled();
    it.setDial(null);
    const parked = visitor();
    it.accept(parked);
    let drained = false;
    void it.drain(5_000).then(() => (drained = true));
    await settled();
    const late = visitor();
    it.accept(late);
    expect([parked.fate, late.fate]).toEqual(['refused', 'refused']);
    expect(events.slice(1)).toMatchObject([{ why: 'draining' }, { why: 'draining' }]);
    expect(drained).toBe(false);
    for (const hand of [open.hand, far.hands[0]!]) {
      hand.resume();
      hand.end();
    }
    await settled();
    expect(drained).toBe(true);
    expect(clock.pending()).toEqual([]);
  });

  test('drain closes what is left when its time is over, and at once when called again with 0', async () => {
    for (const how of ['timer', 'again'] as const) {
      const far = targets();
      const it = forwarder();
      it.setDial(far.dial);
      const open = visitor();
      it.accept(open);
      await settled();
      const drained = it.drain(5_000);
      if (how === 'timer') await clock.advance(5_000);
      else await it.drain(0);
      await drained;
      expect(it.stats()).toMatchObject({ connections: 0, waiting: 0 });
    }
  });

  test('closeConnections cuts the open ones and leaves the parked', async () => {
    const far = targets();
    const it = forwarder();
    it.setDial(far.dial);
    const open = visitor();
    it.accept(open);
    await settled();
    it.setDial(null);
    const parked = visitor();
    it.accept(parked);
    const closed = once(open.hand, 'close').catch(() => {});
    it.closeConnections(true);
    await settled();
    open.hand.resume();
    await settled();
    expect(it.stats()).toMatchObject({ connections: 0, waiting: 1 });
    expect(types()).toContain('connection-closed');
    open.hand.destroy();
    await closed;
  });

  test('a dial under way is stopped by a drain', async () => {
    let aborted = false;
    const it = forwarder();
    it.setDial(
      (_target, _origin, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            aborted = true;
            reject(new FailureError({ code: 'target-unreachable', message: 'stopped' }));
          });
        }),
    );
    const client = visitor();
    it.accept(client);
    await settled();
    await it.drain(0);
    expect(aborted).toBe(true);
    expect(client.fate).toBe('refused');
  });

  test('a drain in the turn of the arrival refuses the client before anything is dialled', async () => {
    const far = targets();
    const it = forwarder();
    it.setDial(far.dial);
    const client = visitor();
    it.accept(client);
    await it.drain(0);
    expect(far.asked).toEqual([]);
    expect(client.fate).toBe('refused');
  });
});

describe('Forwarder, proxy', () => {
  const SOCKS5_TO_DB = Buffer.from([5, 1, 0, 5, 1, 0, 3, 2, 0x64, 0x62, 0x15, 0x38]); // db:5432

  test('dials what the client asks for, and keeps what it sent early', async () => {
    const far = targets();
    const it = forwarder({ mode: 'proxy', egress: null });
    it.setDial(far.dial);
    const client = visitor();
    it.accept(client);
    client.hand.write(Buffer.concat([SOCKS5_TO_DB, Buffer.from('early')]));
    await settled();
    expect(far.asked).toEqual(['db:5432']);
    expect(client.hand.read()).toEqual(Buffer.from([5, 0, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0]));
    expect(far.hands[0]?.read()?.toString()).toBe('early');
    expect(events).toEqual([{ type: 'connection-opened', from: '10.0.0.7:5000', target: 'db:5432' }]);
  });

  test('allow_targets forbids with the protocol’s own code, before anything is dialled', async () => {
    const far = targets();
    const it = forwarder({ mode: 'proxy', egress: null, allowTargets: ['web:80'] });
    it.setDial(far.dial);
    const client = visitor();
    it.accept(client);
    client.hand.write(SOCKS5_TO_DB);
    await settled();
    expect(far.asked).toEqual([]);
    expect((client.hand.read() as Buffer)[3]).toBe(2);
    expect(events).toMatchObject([{ type: 'connection-failed', target: 'db:5432', failure: { code: 'target-forbidden' } }]);
  });

  test('parks before it accepts', async () => {
    const it = forwarder({ mode: 'proxy', egress: null });
    const client = visitor();
    it.accept(client);
    await settled();
    expect(client.fate).toBe('waiting');
    it.setDial(targets().dial);
    await settled();
    expect(client.fate).toBe('accepted');
  });

  test('a client that says nothing is closed after 10 s', async () => {
    const it = forwarder({ mode: 'proxy', egress: null });
    it.setDial(targets().dial);
    it.accept(visitor());
    await settled();
    await clock.advance(10_000);
    await settled();
    expect(events).toMatchObject([{ type: 'connection-failed', failure: { message: expect.stringContaining('in time') } }]);
    expect(it.stats()).toMatchObject({ waiting: 0, failedConnections: 1 });
  });
});
