import { KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect, type Socket } from 'node:net';
import ssh2, { type Channel, type Client } from 'ssh2';
import { afterEach, describe, expect, test } from 'vitest';
import {
  holdToWindows,
  keepsNoInput,
  onAuthFailure,
  tuneCiphers,
  peerFinished,
  sendPing,
  takeChannels,
  wholePackets,
  type ChannelEvents,
  type ChannelWire,
  type OpeningChannel,
} from '../../src/ssh/flow.ts';
import { startRawServer, type RawClient } from '../helpers/raw-ssh-server.ts';
import { hasAddon } from '../helpers/ssh2-addon.ts';
import { until } from '../helpers/wait.ts';

const undo: (() => void)[] = [];
afterEach(() => {
  for (const work of undo.splice(0).reverse()) work();
});

interface Pair {
  readonly client: Client;
  readonly server: RawClient;
  readonly socket: Socket;
}

/** A client of the pinned ssh2, logged in; nothing of ours is under it. */
async function meet(config: { cipher?: string; compress?: boolean } = {}): Promise<Pair> {
  const server = await startRawServer();
  const socket = connect(server.port, '127.0.0.1');
  const client = new ssh2.Client();
  undo.push(() => {
    socket.destroy();
    server.stop();
  });
  client.on('error', () => {});
  const ready = new Promise((resolve) => client.once('ready', () => resolve(null)));
  client.connect({
    sock: socket,
    username: 'me',
    hostVerifier: () => true,
    algorithms: {
      cipher: [(config.cipher ?? 'aes128-gcm@openssh.com') as 'aes128-ctr'],
      compress: [config.compress ? 'zlib@openssh.com' : 'none'],
    },
  });
  await ready;
  return { client, socket, server: await server.client() };
}

type Called = readonly [name: keyof ChannelEvents, ...args: unknown[]];

/** Every event, in order; `ours` tells which channels we answer for. */
function listening(ours: (id: number) => boolean): { events: ChannelEvents; called: Called[] } {
  const called: Called[] = [];
  const on =
    (name: keyof ChannelEvents) =>
    (...args: readonly unknown[]): boolean => {
      // Data may lie where the next is read to.
      called.push([name, ...args.map((arg) => (Buffer.isBuffer(arg) ? Buffer.from(arg) : arg))]);
      return ours(typeof args[0] === 'number' ? args[0] : (args[0] as OpeningChannel).sender);
    };
  const names = ['opening', 'opened', 'refused', 'data', 'extendedData', 'adjusted', 'requested', 'ended', 'closed'] as const;
  return { called, events: Object.fromEntries(names.map((name) => [name, on(name)])) as unknown as ChannelEvents };
}

const taken = (client: Client, ours: (id: number) => boolean = () => true): { wire: ChannelWire; called: Called[] } => {
  const { events, called } = listening(ours);
  const wire = takeChannels(client, events);
  if (!wire) throw new Error('the internals are not as expected');
  return { wire, called };
};

type Loose = Record<string, unknown>;
const inside = (
  client: Client,
): { _protocol: Loose & { _handlers: Loose; _cipher: Loose; _decipher: Loose }; _chanMgr: Loose; _callbacks: unknown[] } => client as never;

/** RFC 4254 §5: what ssh2 has to have, and how many arguments each takes. */
const METHODS = {
  directTcpip: 4,
  openssh_directStreamLocal: 4,
  channelOpenConfirm: 4,
  channelOpenFail: 3,
  channelData: 2,
  channelEOF: 1,
  channelClose: 1,
  channelWindowAdjust: 2,
  channelFailure: 1,
  ping: 0,
};
const HANDLERS = {
  CHANNEL_OPEN: 2,
  CHANNEL_OPEN_CONFIRMATION: 2,
  CHANNEL_OPEN_FAILURE: 4,
  CHANNEL_DATA: 3,
  CHANNEL_EXTENDED_DATA: 4,
  CHANNEL_WINDOW_ADJUST: 3,
  CHANNEL_REQUEST: 5,
  CHANNEL_EOF: 2,
  CHANNEL_CLOSE: 2,
  USERAUTH_FAILURE: 3,
};

