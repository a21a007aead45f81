import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { afterEach, describe, expect, test } from 'vitest';
import { readIntoOwnMemory } from '../../src/forward/socket-memory.ts';
import { splice } from '../../src/forward/splice.ts';
import { bytes, byteStream, collect } from '../helpers/services.ts';
import { sleep, until } from '../helpers/wait.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

const servers: Server[] = [];
const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

/** `near` was accepted, and is paused, as a client of a tunnel is. */
async function meet(): Promise<{ near: Socket; far: Socket }> {
  const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  const far = connect({ host: '127.0.0.1', port: (server.address() as AddressInfo).port, noDelay: true, allowHalfOpen: true });
  const [[near]] = (await Promise.all([once(server, 'connection'), once(far, 'connect')])) as [[Socket], unknown];
  for (const socket of [near, far]) socket.on('error', () => {});
  sockets.push(near, far);
  return { near, far };
}

/** What each piece lies in. */
interface Heard {
  readonly pieces: Buffer[];
  readonly memories: ArrayBufferLike[];
}

function hear(socket: Socket, isInUse: () => boolean): Heard {
  const heard: Heard = { pieces: [], memories: [] };
  expect(readIntoOwnMemory(socket, isInUse)).toBe(true);
  socket.on('data', (data) => {
    heard.pieces.push(Buffer.from(data));
    heard.memories.push(data.buffer);
  });
  socket.resume();
  return heard;
}

const received = ({ pieces }: Heard): number => pieces.reduce((sum, { length }) => sum + length, 0);

async function say(far: Socket, heard: Heard, sizes: readonly number[]): Promise<void> {
  for (const size of sizes) {
    const total = received(heard) + size;
    far.write(Buffer.alloc(size, size % 251));
    await until(() => received(heard) === total, { what: 'what was said' });
  }
}

const largeOnes = ({ pieces, memories }: Heard): ArrayBufferLike[] => memories.filter((_, at) => (pieces[at]?.length ?? 0) >= 32 * KIB);

describe('a socket that was accepted', () => {
  test('is given its memory by names that node has inside: where this fails, it reads as ever, and slower', async () => {
    const { near } = await meet();
    expect(readIntoOwnMemory(near, () => false)).toBe(true);
    expect(readIntoOwnMemory(near, () => false)).toBe(false);
  });

  test('and moves little is given copies of its own, which nothing is written over', async () => {
    const { near, far } = await meet();
    const kept: Buffer[] = [];
    near.on('data', (data) => kept.push(data));
    const heard = hear(near, () => true);
    await say(
      far,
      heard,
      Array.from({ length: 200 }, (_, each) => 1 + ((each * 37) % 3_000)),
    );
    expect(Buffer.concat(kept).equals(Buffer.concat(heard.pieces))).toBe(true);
  });

  test('and moves much is read into the same memory again and again', async () => {
    const { near, far } = await meet();
    const heard = hear(near, () => false);
    far.write(bytes(16 * MIB));
    await until(() => received(heard) === 16 * MIB, { what: 'all of it' });
    expect(Buffer.concat(heard.pieces).equals(bytes(16 * MIB))).toBe(true);
    // Of the first one a copy was made.
    expect(new Set(largeOnes(heard)).size).toBeLessThanOrEqual(3);
  });

  test('and moves much keeps what is in use, for as long as it is', async () => {
    const { near, far } = await meet();
    let inUse = true;
    const kept: Buffer[] = [];
    near.on('data', (data) => kept.push(data));
    const heard = hear(near, () => inUse);
    far.write(bytes(2 * MIB));
    await until(() => received(heard) === 2 * MIB, { what: 'all of it' });
    expect(Buffer.concat(kept).equals(bytes(2 * MIB))).toBe(true);
    inUse = false;
    const before = heard.pieces.length;
    far.write(bytes(4 * MIB));
    await until(() => received(heard) === 6 * MIB, { what: 'the rest' });
    const after = { pieces: heard.pieces.slice(before), memories: heard.memories.slice(before) };
    expect(new Set(largeOnes(after)).size).toBeLessThanOrEqual(2);
  });

  test('that comes to move little again gives its memory back', async () => {
    const { near, far } = await meet();
    const heard = hear(near, () => false);
    await say(far, heard, [1 * MIB]);
    const own = heard.memories.at(-1);
    await say(far, heard, [10, 10, 10]);
    expect(heard.memories.at(-1)).toBe(own);
    await say(far, heard, [10, 10, 10, 10, 10, 10]);
    expect(heard.memories.at(-1)).not.toBe(own);
    await say(far, heard, [1 * MIB]);
    expect(largeOnes(heard).slice(-4)).not.toContain(own);
  });

  test('says what it held already before what comes', async () => {
    const { near, far } = await meet();
    near.unshift(Buffer.from('first '));
    far.write('second');
    await sleep(20);
    const heard = hear(near, () => false);
    await until(() => received(heard) === 12, { what: 'both' });
    expect(Buffer.concat(heard.pieces).toString()).toBe('first second');
  });

  test('is stopped by pause(), and ends', async () => {
    const { near, far } = await meet();
    const heard = hear(near, () => false);
    await say(far, heard, [100]);
    near.pause();
    far.end('last words');
    await sleep(30);
    expect(received(heard)).toBe(100);
    const ended = once(near, 'end');
    near.resume();
    await ended;
    expect(heard.pieces.at(-1)?.toString()).toBe('last words');
  });

  test('that is reset has an error, and closes', async () => {
    const { near, far } = await meet();
    hear(near, () => false);
    const closed = new Promise((resolve) => near.once('close', resolve));
    far.resetAndDestroy();
    expect(await closed).toBe(true);
  });
});

