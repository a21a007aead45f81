import { createServer, connect, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { splice, type SpliceOptions, type Splice } from '../../src/forward/splice.ts';

/** client <-> a =splice= b <-> target, over real TCP. */
interface Rig {
  client: Socket;
  a: Socket;
  b: Socket;
  target: Socket;
  joined: Splice;
}

let servers: Server[] = [];
let sockets: Socket[] = [];
let front: Server;
let back: Server;

beforeEach(async () => {
  front = createServer({ allowHalfOpen: true, pauseOnConnect: true }).listen(0, '127.0.0.1');
  back = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  servers = [front, back];
  sockets = [];
  await Promise.all(servers.map((server) => once(server, 'listening')));
});

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
});

const portOf = (server: Server): number => (server.address() as { port: number }).port;

async function pair(server: Server): Promise<[Socket, Socket]> {
  const near = connect({ port: portOf(server), host: '127.0.0.1', allowHalfOpen: true });
  near.on('error', () => {});
  const [[far]] = (await Promise.all([once(server, 'connection'), once(near, 'connect')])) as [[Socket], unknown];
  far.on('error', () => {});
  sockets.push(near, far);
  return [near, far];
}

async function rig(options?: SpliceOptions): Promise<Rig> {
  const [client, a] = await pair(front);
  const [b, target] = await pair(back);
  return { client, a, b, target, joined: splice(a, b, options) };
}

async function collect(stream: Duplex): Promise<Buffer> {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.resume();
  await once(stream, 'end');
  return Buffer.concat(chunks);
}

const hash = (data: Buffer): string => createHash('sha256').update(data).digest('hex');