describe('the ssh2 that is installed', () => {
  test('is the version that is pinned, to the digit', () => {
    const pinned = (JSON.parse(readFileSync('package.json', 'utf8')) as { dependencies: Record<string, string> }).dependencies['ssh2'];
    expect(pinned).toMatch(/^\d+\.\d+\.\d+$/);
    expect((createRequire(import.meta.url)('ssh2/package.json') as { version: string }).version).toBe(pinned);
  });

  test('has every internal that is used, and each takes what it is given', async () => {
    const { client } = await meet();
    const { _protocol: protocol, _chanMgr: numbers, _callbacks: callbacks } = inside(client);
    const arity = (of: Loose, names: object): Record<string, unknown> =>
      Object.fromEntries(Object.keys(names).map((name) => [name, (of[name] as { length?: unknown } | undefined)?.length]));
    expect(arity(protocol, METHODS)).toEqual(METHODS);
    expect(arity(protocol._handlers, HANDLERS)).toEqual(HANDLERS);
    expect(Array.isArray(callbacks)).toBe(true);
    expect('_kexinit' in protocol).toBe(true);
    const [first, second] = [(numbers['add'] as () => number)(), (numbers['add'] as () => number)()];
    expect([typeof first, typeof second, first === second]).toEqual(['number', 'number', false]);
    expect((numbers['get'] as (id: number) => unknown)(first)).toBe(true);
    expect((numbers['remove'] as (id: number) => void)(first)).toBeUndefined();
  });
});