test('there is memory for so many; the others are given copies, and some when those have closed', async () => {
  const all = await Promise.all(Array.from({ length: 520 }, meet));
  const heard = all.map(({ near }) => hear(near, () => false));
  await Promise.all(all.map(async ({ far }, at) => say(far, heard[at] as Heard, [64 * KIB])));
  for (const { pieces } of heard) expect(Buffer.concat(pieces).equals(Buffer.alloc(64 * KIB, (64 * KIB) % 251))).toBe(true);
  const closed = all.slice(0, 519).map(({ near }) => new Promise((resolve) => near.once('close', resolve)));
  for (const { near } of all.slice(0, 519)) near.destroy();
  await Promise.all(closed);
  const [last, lastHeard] = [all[519], heard[519]];
  if (!last || !lastHeard) throw new Error('there is no last one');
  const before = lastHeard.pieces.length;
  await say(last.far, lastHeard, [4 * MIB]);
  const after = { pieces: lastHeard.pieces.slice(before), memories: lastHeard.memories.slice(before) };
  expect(new Set(largeOnes(after)).size).toBeLessThanOrEqual(3);
});

test('what is no socket, or has it already, is read as ever', async () => {
  expect(readIntoOwnMemory(new Duplex(), () => false)).toBe(false);
  const { near } = await meet();
  near.destroy();
  await once(near, 'close');
  expect(readIntoOwnMemory(near, () => false)).toBe(false);
});

test('a splice to a slow reader loses and changes nothing', async () => {
  const [client, target] = [await meet(), await meet()];
  const joined = splice(client.near, target.near);
  byteStream(24 * MIB).pipe(client.far);
  target.far.pause();
  const slow = setInterval(() => {
    target.far.resume();
    setImmediate(() => target.far.pause());
  }, 1);
  const all = collect(target.far);
  await until(() => joined.txBytes === 24 * MIB, { what: 'all to be read', ms: 20_000 }).finally(() => clearInterval(slow));
  // The last pause may be yet to come.
  await new Promise((resolve) => setImmediate(resolve));
  target.far.resume();
  target.far.end();
  expect((await all).equals(bytes(24 * MIB))).toBe(true);
  expect((await joined.done).broken).toBe(false);
});