describe('splice over TCP', () => {
  test('moves bytes both ways, counts them, and ends when both sides ended', async () => {
    const { client, target, joined } = await rig();
    const there = collect(target);
    const back = collect(client);
    client.end('ping');
    target.end('pong!');
    expect((await there).toString()).toBe('ping');
    expect((await back).toString()).toBe('pong!');
    expect(await joined.done).toEqual({ txBytes: 4, rxBytes: 5, broken: false, error: null });
  });

  test.each(['client', 'target'] as const)('the other direction lives on after the %s ended', async (first) => {
    const { client, target, joined } = await rig();
    const [early, late] = first === 'client' ? [client, target] : [target, client];
    const seen = collect(late);
    early.end('request');
    expect((await seen).toString()).toBe('request');
    const answer = collect(early);
    const big = randomBytes(3_000_000);
    late.write(big.subarray(0, 1_000_000));
    await sleep(20);
    late.end(big.subarray(1_000_000));
    expect(hash(await answer)).toBe(hash(big));
    expect((await joined.done).broken).toBe(false);
  });

  test('a stalled reader stops the sender with bounded memory, and gets everything later', async () => {
    const { client, a, b, target, joined } = await rig();
    target.pause();
    const data = randomBytes(64 * 1024 * 1024);
    client.end(data);
    let before = -1;
    while (joined.txBytes !== before) {
      before = joined.txBytes;
      await sleep(100);
    }
    expect(joined.txBytes).toBeLessThan(data.length);
    expect(b.writableLength + a.readableLength).toBeLessThan(512 * 1024);
    expect(hash(await collect(target))).toBe(hash(data));
    target.end();
    client.resume();
    expect(await joined.done).toMatchObject({ txBytes: data.length, broken: false });
  });

  test('what one read of a channel brings goes out in one write; after that a side that does not take it stops the channel sooner', async () => {
    const packet = Buffer.alloc(32 * 1024);
    const channel = new Duplex({ read: () => undefined, highWaterMark: 1 << 20 });
    const writes: { bytes: number; taken: () => void }[] = [];
    const writev = (chunks: { chunk: Buffer }[], taken: () => void): void => {
      writes.push({ bytes: chunks.reduce((sum, { chunk }) => sum + chunk.length, 0), taken });
      if (writes.length === 1) taken();
    };
    const socket = new Duplex({ read: () => undefined, writev, highWaterMark: 16 * 1024 });
    const paused = vi.spyOn(channel, 'pause');
    const joined = splice(channel, socket);
    const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));
    const read = async (packets: number): Promise<void> => {
      for (let count = 0; count < packets; count += 1) channel.push(packet);
      await turn();
    };
    await turn();
    await read(7);
    expect(writes.map(({ bytes }) => bytes / packet.length)).toEqual([7]);
    expect(paused).not.toHaveBeenCalled();
    await read(7);
    expect(paused).not.toHaveBeenCalled();
    await read(1);
    expect([writes.length, paused.mock.calls.length, channel.isPaused()]).toEqual([2, 1, true]);
    joined.reset();
    await joined.done;
  });

  test.each(['client', 'target'] as const)('a reset of the %s resets the other', async (who) => {
    const { client, target, joined } = await rig();
    const [dying, other] = who === 'client' ? [client, target] : [target, client];
    dying.write('x');
    await once(other, 'data');
    const failed = once(other, 'error');
    dying.resetAndDestroy();
    const [error] = (await failed) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNRESET');
    expect((await joined.done).broken).toBe(true);
  });

  test('a half-closed pair whose other side is reset is closed', async () => {
    const { client, target, joined } = await rig();
    client.end('bye');
    target.resume();
    await once(target, 'end');
    target.resetAndDestroy();
    client.resume();
    expect((await joined.done).broken).toBe(true);
  });

  test('a target that closes while the client still sends: the client gets the last bytes, then a reset', async () => {
    const { client, target, joined } = await rig({ lingerMs: 50 });
    const answer = collect(client);
    target.resume();
    target.end('413 too large');
    // The target is gone for good as soon as its FIN is sent; what the client sends on cannot be delivered.
    await once(target, 'finish');
    target.destroy();
    const feeding = setInterval(() => client.write(Buffer.alloc(1000)), 2);
    expect((await answer).toString()).toBe('413 too large');
    expect((await joined.done).broken).toBe(true);
    clearInterval(feeding);
  });

  test('reset() cuts both with a reset', async () => {
    const { client, target, joined } = await rig();
    const errors = Promise.all([once(client, 'error'), once(target, 'error')]);
    client.resume();
    target.resume();
    joined.reset();
    for (const [error] of await errors) expect((error as NodeJS.ErrnoException).code).toBe('ECONNRESET');
    expect((await joined.done).broken).toBe(true);
  });

  test('a reset does not wait for a reader that stalls', async () => {
    const { client, a, target, joined } = await rig();
    client.pause();
    target.write(Buffer.alloc(32 << 20));
    target.resume();
    let before = -1;
    while (joined.rxBytes !== before) {
      before = joined.rxBytes;
      await sleep(50);
    }
    const started = performance.now();
    joined.reset();
    expect(await joined.done).toMatchObject({ broken: true, error: 'reset' });
    expect(performance.now() - started).toBeLessThan(1_000);
    expect(a.destroyed).toBe(true);
  });

  test('a reset while an end is under way leaves no socket behind', async () => {
    const { client, a, target, joined } = await rig();
    target.end();
    await once(a, 'finish').catch(() => {});
    joined.reset();
    await joined.done;
    expect(a.destroyed).toBe(true);
    client.resume();
  });

  test('bytes that were read before and unshifted come first', async () => {
    const [client, a] = await pair(front);
    const [b, target] = await pair(back);
    client.write('0123456789');
    a.resume();
    const [chunk] = (await once(a, 'data')) as [Buffer];
    a.pause();
    a.unshift(chunk.subarray(4));
    const seen = collect(target);
    splice(a, b);
    client.end('more');
    expect((await seen).toString()).toBe('456789more');
  });

  test('a side that is already destroyed resets the other', async () => {
    const [client, a] = await pair(front);
    const [b, target] = await pair(back);
    b.destroy();
    await once(b, 'close');
    const failed = once(client, 'error');
    client.resume();
    target.resume();
    expect((await splice(a, b).done).broken).toBe(true);
    await failed;
  });

  test('a side that ended before is ended for the other', async () => {
    const [client, a] = await pair(front);
    const [b, target] = await pair(back);
    client.end();
    a.resume();
    await once(a, 'end');
    const seen = collect(target);
    const joined = splice(a, b);
    expect((await seen).length).toBe(0);
    target.end('answer');
    expect((await collect(client)).toString()).toBe('answer');
    expect((await joined.done).broken).toBe(false);
  });
});

/** A Duplex with the habits of an SSH channel, and hands to play the server with. */
class FakeChannel extends Duplex {
  readonly sent: Buffer[] = [];
  state: 'open' | 'eof' | 'closed' = 'open';
  /** destroy() was called, by the splice or by autoDestroy once both ways were over. */
  destroyedHere = false;
  /** Held: nothing is acknowledged, as with an exhausted window. */
  stalled = false;
  #held: (() => void) | null = null;