describe('takeChannels', () => {
  test('says every message as RFC 4254 has it', async () => {
    const { client, server } = await meet();
    const { wire } = taken(client);
    wire.openTcp(7, 1_000, { srcIP: '10.0.0.1', srcPort: 2, dstIP: 'db', dstPort: 5432 });
    wire.openUnix(8, 2_000, '/run/s');
    wire.confirm(9, 1, 3_000);
    wire.refuse(10, 2);
    wire.data(11, Buffer.from('hello'));
    wire.adjust(12, 4_000_000_000);
    wire.deny(13);
    wire.eof(14);
    wire.close(15);
    await server.until('CLOSE');
    const said = server.heard.map(({ what, id, sender, window, packetSize, value, data, open }) => {
      if (open) return [what, id, window, packetSize, open];
      if (what === 'OPEN_CONFIRMATION') return [what, id, sender, window, packetSize];
      return [what, id, value || data.toString()];
    });
    const packet = 32 * 1024;
    expect(said).toEqual([
      ['OPEN', 7, 1_000, packet, { type: 'direct-tcpip', data: { srcIP: '10.0.0.1', srcPort: 2, destIP: 'db', destPort: 5432 } }],
      ['OPEN', 8, 2_000, packet, { type: 'direct-streamlocal@openssh.com', data: { socketPath: '/run/s' } }],
      ['OPEN_CONFIRMATION', 9, 1, 3_000, packet],
      ['OPEN_FAILURE', 10, 2],
      ['DATA', 11, 'hello'],
      ['WINDOW_ADJUST', 12, 4_000_000_000],
      ['FAILURE', 13, ''],
      ['EOF', 14, ''],
      ['CLOSE', 15, ''],
    ]);
  });

  test('hears every message about channels, as RFC 4254 has it', async () => {
    const { client, server } = await meet();
    const { called } = taken(client);
    server.say('OPEN', 'forwarded-tcpip', 20, 21, 22, 'here', 23, 'there', 24);
    server.say('OPEN', 'forwarded-streamlocal@openssh.com', 25, 26, 27, '/run/s', '');
    server.say('OPEN_CONFIRMATION', 1, 2, 3, 4);
    server.say('OPEN_FAILURE', 5, 1, 'not you', 'en');
    server.say('DATA', 6, 'bytes');
    server.say('EXTENDED_DATA', 7, 1, 'oops');
    server.say('WINDOW_ADJUST', 8, 0xffff_ffff);
    server.say('REQUEST', 9, 'keepalive@openssh.com', true);
    server.say('REQUEST', 9, 'keepalive@openssh.com', false);
    server.say('EOF', 10);
    server.say('CLOSE', 11);
    await until(() => called.length === 11, { what: 'all of it' });
    expect(called).toEqual([
      [
        'opening',
        {
          type: 'forwarded-tcpip',
          sender: 20,
          window: 21,
          packetSize: 22,
          data: { destIP: 'here', destPort: 23, srcIP: 'there', srcPort: 24 },
        },
      ],
      ['opening', { type: 'forwarded-streamlocal@openssh.com', sender: 25, window: 26, packetSize: 27, data: { socketPath: '/run/s' } }],
      ['opened', 1, { id: 2, window: 3, packetSize: 4 }],
      ['refused', 5, 1, 'not you'],
      ['data', 6, Buffer.from('bytes')],
      ['extendedData', 7, 4],
      ['adjusted', 8, 0xffff_ffff],
      ['requested', 9, true],
      ['requested', 9, false],
      ['ended', 10],
      ['closed', 11],
    ]);
  });

  test('leaves to ssh2 what is not ours: its own channels go on, and one nobody registered is refused', async () => {
    const { client, server } = await meet();
    taken(client, () => false);
    const channel = new Promise<Channel>((resolve, reject) => {
      client.forwardOut('127.0.0.1', 1, 'x', 2, (error, opened) => (error ? reject(error) : resolve(opened)));
    });
    const { id } = await server.until('OPEN');
    server.say('OPEN_CONFIRMATION', id, 70, 1_000, 1_000);
    server.say('DATA', id, 'for ssh2');
    const stream = await channel;
    expect(String(await new Promise((resolve) => stream.once('data', resolve)))).toBe('for ssh2');
    expect(peerFinished(stream)).toBe(false);
    server.say('EOF', id);
    await until(() => peerFinished(stream), { what: 'ssh2 to hear of the end' });
    stream.resume().end();
    server.say('CLOSE', id);
    await new Promise((resolve) => stream.once('close', resolve));
    expect(peerFinished(stream)).toBe(true);
    server.say('OPEN', 'forwarded-tcpip', 71, 1, 1, 'here', 1, 'there', 2);
    expect(await server.until('OPEN_FAILURE')).toMatchObject({ id: 71 });
  });

  test('a number that is ours means nothing to ssh2, whatever is said of it', async () => {
    const { client, server } = await meet();
    const { wire, called } = taken(client, () => false);
    const id = wire.reserve();
    server.say('DATA', id, 'x');
    server.say('EXTENDED_DATA', id, 1, 'x');
    server.say('WINDOW_ADJUST', id, 1);
    server.say('SUCCESS', id);
    server.say('FAILURE', id);
    server.say('REQUEST', id, 'keepalive@openssh.com', true);
    server.say('EOF', id);
    server.say('OPEN_CONFIRMATION', id, 1, 1, 1);
    server.say('CLOSE', id);
    await until(() => called.at(-1)?.[0] === 'closed', { what: 'the last of it' });
    expect(server.heard).toEqual([]);
    wire.release(id);
    expect(wire.reserve()).not.toBe(-1);
  });

  test('numbers are given once, and ssh2’s own channels have others', async () => {
    const { client, server } = await meet();
    const { wire } = taken(client, () => false);
    const reserved = [wire.reserve(), wire.reserve()];
    client.forwardOut('127.0.0.1', 1, 'x', 2, () => {});
    reserved.push((await server.until('OPEN')).id);
    wire.release(reserved[0] ?? 0);
    reserved.push(wire.reserve());
    expect(new Set(reserved.slice(1)).size).toBe(3);
  });

  test('tells when keys are exchanged; what is said meanwhile comes after, in order', async () => {
    const { client, server } = await meet();
    const { wire } = taken(client);
    expect(wire.exchangingKeys()).toBe(false);
    const done = new Promise((resolve) => client.once('handshake', resolve));
    server.rekey();
    await until(() => wire.exchangingKeys(), { what: 'the exchange to begin', every: 0 });
    for (const word of ['one', 'two', 'three']) wire.data(1, Buffer.from(word));
    wire.eof(1);
    await done;
    expect(wire.exchangingKeys()).toBe(false);
    await server.until('EOF');
    expect(server.received(1).toString()).toBe('onetwothree');
  });

  test.each([
    { compress: false, cipher: 'aes128-gcm@openssh.com' },
    { compress: true, cipher: 'aes128-gcm@openssh.com' },
    { compress: true, cipher: 'chacha20-poly1305@openssh.com' },
    { compress: true, cipher: 'aes128-ctr' },
  ])('on a connection that is gone nothing throws: $cipher, compressed $compress', async (config) => {
    for (const how of ['we destroy it', 'the server ends it'] as const) {
      const { client, socket, server } = await meet(config);
      const { wire } = taken(client);
      const errors: unknown[] = [];
      let rounds = 0;
      const all = (): void => {
        rounds += 1;
        wire.openTcp(1, 1, { srcIP: '::1', srcPort: 1, dstIP: 'x', dstPort: 1 });
        wire.openUnix(1, 1, '/s');
        wire.confirm(1, 1, 1);
        wire.refuse(1, 1);
        wire.data(1, Buffer.from('x'));
        wire.adjust(1, 1);
        wire.deny(1);
        wire.eof(1);
        wire.close(1);
        wire.release(wire.reserve());
        sendPing(client, () => {});
      };
      client.on('error', (error) => errors.push(error));
      client.on('end', all).on('close', all);
      const closed = new Promise((resolve) => client.once('close', () => resolve(null)));
      if (how === 'we destroy it') socket.destroy();
      else server.socket.end();
      all();
      await closed;
      all();
      expect(errors).toEqual([]);
      expect(rounds).toBe(how === 'we destroy it' ? 3 : 4);
    }
  });

  test('what goes wrong on a live connection ends it: a packet must not be missing', async () => {
    const { client } = await meet();
    const { wire } = taken(client);
    const failed = new Promise((resolve) => client.once('error', resolve));
    inside(client)._protocol['channelData'] = () => {
      throw new Error('out of order');
    };
    const again = takeChannels(client, listening(() => true).events);
    expect(() => again?.data(1, Buffer.from('x'))).not.toThrow();
    expect(await failed).toMatchObject({ message: 'out of order' });
    wire.close(1);
  });

  test.each([...Object.keys(METHODS), ...Object.keys(HANDLERS)].filter((name) => name !== 'ping' && name !== 'USERAUTH_FAILURE'))(
    'without %s it is null, and nothing was changed',
    async (missing) => {
      const { client } = await meet();
      const { _protocol: protocol } = inside(client);
      const without = missing.startsWith('CHANNEL_') ? protocol._handlers : protocol;
      without[missing] = undefined;
      const before = { ...protocol._handlers };
      expect(takeChannels(client, listening(() => true).events)).toBeNull();
      expect(protocol._handlers).toEqual(before);
    },
  );

  test.each(['_protocol', '_chanMgr', '_handlers', 'add', 'remove'])('without %s it is null', async (missing) => {
    const { client } = await meet();
    const { _protocol: protocol, _chanMgr: numbers } = inside(client);
    const handlers: Loose = { ...protocol._handlers };
    const parts: Loose = {
      _protocol: Object.assign(Object.create(protocol), { _handlers: missing === '_handlers' ? undefined : handlers }),
      _chanMgr: Object.assign(Object.create(numbers), { [missing]: undefined }),
    };
    const broken = Object.assign(Object.create(client), parts, missing in parts ? { [missing]: undefined } : {}) as Client;
    expect(takeChannels(broken, listening(() => true).events)).toBeNull();
  });
});

