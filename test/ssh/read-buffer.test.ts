import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createHash } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { connectWithReadBuffer, lenderOf, reuseReadBuffer, type Taking } from '../../src/ssh/read-buffer.ts';
import { flush } from '../helpers/clock.ts';
import { bytes, byteStream, hashOf } from '../helpers/services.ts';
import { sleep, until } from '../helpers/wait.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
/** Whoever keeps nothing of what is read, and takes it however it is cut. */
const ALL: Taking = { keepsNone: () => true, whole: ({ length }) => length };

let server: Server;
const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  server.close();
});

async function meet(): Promise<{ near: Socket; far: Socket; port: number }> {
  server = createServer({ allowHalfOpen: true, noDelay: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const near = connectWithReadBuffer({ host: '127.0.0.1', port, noDelay: true });
  near.on('error', () => {});
  const [[far]] = (await Promise.all([once(server, 'connection'), once(near, 'connect')])) as [[Socket], unknown];
  far.on('error', () => {});
  sockets.push(near, far);
  return { near, far, port };
}

/** A copy of each piece, for it may be written over. */
function pieces(socket: Socket): Buffer[] {
  const got: Buffer[] = [];
  socket.on('data', (data) => got.push(Buffer.from(data)));
  return got;
}

describe('a listener', () => {
  test('that comes late, and resumes, has missed nothing', async () => {
    const { near, far } = await meet();
    far.write('SSH-2.0-early\r\n');
    await sleep(30);
    const got = pieces(near);
    await sleep(10);
    expect(got).toEqual([]);
    near.resume();
    await until(() => got.length > 0, { what: 'what came early' });
    expect(Buffer.concat(got).toString()).toBe('SSH-2.0-early\r\n');
  });

  test('and the end of the connection, that came before it listened', async () => {
    const { near, far } = await meet();
    far.end('Not allowed at this time\r\n');
    await sleep(30);
    const got = pieces(near);
    const ended = once(near, 'end');
    near.resume();
    await ended;
    expect(Buffer.concat(got).toString()).toBe('Not allowed at this time\r\n');
  });

  test('one of several hears each piece', async () => {
    const { near, far } = await meet();
    const [first, second] = [pieces(near), pieces(near)];
    near.resume();
    far.write('hello');
    await until(() => first.length > 0, { what: 'data' });
    expect(second).toEqual(first);
  });
});

test('what is to be done after a read is done once all of it was given out; at the end of the turn where nothing is being read', async () => {
  const { near, far } = await meet();
  const lender = lenderOf(near);
  const said: string[] = [];
  near.once('data', () => {
    lender?.afterRead(() => said.push('after the read'));
    process.nextTick(() => said.push('end of the turn'));
    said.push('first listener');
  });
  near.once('data', () => said.push('second listener'));
  near.resume();
  far.write('x');
  await until(() => said.length === 4, { what: 'all to be said' });
  expect(said).toEqual(['first listener', 'second listener', 'after the read', 'end of the turn']);
  lender?.afterRead(() => said.push('outside of a read'));
  expect(said).toHaveLength(4);
  await flush();
  expect(said.slice(4)).toEqual(['outside of a read']);
});

test('pause() stops it, however much comes; resume() goes on where it was', async () => {
  const { near, far } = await meet();
  const hash = createHash('sha256');
  let [count, heldUp] = [0, 0];
  near.on('data', (data) => {
    expect(near.isPaused()).toBe(false);
    hash.update(data);
    count += data.length;
    if (count > (heldUp + 1) * MIB) {
      heldUp += 1;
      near.pause();
      setTimeout(() => near.resume(), 5);
    }
  });
  const ended = once(near, 'end');
  near.resume();
  byteStream(8 * MIB).pipe(far);
  await ended;
  expect([count, heldUp]).toEqual([8 * MIB, 7]);
  expect(hash.digest('hex')).toBe(hashOf(8 * MIB));
});

describe('reading in turns', () => {
  /** How many pieces of at least 200 KiB came in one turn of the event loop at most, of 8 MiB that lay ready. */
  async function mostInATurn(near: Socket, far: Socket): Promise<number> {
    let [inTurn, most] = [0, 0];
    const hash = createHash('sha256');
    let count = 0;
    near.on('data', (data) => {
      hash.update(data);
      count += data.length;
      if (data.length < 200 * KIB) return;
      if (inTurn === 0) setImmediate(() => (inTurn = 0));
      inTurn += 1;
      most = Math.max(most, inTurn);
    });
    far.end(bytes(8 * MIB));
    await sleep(50);
    near.resume();
    await until(() => count === 8 * MIB, { what: 'all of it' });
    expect(hash.digest('hex')).toBe(hashOf(8 * MIB));
    return most;
  }

  test('a read that fills the buffer is the last of its turn, and nothing is lost', async () => {
    const { near, far } = await meet();
    lenderOf(near)?.readInTurns(() => true);
    const ended = once(near, 'end');
    expect(await mostInATurn(near, far)).toBe(1);
    await ended;
  });

  test('else there are four at most', async () => {
    const { near, far } = await meet();
    lenderOf(near)?.readInTurns(() => false);
    const most = await mostInATurn(near, far);
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(4);
  });

  test('who was paused meanwhile stays so', async () => {
    const { near, far } = await meet();
    lenderOf(near)?.readInTurns(() => true);
    let count = 0;
    near.on('data', ({ length }) => {
      count += length;
      near.pause();
    });
    far.write(bytes(2 * MIB));
    await sleep(50);
    near.resume();
    await until(() => count > 0, { what: 'a piece' });
    const before = count;
    await sleep(20);
    expect([count, near.isPaused()]).toEqual([before, true]);
    near.resume();
    await until(() => count > before, { what: 'the next piece' });
  });
});

test('a reset is an error, and `close` comes', async () => {
  const { near, far } = await meet();
  pieces(near);
  near.resume();
  far.write('x');
  await once(near, 'data');
  const seen: unknown[] = [];
  near.on('error', (error: NodeJS.ErrnoException) => seen.push(error.code));
  const closed = new Promise((resolve) => near.once('close', resolve));
  far.resetAndDestroy();
  expect(await closed).toBe(true);
  expect(seen).toEqual(['ECONNRESET']);
});

test('destroy() in a listener ends it: no piece after', async () => {
  const { near, far } = await meet();
  let count = 0;
  near.on('data', () => {
    count += 1;
    near.destroy();
  });
  near.resume();
  far.write(bytes(2 * MIB));
  await once(near, 'close');
  await flush();
  expect(count).toBe(1);
});

test('a name of several addresses is tried at each; where nobody listens it is an error', async () => {
  const { port, near, far } = await meet();
  const there = connectWithReadBuffer({ host: 'localhost', port, autoSelectFamily: true });
  sockets.push(there);
  const [[other]] = (await Promise.all([once(server, 'connection'), once(there, 'connect')])) as [[Socket], unknown];
  sockets.push(other);
  const got = pieces(there);
  there.resume();
  other.write('hello');
  await until(() => got.length > 0, { what: 'data' });
  for (const socket of [near, far, there, other]) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
  const nobody = connectWithReadBuffer({ host: 'localhost', port, autoSelectFamily: true });
  sockets.push(nobody);
  const error = await new Promise<NodeJS.ErrnoException>((resolve) => nobody.once('error', resolve));
  expect(error.code).toBe('ECONNREFUSED');
});

describe('the buffer', () => {
  /** Of each piece, what it is a part of. */
  async function backing(ask?: () => boolean, onPiece: () => void = () => {}): Promise<{ kept: Buffer[]; copies: Buffer[] }> {
    const { near, far } = await meet();
    if (ask) reuseReadBuffer(near, { ...ALL, keepsNone: ask });
    const kept: Buffer[] = [];
    const copies: Buffer[] = [];
    near.on('data', (data) => {
      kept.push(data);
      copies.push(Buffer.from(data));
      onPiece();
    });
    near.resume();
    let sent = 0;
    for (const [round, size] of [1_000, 1_000, 100_000, 1_000, 100_000, 100_000, 1_000].entries()) {
      far.write(Buffer.alloc(size, round + 1));
      sent += size;
      await until(() => Buffer.concat(copies).length === sent, { what: 'a piece' });
    }
    return { kept, copies };
  }

  test('is not written over, until somebody says that it may be used again', async () => {
    const { kept, copies } = await backing();
    expect(Buffer.concat(kept).equals(Buffer.concat(copies))).toBe(true);
  });

  test('nor while the answer is no', async () => {
    const { kept, copies } = await backing(() => false);
    expect(Buffer.concat(kept).equals(Buffer.concat(copies))).toBe(true);
  });

  test('does not go with a small piece, which is copied', async () => {
    const { kept } = await backing(() => false);
    const small = kept.filter(({ length }) => length === 1_000);
    expect(small.length).toBeGreaterThan(0);
    for (const { buffer } of small) expect(buffer.byteLength).toBeLessThanOrEqual(Buffer.poolSize);
  });

  test('is one where it may', async () => {
    const { kept } = await backing(() => true);
    expect(new Set(kept.map(({ buffer }) => buffer)).size).toBeLessThanOrEqual(2);
  });

  test.each([0, 1, 2, 3, 4, 5, 6])('is kept by a no before a piece or after it: keys may change in between (%d)', async (changes) => {
    let asked = 0;
    let may = changes % 2 === 0;
    const isSafe: boolean[] = [];
    const { kept, copies } = await backing(
      () => may,
      () => {
        const before = may;
        if ((asked += 1) % (changes + 1) === 0) may = !may;
        isSafe.push(!before || !may);
      },
    );
    expect(isSafe).toContain(true);
    expect(kept.every((piece, at) => !isSafe[at] || piece.equals(copies[at] ?? Buffer.of()))).toBe(true);
  });

  test('takes more at once than node’s own', async () => {
    const { near, far } = await meet();
    const got = pieces(near);
    far.write(bytes(2 * MIB));
    await sleep(50);
    near.resume();
    await until(() => Buffer.concat(got).length === 2 * MIB, { what: 'all of it' });
    expect(Math.max(...got.map(({ length }) => length))).toBeGreaterThan(64 * KIB);
    expect(Buffer.concat(got).equals(bytes(2 * MIB))).toBe(true);
  });

  test('of a socket that is none of these is left alone', async () => {
    const { far } = await meet();
    expect(() => reuseReadBuffer(far, ALL)).not.toThrow();
  });
});

describe('a packet that is cut in two', () => {
  const PACKET = 1_000;
  const wholeOnes = ({ length }: Buffer): number => length - (length % PACKET);

  /** All that comes of 8 MiB, and the sizes of its pieces. */
  async function cutAt(taking: Taking, isHeld?: () => boolean): Promise<{ got: Buffer; sizes: number[] }> {
    const { near, far } = await meet();
    reuseReadBuffer(near, taking);
    const sizes: number[] = [];
    const got: Buffer[] = [];
    near.on('data', (data: Buffer) => {
      sizes.push(data.length);
      got.push(Buffer.from(data));
      if (isHeld) lenderOf(near)?.lend(isHeld);
    });
    far.write(bytes(8 * MIB));
    await sleep(20);
    near.resume();
    await until(() => sizes.reduce((sum, size) => sum + size, 0) >= 8 * MIB - PACKET, { what: 'all of it' });
    far.write(bytes(PACKET - ((8 * MIB) % PACKET)));
    await until(() => sizes.reduce((sum, size) => sum + size, 0) === Math.ceil((8 * MIB) / PACKET) * PACKET, {
      what: 'the end of the last',
    });
    return { got: Buffer.concat(got), sizes };
  }
  const sent = Buffer.concat([bytes(8 * MIB), bytes(PACKET - ((8 * MIB) % PACKET))]);

  test.each([
    ['nothing is lent', undefined],
    ['everything is, and given back', () => false],
    ['everything is, and held', () => true],
  ])('comes in one piece, where much came: %s', async (_, isHeld) => {
    const { got, sizes } = await cutAt({ ...ALL, whole: wholeOnes }, isHeld);
    expect(got.equals(sent)).toBe(true);
    const large = sizes.filter((size) => size >= 36 * KIB);
    expect(large.length).toBeGreaterThan(0);
    expect(large.filter((size) => size % PACKET !== 0)).toEqual([]);
  });

  test('comes as it is read, where what is read is kept', async () => {
    const asked: number[] = [];
    const whole = (data: Buffer): number => {
      asked.push(data.length);
      return wholeOnes(data);
    };
    const { got } = await cutAt({ keepsNone: () => false, whole });
    expect(got.equals(sent)).toBe(true);
    expect(asked).toEqual([]);
  });

  test('is waited for by nobody where little came: a slow server is heard', async () => {
    const { near, far } = await meet();
    reuseReadBuffer(near, { ...ALL, whole: wholeOnes });
    const got = pieces(near);
    near.resume();
    far.write('x'.repeat(10));
    await until(() => got.length > 0, { what: 'a part of a packet' });
    expect(got[0]).toHaveLength(10);
  });

  test('is not put off where what is left is no packet', async () => {
    const { got } = await cutAt({ ...ALL, whole: ({ length }) => (length < 100_000 ? length : 10) });
    expect(got.equals(sent)).toBe(true);
  });
});

describe('a piece that is lent', () => {
  /** Says one thing after the other from the far side, and tells what each piece lies in. */
  async function lending(
    isHeld: (piece: number) => boolean,
    count: number,
  ): Promise<{ memories: ArrayBufferLike[]; lent: boolean[]; owned: boolean[] }> {
    const { near, far } = await meet();
    const lender = lenderOf(near);
    if (!lender) throw new Error('there is nobody to lend');
    reuseReadBuffer(near, ALL);
    const [memories, lent, owned]: [ArrayBufferLike[], boolean[], boolean[]] = [[], [], []];
    near.on('data', (data: Buffer) => {
      const piece = memories.length;
      memories.push(data.buffer);
      owned.push(lender.owns(data) && !lender.owns(Buffer.from(data)));
      lent.push(lender.lend(() => isHeld(piece)));
      expect(lender.reads).toBe(piece + 1);
    });
    near.resume();
    for (let said = 1; said <= count; said += 1) {
      far.write('x');
      await until(() => memories.length === said, { what: 'what was said' });
      await flush();
    }
    return { memories, lent, owned };
  }

  test('is left alone while it is held; two buffers take turns where each is given back at once', async () => {
    const { memories, lent, owned } = await lending(() => false, 10);
    expect(new Set(memories).size).toBe(2);
    expect([...new Set(lent), ...new Set(owned)]).toEqual([true, true]);
  });

  test('while four are held nothing more is lent, and one buffer does for all that comes', async () => {
    const { memories, lent } = await lending(() => true, 10);
    expect(lent).toEqual([true, true, true, true, ...Array.from({ length: 6 }, () => false)]);
    expect(new Set(memories.slice(0, 4)).size).toBe(4);
    expect(new Set(memories.slice(4)).size).toBe(1);
    expect(memories.slice(0, 4)).not.toContain(memories[4]);
  });

  test('for long does not keep the others from being lent', async () => {
    const { memories, lent } = await lending((piece) => piece === 0, 8);
    expect(lent).not.toContain(false);
    expect(memories.slice(1)).not.toContain(memories[0]);
  });

  test('another socket has nobody who lends', async () => {
    expect(lenderOf((await meet()).far)).toBeNull();
  });
});