  constructor() {
    super({ highWaterMark: 2 * 1024 * 1024, allowHalfOpen: true, emitClose: false });
    this.on('finish', () => {
      if (this.state === 'open') this.state = 'eof';
    });
  }
  override _read(): void {}
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    if (this.state !== 'open') return; // never calls back
    this.sent.push(chunk);
    if (this.stalled) this.#held = done;
    else done();
  }
  /** Drops the error, and leaves `destroyed` false. */
  override destroy(): this {
    this.destroyedHere = true;
    this.end();
    this.serverCloses();
    return this;
  }
  release(): void {
    this.stalled = false;
    this.#held?.();
    this.#held = null;
  }
  /** 'close' comes only after the readable side was drained. */
  serverCloses(): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.push(null);
    this.end();
    if (this.readableEnded) this.emit('close');
    else this.once('end', () => this.emit('close'));
  }
  sentBytes(): Buffer {
    return Buffer.concat(this.sent);
  }
}

const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('splice with a stream that behaves like an SSH channel', () => {
  test('half-close both ways, then the server closes', async () => {
    const [a, b] = [new FakeChannel(), new FakeChannel()];
    const joined = splice(a, b);
    a.push('hello');
    a.push(null);
    await tick();
    await tick();
    expect(b.sentBytes().toString()).toBe('hello');
    expect(b.state).toBe('eof');
    expect(a.state).toBe('open');
    b.push('answer');
    b.push(null);
    await tick();
    await tick();
    expect(a.sentBytes().toString()).toBe('answer');
    a.serverCloses();
    b.serverCloses();
    expect(await joined.done).toEqual({ txBytes: 5, rxBytes: 6, broken: false, error: null });
  });

  test('a server that never closes after both ends is closed from here', async () => {
    const [a, b] = [new FakeChannel(), new FakeChannel()];
    const joined = splice(a, b, { closeMs: 20 });
    a.push(null);
    b.push(null);
    expect((await joined.done).broken).toBe(false);
    expect([a.destroyedHere, b.destroyedHere]).toEqual([true, true]);
  });

  test('a write that never calls back does not hang the pair once its channel closed', async () => {
    const [a, b] = [new FakeChannel(), new FakeChannel()];
    const joined = splice(a, b, { lingerMs: 20 });
    b.stalled = true;
    a.push('lost');
    await tick();
    b.serverCloses();
    a.push('lost too');
    expect(await joined.done).toMatchObject({ broken: true });
    expect(a.destroyedHere).toBe(true);
  });

  test('a client paused by a channel that then closes is read on, so that it can end', async () => {
    const [a, b] = [new FakeChannel(), new FakeChannel()];
    const joined = splice(a, b, { lingerMs: 20 });
    b.stalled = true;
    a.push(Buffer.alloc(3 * 1024 * 1024));
    await tick();
    expect(a.isPaused()).toBe(true);
    b.serverCloses();
    await tick();
    expect(a.isPaused()).toBe(false);
    expect((await joined.done).broken).toBe(true);
  });

  test('"close" without "end" closes the other', async () => {
    const [a, b] = [new FakeChannel(), new FakeChannel()];
    const joined = splice(a, b);
    a.emit('close');
    expect(await joined.done).toMatchObject({ broken: true, error: 'closed without an end' });
    expect(b.destroyedHere).toBe(true);
  });

  test('an error on one closes the other and is told', async () => {
    const [a, b] = [new FakeChannel(), new FakeChannel()];
    const joined = splice(a, b);
    b.emit('error', new Error('channel broke'));
    expect(await joined.done).toMatchObject({ broken: true, error: 'channel broke' });
    expect([a.destroyedHere, b.destroyedHere]).toEqual([true, true]);
  });

  test('an end that comes with the death of the connection is not passed on when the pair is reset in the same turn', async () => {
    const [a, b] = [new FakeChannel(), new FakeChannel()];
    const joined = splice(a, b);
    const endedCleanly = vi.fn();
    a.once('finish', () => endedCleanly(a.destroyedHere));
    b.once('end', () => void Promise.resolve().then(() => joined.reset()));
    b.serverCloses();
    expect((await joined.done).broken).toBe(true);
    expect(a.destroyedHere).toBe(true);
    expect(endedCleanly).toHaveBeenCalledWith(true);
  });

  test('the last bytes are given up when nobody takes them', async () => {
    const [a, b] = [new FakeChannel(), new FakeChannel()];
    const joined = splice(a, b, { stallMs: 20 });
    a.stalled = true;
    b.push('stuck');
    await tick();
    b.push(null);
    a.push(null);
    expect(await joined.done).toMatchObject({ broken: true, error: 'the last bytes were not taken' });
  });

  test('a stream that is destroyed and says nothing is given up after a while', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const a = new FakeChannel();
      const b = new FakeChannel();
      b.serverCloses = () => {};
      const joined = splice(a, b);
      joined.reset();
      await vi.advanceTimersByTimeAsync(5_000);
      expect((await joined.done).broken).toBe(true);
    } finally {
      vi.useRealTimers();
    }
  });

  test('any mix of chunks, stalls and half-closes keeps the bytes exact', async () => {
    const step = fc.oneof(
      fc.record({ side: fc.nat(1), do: fc.constant('data' as const), size: fc.integer({ min: 1, max: 200_000 }) }),
      fc.record({ side: fc.nat(1), do: fc.constantFrom('stall' as const, 'release' as const, 'end' as const, 'turn' as const) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const channels = [new FakeChannel(), new FakeChannel()] as const;
        const written: [Buffer[], Buffer[]] = [[], []];
        const over: [boolean, boolean] = [false, false];
        const joined = splice(channels[0], channels[1]);
        for (const one of steps) {
          const side = one.side as 0 | 1;
          const channel = channels[side];
          if (one.do === 'data' && !over[side]) {
            const chunk = randomBytes(one.size);
            written[side].push(chunk);
            channel.push(chunk);
          } else if (one.do === 'stall') channel.stalled = true;
          else if (one.do === 'release') channel.release();
          else if (one.do === 'end' && !over[side]) {
            over[side] = true;
            channel.push(null);
          } else if (one.do === 'turn') await tick();
        }
        for (const side of [0, 1] as const) if (!over[side]) channels[side].push(null);
        for (let round = 0; round < 1000 && channels.some((channel) => channel.state === 'open'); round += 1) {
          for (const channel of channels) channel.release();
          await tick();
        }
        for (const channel of channels) channel.serverCloses();
        const result = await joined.done;
        expect(hash(channels[1].sentBytes())).toBe(hash(Buffer.concat(written[0])));
        expect(hash(channels[0].sentBytes())).toBe(hash(Buffer.concat(written[1])));
        expect(result.broken).toBe(false);
        expect(result.txBytes).toBe(channels[1].sentBytes().length);
      }),
      { numRuns: 60 },
    );
  });
});