describe('holdToWindows', () => {
  /** A command of ssh2's own, which the server lets run. */
  async function session(packetBytes = 32 * 1024): Promise<Pair & { readonly id: number; readonly errors: string[] }> {
    const pair = await meet();
    holdToWindows(pair.client);
    const errors: string[] = [];
    pair.client.on('error', ({ message }) => errors.push(message));
    pair.client.exec('true', () => {});
    const { id } = await pair.server.until('OPEN');
    pair.server.say('OPEN_CONFIRMATION', id, 50, 1_000, packetBytes);
    return { ...pair, id, errors };
  }
  const WINDOW = 2 << 20;
  const PIECE = Buffer.alloc(32 * 1024);

  test.each([
    ['data', (server: RawClient, id: number, piece: Buffer) => server.say('DATA', id, piece)],
    ['errors', (server: RawClient, id: number, piece: Buffer) => server.say('EXTENDED_DATA', id, 1, piece)],
  ] as const)('all that it allows may come as %s, and not a byte more', async (_what, say) => {
    const { server, id, client, errors } = await session();
    // ssh2 grants more until its own buffer is full.
    const allowed = (): number => server.heard.reduce((sum, { what, value }) => (what === 'WINDOW_ADJUST' ? sum + value : sum), WINDOW);
    for (let sent = 0; sent < allowed(); ) {
      for (; sent < allowed(); sent += PIECE.length) say(server, id, PIECE);
      // The first answer comes when all of it was heard here, the second when the server has heard what we said to it.
      for (let ping = 0; ping < 2; ping += 1) expect(await new Promise((resolve) => sendPing(client, resolve))).toBe(true);
    }
    expect(errors).toEqual([]);
    say(server, id, Buffer.alloc(1));
    await until(() => errors.length > 0, { what: 'the error' });
    expect(errors).toEqual(['the server sent more than it was allowed to']);
  });

  test('a channel that takes no byte in a packet is none: ssh2 would never come back from writing to it', async () => {
    const { errors, server } = await session(0);
    await until(() => errors.length > 0, { what: 'the error' });
    server.say('OPEN', 'forwarded-tcpip', 20, 21, 0, 'here', 23, 'there', 24);
    await until(() => errors.length > 1, { what: 'the other error' });
    expect(errors).toEqual(['the server takes no data', 'the server takes no data']);
  });

  test('channels that are ours are none of its business', async () => {
    const { client, server } = await meet();
    holdToWindows(client);
    const { wire, called } = taken(client);
    const id = wire.reserve();
    server.say('DATA', id, PIECE);
    await until(() => called.length === 1, { what: 'the data' });
  });

  test.each([{}, { _chanMgr: {} }, { _protocol: { _handlers: {} } }, { _chanMgr: { get: () => {} }, _protocol: { _handlers: {} } }])(
    'without the internals it is as ssh2 has it: %o',
    (parts) => {
      const before = JSON.stringify(parts);
      holdToWindows(parts as unknown as Client);
      expect(JSON.stringify(parts)).toBe(before);
    },
  );
});

