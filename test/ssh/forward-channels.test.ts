import { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import type { Client } from 'ssh2';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { tcp, unix, type Address } from '../../src/core/address.ts';
import { lostError } from '../../src/ssh/channel-stream.ts';
import { ClosingChannels } from '../../src/ssh/closing-channels.ts';
import type { ChannelEvents } from '../../src/ssh/flow.ts';
import { ForwardChannels, type Incoming } from '../../src/ssh/forward-channels.ts';
import type { ForwardStream } from '../../src/ssh/forward-stream.ts';
import { LinkEstimate } from '../../src/ssh/link-estimate.ts';
import { flush } from '../helpers/clock.ts';
import { FakeLink, fakeWire, type FakeWire } from '../helpers/fake-wire.ts';

let wire: FakeWire | null = null;
let heard: ChannelEvents | null = null;

vi.mock(import('../../src/ssh/flow.ts'), async (original) => ({
  ...(await original()),
  takeChannels: (_client, events) => {
    heard = events;
    return wire;
  },
}));

interface Scene {
  readonly channels: ForwardChannels;
  readonly wire: FakeWire;
  readonly server: ChannelEvents;
  readonly client: EventEmitter;
  readonly estimate: LinkEstimate;
}

let scene: Scene;
afterEach(() => scene.channels.lose(lostError('over')));
beforeEach(() => {
  const link = new FakeLink();
  wire = fakeWire(link);
  const estimate = new LinkEstimate();
  const client = new EventEmitter();
  const channels = ForwardChannels.over(client as Client, { transport: link, link: estimate, closing: new ClosingChannels() });
  if (!channels || !heard) throw new Error('not taken over');
  scene = { channels, wire, server: heard, client, estimate };
});

const ORIGIN = { address: '10.0.0.1', port: 4_000 };
const PEER = { id: 7, window: 1_000, packetSize: 100 };

interface Asked {
  readonly id: number;
  stream: ForwardStream | null;
  refusal: [number, string] | null;
  answers: number;
}

function ask(target: Address = tcp('db', 5_432)): Asked {
  const { channels, wire: said } = scene;
  const asked: Asked = { id: 0, stream: null, refusal: null, answers: 0 };
  const opened = channels.open(target, ORIGIN, {
    opened: (stream) => {
      asked.stream = stream;
      asked.answers += 1;
    },
    refused: (reason, description) => {
      asked.refusal = [reason, description];
      asked.answers += 1;
    },
  });
  expect(opened).toBe(true);
  return Object.assign(asked, { id: said.said.at(-1)?.id ?? -1 });
}

function opened(): Asked & { readonly stream: ForwardStream } {
  const asked = ask();
  scene.server.opened(asked.id, PEER);
  if (!asked.stream) throw new Error('not opened');
  return asked as Asked & { readonly stream: ForwardStream };
}

const words = (): string[] => scene.wire.said.map(({ what, id }) => `${what} ${id}`);
const closedStream = (stream: Duplex): Promise<unknown> => new Promise((resolve) => stream.once('close', resolve));

test('without the internals of ssh2 there is none, and nothing waits for the connection', () => {
  wire = null;
  const [client, link] = [new EventEmitter(), new FakeLink()];
  expect(ForwardChannels.over(client as Client, { transport: link, link: new LinkEstimate(), closing: new ClosingChannels() })).toBeNull();
  expect([link.listenerCount('drain'), client.eventNames()]).toEqual([0, []]);
});

describe('opened from here', () => {
  test.each([
    [tcp('db', 5_432), 'openTcp', { srcIP: '10.0.0.1', srcPort: 4_000, dstIP: 'db', dstPort: 5_432 }],
    [tcp('*', 80), 'openTcp', { srcIP: '10.0.0.1', srcPort: 4_000, dstIP: 'localhost', dstPort: 80 }],
    [unix('/run/s'), 'openUnix', '/run/s'],
  ] as const)('%j is asked for by %s, with a window', (target, what, to) => {
    ask(target);
    expect(scene.wire.said).toMatchObject([{ what, value: 256 * 1024, to }]);
  });

  test('the server says yes: a stream with its window and its largest packet', async () => {
    const { stream, id } = opened();
    expect(id).toBe(100);
    stream.write(Buffer.alloc(5_000));
    await flush();
    const sent = scene.wire.said.filter(({ what }) => what === 'data');
    expect(sent.map(({ data }) => data.length)).toEqual(Array.from({ length: 10 }, () => 100));
    expect(sent.every((each) => each.id === PEER.id)).toBe(true);
  });

  test('a server that takes packets of any size gets none that others would wait behind', async () => {
    const asked = ask();
    scene.server.opened(asked.id, { id: 7, window: 0xffff_ffff, packetSize: 0xffff_ffff });
    asked.stream?.write(Buffer.alloc(300 * 1024));
    await flush();
    expect(Math.max(...scene.wire.said.map(({ data }) => data.length))).toBe(32 * 1024);
  });

  test.each([
    ['refuses', (id: number) => scene.server.refused(id, 1, 'not you'), [1, 'not you']],
    ['closes what it never opened', (id: number) => scene.server.closed(id), [2, 'the server closed the channel']],
  ] as const)('the server %s: the reason, and the number is free', (_how, say, reason) => {
    const asked = ask();
    expect(say(asked.id)).toBe(true);
    expect([asked.refusal, asked.stream, asked.answers]).toEqual([reason, null, 1]);
    expect(scene.wire.reserved.size).toBe(0);
    // Said twice it means nothing, and it is not ours any more.
    expect(say(asked.id)).toBe(false);
    expect(scene.server.opened(asked.id, PEER)).toBe(false);
    expect(asked.answers).toBe(1);
  });

  test('no number left: said at once, and nothing asked', () => {
    scene.wire.numbers = 1;
    ask();
    const never = { opened: () => expect.unreachable(), refused: () => expect.unreachable() };
    expect(scene.channels.open(tcp('x', 1), ORIGIN, never)).toBe(false);
    expect(words()).toEqual(['openTcp 100']);
  });

  test('nobody waits any more when the server says yes: the channel is closed, and its number free when the server has closed it', async () => {
    const asked = ask();
    // As the connection does with a dial that timed out.
    scene.server.opened(asked.id, PEER);
    asked.stream?.destroy();
    await closedStream(asked.stream as Duplex);
    expect(words().slice(1)).toEqual(['close 7']);
    expect(scene.wire.reserved.size).toBe(1);
    scene.server.data(asked.id, Buffer.from('too late'));
    expect(scene.server.closed(asked.id)).toBe(true);
    expect(scene.wire.reserved.size).toBe(0);
    expect(scene.server.closed(asked.id)).toBe(false);
  });

  test('the time it took shows that the link is shorter than was thought, never that it is longer', () => {
    scene.estimate.sample(60_000, 0);
    opened();
    expect(scene.estimate.rttMs).toBeLessThan(30_000);
  });
});

describe('what the server says of a channel', () => {
  test('goes to that channel and no other', async () => {
    const [one, other] = [opened(), opened()];
    const read: string[] = [];
    one.stream.on('data', (data) => read.push(`one ${String(data)}`));
    other.stream.on('data', (data) => read.push(`other ${String(data)}`));
    expect(scene.server.data(other.id, Buffer.from('x'))).toBe(true);
    expect(scene.server.data(one.id, Buffer.from('y'))).toBe(true);
    expect(scene.server.ended(one.id)).toBe(true);
    await flush();
    expect(read.toSorted()).toEqual(['one y', 'other x']);
    expect([one.stream.readableEnded, other.stream.readableEnded]).toEqual([true, false]);
  });

  test('that is none of ours is left to ssh2, as is one that is only asked for', () => {
    const asked = ask();
    for (const id of [asked.id, 5, 0xffff_ffff]) {
      const { server } = scene;
      const answers = [
        server.data(id, Buffer.from('x')),
        server.extendedData(id, 1),
        server.adjusted(id, 1),
        server.requested(id, true),
        server.ended(id),
      ];
      expect(answers).toEqual([false, false, false, false, false]);
    }
    expect(words()).toEqual(['openTcp 100']);
    expect(scene.server.opened(asked.id, PEER)).toBe(true);
  });

  test('is nothing after it was closed', () => {
    const { id } = opened();
    expect(scene.server.closed(id)).toBe(true);
    const { server } = scene;
    expect([server.data(id, Buffer.from('x')), server.adjusted(id, 1), server.ended(id), server.closed(id)]).toEqual([
      false,
      false,
      false,
      false,
    ]);
    expect(scene.wire.reserved.size).toBe(0);
  });

  test('a yes that is said twice changes nothing', () => {
    const { id, stream } = opened();
    expect(scene.server.opened(id, { ...PEER, id: 99 })).toBe(false);
    stream.destroy();
    expect(words().at(-1)).toBe('close 7');
  });

  test('a question is answered no where an answer is wanted', () => {
    const { id } = opened();
    expect([scene.server.requested(id, false), scene.server.requested(id, true)]).toEqual([true, true]);
    expect(words().slice(1)).toEqual(['deny 7']);
  });

  test('is answered, where somebody has to be told of its arrival, by an adjustment of what room there is', async () => {
    scene.channels.answer();
    expect(words()).toEqual([]);
    const [gone, { id, stream }] = [opened(), opened()];
    gone.stream.destroy();
    scene.server.closed(gone.id);
    stream.resume();
    const before = scene.channels.sentMessages;
    scene.channels.answer();
    scene.server.data(id, Buffer.alloc(1_000));
    await flush();
    scene.channels.answer();
    scene.wire.keys = true;
    scene.channels.answer();
    expect(scene.wire.said.slice(before).map(({ what, id: channel, value }) => [what, channel, value])).toEqual([
      ['adjust', 7, 0],
      ['adjust', 7, 1_000],
    ]);
  });

  test('too much data, data of another kind, window beyond measure: that channel is closed or goes on, the others do not notice', async () => {
    const [hostile, flooded, honest] = [opened(), opened(), opened()];
    const outcome = new Promise<Error>((resolve) => hostile.stream.once('error', resolve));
    for (let piece = 0; piece < 9; piece += 1) scene.server.data(hostile.id, Buffer.alloc(32 * 1024));
    for (let piece = 0; piece < 100; piece += 1) scene.server.extendedData(flooded.id, 32 * 1024);
    for (let piece = 0; piece < 100; piece += 1) scene.server.adjusted(honest.id, 0xffff_ffff);
    expect((await outcome).message).toContain('more than it was allowed');
    await flush();
    expect([hostile.stream.destroyed, flooded.stream.destroyed, honest.stream.destroyed]).toEqual([true, true, false]);
    honest.stream.write('still here');
    await flush();
    expect(scene.wire.said.at(-1)).toMatchObject({ what: 'data', id: 7, data: Buffer.from('still here') });
  });
});

describe('opened by the server', () => {
  const CHANNEL = {
    type: 'forwarded-tcpip',
    sender: 31,
    window: 1_000,
    packetSize: 50,
    data: { destIP: 'localhost', destPort: 1, srcIP: '1.2.3.4', srcPort: 5 },
  };

  function arrive(): Incoming {
    let incoming: Incoming | null = null;
    scene.channels.onOpening = (each) => {
      incoming = each;
      return true;
    };
    expect(scene.server.opening(CHANNEL)).toBe(true);
    if (!incoming) throw new Error('nobody came');
    return incoming;
  }

  test('is left to ssh2, which refuses it, where nobody registered it', () => {
    expect(scene.server.opening(CHANNEL)).toBe(false);
    expect([words(), scene.wire.reserved.size]).toEqual([[], 0]);
  });

  test('is accepted: with a window, and a stream that ends at the server’s', async () => {
    const incoming = arrive();
    expect([incoming.channel, words(), scene.wire.reserved.size]).toEqual([CHANNEL, [], 0]);
    const stream = incoming.accept();
    expect(scene.wire.said).toMatchObject([{ what: 'confirm', id: 31, value: 100, to: 256 * 1024 }]);
    stream.write('hello');
    await flush();
    expect(words().at(-1)).toBe('data 31');
    scene.server.data(100, Buffer.from('answer'));
    expect(String(await new Promise((resolve) => stream.once('data', resolve)))).toBe('answer');
  });

  test('is refused: no number is taken', () => {
    arrive().refuse();
    expect(scene.wire.said).toMatchObject([{ what: 'refuse', id: 31, value: 2 }]);
    expect(scene.wire.reserved.size).toBe(0);
  });

  test('without a number left: it is refused, and whoever waits is given a destroyed stream', () => {
    scene.wire.numbers = 0;
    expect(arrive().accept().destroyed).toBe(true);
    expect(scene.wire.said).toMatchObject([{ what: 'refuse', id: 31 }]);
  });

  test('accepted or refused after the connection is lost: a destroyed stream, and nothing said of it', () => {
    const [first, second] = [arrive(), arrive()];
    scene.channels.lose(lostError('gone'));
    expect(first.accept().destroyed).toBe(true);
    second.refuse();
    expect(words().filter((word) => word.startsWith('confirm'))).toEqual([]);
    expect(scene.wire.reserved.size).toBe(0);
  });
});

describe('when the connection is lost', () => {
  test('every channel ends, those asked for are forgotten, and it may be said twice', async () => {
    const [one, other] = [opened(), opened()];
    const asked = ask();
    const errors: unknown[] = [];
    for (const { stream } of [one, other]) stream.on('error', (error: NodeJS.ErrnoException) => errors.push(error.code));
    scene.channels.lose(lostError('gone'));
    scene.channels.lose(lostError('gone'));
    await flush();
    expect(errors).toEqual(['ECONNRESET', 'ECONNRESET']);
    expect(asked.answers).toBe(0);
    expect(scene.server.opened(asked.id, PEER)).toBe(false);
    expect(words()).toEqual(['openTcp 100', 'openTcp 101', 'openTcp 102']);
  });
});

describe('what is promised of the memory for a channel is given back when it', () => {
  const MIB = 1 << 20;
  const arrived = (): Duplex => {
    let stream: Duplex | null = null;
    scene.channels.onOpening = (incoming) => {
      stream = incoming.accept();
      return true;
    };
    scene.server.opening({ type: 'forwarded-tcpip', sender: 31, window: 1_000, packetSize: 50, data: {} });
    if (!stream) throw new Error('nobody came');
    return stream;
  };
  const idOf = (): number => [...scene.wire.reserved].at(-1) ?? -1;

  const lose = (): void => scene.channels.lose(lostError('gone'));
  const ways: readonly (readonly [string, () => unknown])[] = [
    ['is refused', () => scene.server.refused(ask().id, 1, 'no')],
    ['is closed before it was opened', () => scene.server.closed(ask().id)],
    ['is asked for when the connection is lost', () => [ask(), lose()]],
    ['is destroyed here, whether the server closes it or not', () => opened().stream.destroy()],
    ['is closed by the server', () => scene.server.closed(opened().id)],
    ['is open when the connection is lost', () => [opened(), lose()]],
    ['was opened by the server, which closes it', () => [arrived(), scene.server.closed(idOf())]],
    ['was opened by the server, and is destroyed here', () => arrived().destroy()],
  ];
  const longLink = (): void => void (scene.estimate.rttMs = 100);

  test.each(ways)('%s', async (_how, goesAway) => {
    // 256 MiB are 68 windows of a long link.
    for (let round = 0; round < 200; round += 1) {
      longLink();
      goesAway();
    }
    await flush();
    scene.wire.said.length = 0;
    longLink();
    ask();
    expect(scene.wire.said[0]?.value).toBe(4 * MIB);
  });
});

test('while keys are exchanged no data is sent; it goes when they are, in order', async () => {
  const { stream } = opened();
  scene.wire.keys = true;
  for (const word of ['one', 'two', 'three']) stream.write(word);
  stream.end();
  await flush();
  expect(words()).toEqual(['openTcp 100']);
  scene.wire.keys = false;
  scene.client.emit('handshake');
  await flush();
  expect(Buffer.concat(scene.wire.said.map(({ data }) => data)).toString()).toBe('onetwothree');
  expect(words().at(-1)).toBe('eof 7');
});

test('what was sent is counted over all channels', async () => {
  const [one, other] = [opened(), opened()];
  one.stream.write(Buffer.alloc(300));
  other.stream.write(Buffer.alloc(5_000));
  await flush();
  expect(scene.channels.sentBytes).toBe(1_300);
});

describe('the round trip of a link that does not seem to be short is asked for in the middle of traffic', () => {
  type Callback = (answer: unknown) => void;
  /** What ssh2 has sent once a connection was heard from over a link of that round trip, and waits to be answered. */
  const heardOver = (...roundTrips: readonly number[]): Callback[] => {
    const sent: Callback[] = [];
    const { id } = opened();
    Object.assign(scene.client, { _callbacks: sent, _protocol: { ping: () => undefined } });
    for (const rttMs of roundTrips) {
      scene.estimate.rttMs = rttMs;
      scene.server.data(id, Buffer.alloc(10));
    }
    return sent;
  };

  test('and what it took at most is what it is', () => {
    const sent = heardOver(35);
    expect(sent).toHaveLength(1);
    sent[0]?.(false);
    expect(scene.estimate.rttMs).toBeLessThan(35);
  });

  test('not by a connection that ends before the answer', () => {
    heardOver(35)[0]?.(new Error('gone'));
    expect(scene.estimate.rttMs).toBe(35);
  });

  test('not of one that is short, nor sooner than it is time', () => {
    expect(heardOver(0.2, 35, 35)).toHaveLength(1);
  });

  test('nor while keys are exchanged', () => {
    scene.wire.keys = true;
    expect(heardOver(35)).toEqual([]);
  });
});