test('a side whose bytes are borrowed learns whether they are in use: until they are taken, or the other side is gone', async () => {
  let isInUse = (): boolean => false;
  class Lending extends Duplex {
    override _read(): void {}
    override _write(_chunk: Buffer, _encoding: string, done: () => void): void {
      done();
    }
    borrow(answer: () => boolean): void {
      isInUse = answer;
    }
    afterRead(say: () => void): void {
      process.nextTick(say);
    }
  }
  const taken: (() => void)[] = [];
  const slow = new Duplex({ read: () => {}, write: (_chunk, _encoding, done) => void taken.push(done) });
  const lending = new Lending();
  const joined = splice(slow, lending);
  lending.push('one');
  await sleep(1);
  expect(isInUse()).toBe(true);
  taken.shift()?.();
  expect(isInUse()).toBe(false);
  lending.push('two');
  await sleep(1);
  expect(isInUse()).toBe(true);
  slow.destroy();
  expect(isInUse()).toBe(false);
  lending.destroy();
  await joined.done;
});

describe('what comes for a socket with one read of a channel', () => {
  const SMALL = 4 * 1024 - 1;
  test.each([
    { what: 'something small goes at once', pieces: [64], corked: [false] },
    { what: 'and what follows it goes together', pieces: [64, 64, 64], corked: [false, true, true] },
    { what: 'what is not small waits for the rest', pieces: [SMALL + 1, 64], corked: [true, true] },
    { what: 'as does what follows something small', pieces: [SMALL, SMALL + 1], corked: [false, true] },
  ])('$what: $pieces', async ({ pieces, corked }) => {
    const ends: (() => void)[] = [];
    class Reading extends Duplex {
      override _read(): void {}
      override _write(_chunk: Buffer, _encoding: string, done: () => void): void {
        done();
      }
      borrow(): void {}
      afterRead(say: () => void): void {
        ends.push(say);
      }
    }
    const channel = new Reading();
    const [client, a] = await pair(front);
    const joined = splice(a, channel);
    let got = 0;
    client.on('data', ({ length }: Buffer) => (got += length));
    const read = (): void => {
      const seen = pieces.map((bytes) => {
        channel.emit('data', Buffer.alloc(bytes));
        return a.writableCorked > 0;
      });
      expect(seen).toEqual(corked);
      for (const say of ends.splice(0)) say();
      expect(a.writableCorked).toBe(0);
    };
    read();
    // The next read is one of its own.
    read();
    const all = 2 * pieces.reduce((sum, bytes) => sum + bytes, 0);
    await vi.waitFor(() => expect(got).toBe(all));
    joined.reset();
    await joined.done;
  });
});