describe('sendPing', () => {
  test.each(['a yes', 'a no'])('%s of the server is an answer; asked in order', async (kind) => {
    const { client, server } = await meet();
    server.server.removeAllListeners('request');
    server.server.on('request', (accept, reject) => (kind === 'a yes' ? accept : reject)?.());
    const answers: [number, boolean][] = [];
    for (const id of [1, 2]) expect(sendPing(client, (answered) => answers.push([id, answered]))).toBe(true);
    await until(() => answers.length === 2, { what: 'the answers' });
    expect(answers).toEqual([
      [1, true],
      [2, true],
    ]);
  });

  test('at the end of the connection there is none', async () => {
    const { client, socket, server } = await meet();
    server.server.removeAllListeners('request');
    const answer = new Promise((resolve) => sendPing(client, resolve));
    socket.destroy();
    expect(await answer).toBe(false);
  });

  test.each(['_callbacks', '_protocol', 'ping'])('without %s nothing is sent and nobody called', async (missing) => {
    const { client } = await meet();
    const { _protocol: protocol } = inside(client);
    const parts: Loose = { _protocol: Object.assign(Object.create(protocol), { ping: undefined }) };
    const broken = Object.assign(Object.create(client), missing === 'ping' ? parts : { [missing]: undefined }) as Client;
    expect(
      sendPing(broken, () => {
        throw new Error('called');
      }),
    ).toBe(false);
  });
});

