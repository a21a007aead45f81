import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { Writable } from 'node:stream';
import { afterEach, describe, expect, test } from 'vitest';
import { coalesceWrites } from '../../src/ssh/coalesce.ts';
import { flush } from '../helpers/clock.ts';
import { fakeChannel } from '../helpers/fake-wire.ts';
import { bytes, collect } from '../helpers/services.ts';
import { until } from '../helpers/wait.ts';

/** Keeps each write to the system as it came. */
class Written extends Writable {
  readonly calls: string[] = [];

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.calls.push(chunk.toString());
    done();
  }

  override _writev(chunks: readonly { readonly chunk: Buffer }[], done: () => void): void {
    this.calls.push(Buffer.concat(chunks.map(({ chunk }) => chunk)).toString());
    done();
  }
}

let server: Server | null = null;
const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  server?.close();
  server = null;
});

/** Two ends of a TCP connection; what is written to the first goes out together. */
async function pair(): Promise<[Socket, Socket]> {
  server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const near = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [[far]] = (await Promise.all([once(server, 'connection'), once(near, 'connect')])) as [[Socket], unknown];
  sockets.push(near, far);
  near.on('error', () => {});
  far.on('error', () => {});
  coalesceWrites(near);
  return [near, far];
}

test('what is written in one turn is one write, in order; what comes in the next is another', async () => {
  const out = new Written();
  coalesceWrites(out);
  for (const word of ['a', 'b', 'c']) out.write(word);
  expect(out.calls).toEqual([]);
  // Of the same round of the event loop: a microtask, the next tick.
  await Promise.resolve();
  out.write('d');
  process.nextTick(() => out.write('e'));
  await flush();
  expect(out.calls).toEqual(['abcde']);
  out.write('f');
  await flush();
  expect(out.calls).toEqual(['abcde', 'f']);
  expect(out.writableCorked).toBe(0);
});

test('what is written counts as queued at once, and `drain` comes after', async () => {
  const out = new Written({ highWaterMark: 10 });
  coalesceWrites(out);
  const drained = once(out, 'drain');
  expect([out.write('12345'), out.write('67890')]).toEqual([true, false]);
  expect([out.writableLength, out.writableNeedDrain]).toEqual([10, true]);
  await drained;
  expect([out.writableLength, out.calls]).toEqual([0, ['1234567890']]);
});

test('it is told when nothing waits any more, and only then', async () => {
  const out = new Written({ highWaterMark: 10 });
  const seen: number[] = [];
  coalesceWrites(out, () => seen.push(out.writableLength));
  out.write('12345678901');
  expect(seen).toEqual([]);
  await flush();
  expect(seen.length).toBeGreaterThan(0);
  expect(new Set(seen)).toEqual(new Set([0]));
});

test('callbacks and encodings are passed on, and each is called once', async () => {
  const out = new Written();
  coalesceWrites(out);
  const called: string[] = [];
  out.write('61', 'hex', () => called.push('a'));
  out.write(Buffer.from('b'), () => called.push('b'));
  await flush();
  expect([out.calls, called]).toEqual([['ab'], ['a', 'b']]);
});

test('end() sends what is held, at once, and nothing is left corked', async () => {
  const [near, far] = await pair();
  const all = collect(far);
  near.write('held, ');
  near.write('and held, ');
  near.end('and the last');
  expect((await all).toString()).toBe('held, and held, and the last');
  expect(near.writableCorked).toBe(0);
  far.end();
});

test('end() in the turn after, and end() without a word, lose nothing', async () => {
  const [near, far] = await pair();
  const all = collect(far);
  near.write('one');
  await flush();
  near.write(' two');
  await flush();
  near.end();
  expect((await all).toString()).toBe('one two');
  far.end();
});

test('destroy() while something is held: its callbacks are told, and nothing is thrown later', async () => {
  const [near, far] = await pair();
  const outcomes: unknown[] = [];
  near.write('a', (error) => outcomes.push(error));
  near.write('b', (error) => outcomes.push(error));
  near.destroy();
  await once(near, 'close');
  await flush();
  expect(outcomes).toHaveLength(2);
  expect(outcomes.every((error) => error instanceof Error)).toBe(true);
  far.destroy();
});

describe('a channel of a hop, as what the next connection is over', () => {
  test('has the packets of a turn together, and all of them before its end', async () => {
    const { stream, words, sent } = fakeChannel();
    coalesceWrites(stream);
    for (const piece of ['head', 'body', 'tag']) stream.write(piece);
    expect(words()).toEqual([]);
    await flush();
    expect(words()).toEqual(['headbodytag']);
    stream.write('good');
    stream.write('bye');
    stream.end();
    await flush();
    expect([sent().toString(), words().at(-1), stream.writableCorked]).toEqual(['headbodytaggoodbye', 'eof', 0]);
  });

  test('that is destroyed, lost or closed with something held tells what was written, and nothing is thrown later', async () => {
    for (const how of ['destroy', 'lose', 'close'] as const) {
      const scene = fakeChannel();
      coalesceWrites(scene.stream);
      scene.stream.resume();
      const outcomes: boolean[] = [];
      for (const piece of ['a', 'b']) scene.stream.write(piece, (error) => outcomes.push(error instanceof Error));
      if (how === 'destroy') scene.stream.destroy();
      else if (how === 'lose') scene.stream.lose(new Error('gone'));
      else scene.stream.onClose();
      await flush();
      await flush();
      expect([how, outcomes, scene.stream.closed]).toEqual([how, [true, true], true]);
    }
  });
});

test('order is kept over a connection, whatever the sizes and the turns', async () => {
  const [near, far] = await pair();
  const all = collect(far);
  const sent = bytes(3 << 20);
  let at = 0;
  for (let round = 1; at < sent.length; round += 1) {
    const until = Math.min(sent.length, at + ((round * 7_919) % 40_000));
    near.write(sent.subarray(at, until));
    at = until;
    if (round % 3 === 0) await flush();
  }
  near.end();
  expect((await all).equals(sent)).toBe(true);
  far.end();
});

test('on a connection a turn is one write to the system', async () => {
  const [near, far] = await pair();
  far.resume();
  const calls: number[] = [];
  const handle = near as unknown as { _writev: (chunks: unknown[], done: () => void) => void };
  const original = handle._writev.bind(near);
  handle._writev = (chunks, done) => {
    calls.push(chunks.length);
    original(chunks, done);
  };
  for (let piece = 0; piece < 300; piece += 1) near.write(Buffer.alloc(50));
  await until(() => far.bytesRead === 15_000, { what: 'all of it' });
  expect(calls).toEqual([300]);
});