describe('onAuthFailure', () => {
  test('is told before ssh2 acts on it', async () => {
    const { client } = await meet();
    const { _handlers: handlers } = inside(client)._protocol;
    const order: unknown[] = [];
    handlers['USERAUTH_FAILURE'] = (...args: unknown[]) => order.push(args);
    onAuthFailure(client, (methods, partial) => order.push([methods, partial]));
    (handlers['USERAUTH_FAILURE'] as (...args: unknown[]) => void)('protocol', ['publickey', 'password'], true);
    expect(order).toEqual([
      [['publickey', 'password'], true],
      ['protocol', ['publickey', 'password'], true],
    ]);
  });

  test.each([{}, { _protocol: {} }, { _protocol: { _handlers: {} } }])('without the internals nothing happens: %o', (parts) => {
    onAuthFailure(parts as unknown as Client, () => {
      throw new Error('told');
    });
    expect(JSON.stringify(parts)).not.toContain('USERAUTH_FAILURE');
  });
});

/** As ssh2's, without what is asked of it. */
class AESGCMDecipherBinding {}

describe('keepsNoInput', () => {
  test.each([
    ['aes128-gcm@openssh.com', true],
    ['aes256-gcm@openssh.com', true],
    ['chacha20-poly1305@openssh.com', false],
    ['aes128-ctr', false],
  ])('%s: %s, with the addon from the second time on', async (cipher, kept) => {
    const { client } = await meet({ cipher });
    expect(keepsNoInput(client)).toBe(kept && !hasAddon);
    expect(keepsNoInput(client)).toBe(kept);
  });

  test('what it says is so: a packet is had whole though its piece of the socket is overwritten, wherever that is cut', async () => {
    const { client, server, socket } = await meet();
    const { called } = taken(client);
    const [ssh2s] = socket.listeners('data') as ((data: Buffer) => void)[];
    if (!ssh2s) throw new Error('ssh2 does not listen');
    socket.removeAllListeners('data');
    const memory = Buffer.alloc(40_000);
    let cuts = 0;
    socket.on('data', (data) => {
      for (let at = 0; at < data.length; cuts += 1) {
        const piece = memory.subarray(0, Math.min(1 + ((cuts * 37) % 97) * (cuts % 50 === 0 ? 400 : 1), data.length - at));
        at += data.copy(piece, 0, at);
        ssh2s.call(socket, piece);
        if (keepsNoInput(client)) piece.fill(0xff);
      }
    });
    // The first time the addon keeps what it is given.
    keepsNoInput(client);
    const words = Array.from({ length: 500 }, (_, each) => Buffer.alloc(1 + ((each * 977) % (each % 20 === 0 ? 32_000 : 200)), each));
    for (const word of words) server.say('DATA', 1, word);
    await until(() => called.length === words.length, { what: 'all of it' });
    expect(called.every(([, , data], at) => (data as Buffer).equals(words[at] ?? Buffer.alloc(0)))).toBe(true);
  });

  test('channels of ssh2’s own, which keep what they are given, are given copies', async () => {
    const { client, server } = await meet();
    keepsNoInput(client);
    taken(client, () => false);
    const given: Buffer[] = [];
    const handlers = inside(client)._protocol._handlers;
    const ours = handlers['CHANNEL_DATA'] as (...args: unknown[]) => void;
    const memories: ArrayBufferLike[] = [];
    handlers['CHANNEL_DATA'] = (self: unknown, id: unknown, data: Buffer): void => {
      memories.push(data.buffer);
      ours(self, id, data);
    };
    inside(client)._chanMgr['get'] = () => ({
      incoming: { state: 'open', window: 1 << 20, id: 1 },
      push: (data: Buffer) => given.push(data),
    });
    server.say('DATA', 1, Buffer.alloc(20_000, 7));
    await until(() => given.length === 1, { what: 'the data' });
    expect(given[0]?.equals(Buffer.alloc(20_000, 7))).toBe(true);
    expect(memories).not.toContain(given[0]?.buffer);
  });

  test.each([{}, { _protocol: {} }, { _protocol: { _decipher: new AESGCMDecipherBinding() } }])(
    'is no where it is unknown: %o',
    (parts) => {
      expect(keepsNoInput(parts as unknown as Client)).toBe(false);
    },
  );
});

describe('wholePackets', () => {
  /** Gives ssh2 what comes in pieces of `most` bytes at most, and keeps back what is said to be a part of a packet. */
  async function cutting(
    cipher: string,
    most: number,
  ): Promise<Pair & { called: readonly (readonly unknown[])[]; wire: ChannelWire; isBetween: boolean[]; keptBack: number }> {
    const pair = await meet({ cipher });
    const { client, socket } = pair;
    const { called, wire } = taken(client);
    const [ssh2s] = socket.listeners('data') as ((data: Buffer) => void)[];
    if (!ssh2s) throw new Error('ssh2 does not listen');
    socket.removeAllListeners('data');
    const result = { ...pair, called, wire, isBetween: [] as boolean[], keptBack: 0 };
    let rest: Buffer = Buffer.alloc(0);
    socket.on('data', (data: Buffer) => {
      for (let at = 0; at < data.length; at += most) {
        const piece = Buffer.concat([rest, data.subarray(at, at + most)]);
        const whole = wholePackets(client, piece);
        rest = piece.subarray(whole);
        result.keptBack += rest.length;
        if (whole === 0) continue;
        ssh2s.call(socket, piece.subarray(0, whole));
        if (rest.length > 0) result.isBetween.push(inside(client)._protocol._decipher['_lenBytes'] === 0);
      }
    });
    return result;
  }
  const words = Array.from({ length: 200 }, (_, each) => Buffer.alloc(1 + ((each * 977) % (each % 7 === 0 ? 32_000 : 300)), each));

  test.each([
    ['aes128-gcm@openssh.com', hasAddon],
    ['aes256-gcm@openssh.com', hasAddon],
    ['chacha20-poly1305@openssh.com', false],
    ['aes128-ctr', false],
  ])('%s: they are found, also behind new keys: %s', async (cipher, isFound) => {
    const scene = await cutting(cipher, 777);
    for (const word of words) scene.server.say('DATA', 1, word);
    await until(() => scene.called.length === words.length, { what: 'the data' });
    const renewed = new Promise((resolve) => scene.client.once('handshake', resolve));
    scene.server.rekey();
    await renewed;
    // The server, too, has them now.
    scene.wire.eof(1);
    await scene.server.until('EOF');
    for (const word of words) scene.server.say('DATA', 1, word);
    await until(() => scene.called.length === 2 * words.length, { what: 'the data behind new keys' });
    expect(scene.called.every(([, , data], at) => (data as Buffer).equals(words[at % words.length] ?? Buffer.alloc(0)))).toBe(true);
    expect(scene.keptBack > 0).toBe(isFound);
    expect(scene.isBetween).not.toContain(false);
  });

  test.runIf(hasAddon)('the rest of a packet that ssh2 has begun is one of them', async () => {
    const { client, socket, server } = await meet();
    const { called } = taken(client);
    const [ssh2s] = socket.listeners('data') as ((data: Buffer) => void)[];
    socket.removeAllListeners('data');
    const all: Buffer[] = [];
    socket.on('data', (data: Buffer) => all.push(data));
    server.say('DATA', 1, Buffer.alloc(500, 1));
    server.say('DATA', 1, Buffer.alloc(500, 2));
    await until(() => Buffer.concat(all).length > 1_000, { what: 'both' });
    const both = Buffer.concat(all);
    const first = wholePackets(client, both.subarray(0, -1));
    expect(first).toBeGreaterThan(500);
    expect(wholePackets(client, both)).toBe(both.length);
    for (const cut of [2, 4, 5, 300, first - 16, first - 3]) {
      expect([cut, wholePackets(client, both.subarray(0, cut))]).toEqual([cut, 0]);
    }
    ssh2s?.call(socket, both.subarray(0, 300));
    expect(wholePackets(client, both.subarray(300, first))).toBe(first - 300);
    expect(wholePackets(client, both.subarray(300, first + 100))).toBe(first - 300);
    expect(wholePackets(client, both.subarray(300, 400))).toBe(100);
    ssh2s?.call(socket, both.subarray(300, first - 3));
    expect(wholePackets(client, both.subarray(first - 3, first + 100))).toBe(3);
    ssh2s?.call(socket, both.subarray(first - 3, first + 2));
    // In the middle of a length.
    expect(wholePackets(client, both.subarray(first + 2))).toBe(both.length - first - 2);
    ssh2s?.call(socket, both.subarray(first + 2));
    expect(called).toHaveLength(2);
  });

  test.runIf(hasAddon).each([0, 15, 35_001, 0xffffffff])('where a length cannot be one (%d), all is for ssh2 to say so', async (length) => {
    const { client } = await meet();
    const data = Buffer.alloc(100);
    data.writeUInt32BE(length);
    expect(wholePackets(client, data)).toBe(100);
  });

  test.runIf(hasAddon)('while keys are exchanged all is given', async () => {
    const { client } = await meet();
    const data = Buffer.alloc(100, 1);
    data.writeUInt32BE(64);
    data.writeUInt32BE(64, 84);
    expect(wholePackets(client, data)).toBe(84);
    inside(client)._protocol['_kexinit'] = Buffer.alloc(1);
    expect(wholePackets(client, data)).toBe(100);
  });

  test.each([{}, { _protocol: {} }, { _protocol: { _decipher: new AESGCMDecipherBinding() } }])(
    'all is given where it is unknown: %o',
    (parts) => {
      expect(wholePackets(parts as unknown as Client, Buffer.alloc(50))).toBe(50);
    },
  );
});

const ANYWHERE = { take: (bytes: number): Buffer => Buffer.allocUnsafe(bytes) };

describe('tuneCiphers', () => {
  test('packets of every length are understood, before and after new keys', async () => {
    const { client, server } = await meet();
    const { wire } = taken(client);
    const { _protocol: protocol } = inside(client);
    client.on('handshake', () => tuneCiphers(client, ANYWHERE));
    const shape = (bytes: number): unknown[] => {
      const packet = (protocol._cipher['allocPacket'] as (bytes: number) => Buffer)(bytes);
      return [packet.length, packet.subarray(0, 5)];
    };
    const sizes = Array.from({ length: 40 }, (_, bytes) => bytes);
    const ssh2s = sizes.map(shape);
    tuneCiphers(client, ANYWHERE);
    expect(sizes.map(shape)).toEqual(ssh2s);
    for (const bytes of sizes) wire.data(1, Buffer.alloc(bytes, 1));
    const renewed = new Promise((resolve) => client.once('handshake', resolve));
    server.rekey();
    await renewed;
    expect(Object.hasOwn(protocol._cipher, 'allocPacket')).toBe(true);
    for (const bytes of sizes) wire.data(1, Buffer.alloc(bytes, 1));
    wire.eof(1);
    await server.until('EOF');
    expect(server.received(1)).toHaveLength(40 * 39);
  });

  test('no two packets have the same padding', async () => {
    const { client } = await meet();
    tuneCiphers(client, ANYWHERE);
    const alloc = inside(client)._protocol._cipher['allocPacket'] as (bytes: number) => Buffer;
    const paddings = Array.from({ length: 2_000 }, () => alloc(5).subarray(10).toString('hex'));
    expect(new Set(paddings).size).toBe(paddings.length);
  });

  test('node’s crypto is given its keys ready for use', async () => {
    const { client } = await meet();
    tuneCiphers(client, ANYWHERE);
    const { _cipher: cipher, _decipher: decipher } = inside(client)._protocol;
    const ready = [cipher['_encKey'], decipher['_decipherKey']].map((key) => key instanceof KeyObject);
    expect(ready).toEqual(hasAddon ? [false, false] : [true, true]);
  });

  test.each(['chacha20-poly1305@openssh.com', 'aes128-ctr'])('leaves %s alone', async (cipher) => {
    const { client } = await meet({ cipher });
    tuneCiphers(client, ANYWHERE);
    expect(Object.hasOwn(inside(client)._protocol._cipher, 'allocPacket')).toBe(false);
  });

  test.each([{}, { _protocol: {} }, { _protocol: { _cipher: {} } }])('does nothing where it is unknown: %o', (parts) => {
    const before = JSON.stringify(parts);
    tuneCiphers(parts as unknown as Client, ANYWHERE);
    expect(JSON.stringify(parts)).toBe(before);
  });
});

test('peerFinished is no where it is unknown', () => {
  expect(peerFinished({} as unknown as Channel)).toBe(false);
  expect(peerFinished({ incoming: {} } as unknown as Channel)).toBe(false);
});
