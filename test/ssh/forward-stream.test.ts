import { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { lostError } from '../../src/ssh/channel-stream.ts';
import { ForwardStream } from '../../src/ssh/forward-stream.ts';
import type { Lender } from '../../src/ssh/read-buffer.ts';
import { flush } from '../helpers/clock.ts';
import { fakeChannel, PEER, type Scene } from '../helpers/fake-wire.ts';
import { bytes } from '../helpers/services.ts';

const KIB = 1024;

/** What a stream said of itself, in order. */
function events(stream: Duplex): string[] {
  const seen: string[] = [];
  for (const name of ['end', 'finish', 'close'] as const) stream.on(name, () => seen.push(name));
  stream.on('error', (error: NodeJS.ErrnoException) => seen.push(`error ${error.code ?? error.message}`));
  return seen;
}

const write = (stream: Duplex, data: string | Buffer): { error: string | null | undefined } => {
  const outcome: { error: string | null | undefined } = { error: undefined };
  stream.write(data, (error) => (outcome.error = error ? ((error as NodeJS.ErrnoException).code ?? error.message) : null));
  return outcome;
};

const granted = ({ wire }: Scene): number => wire.said.reduce((sum, { what, value }) => (what === 'adjust' ? sum + value : sum), 0);

describe('our half and the server’s', () => {
  test('end() says EOF after all data, and what the server says is still read', async () => {
    const scene = fakeChannel();
    const { stream } = scene;
    const seen = events(stream);
    stream.write('one ');
    stream.end('two');
    await flush();
    expect(scene.words()).toEqual(['one ', 'two', 'eof']);
    const read: string[] = [];
    stream.on('data', (data) => read.push(String(data)));
    stream.onData(Buffer.from('answer'));
    await flush();
    expect([read, seen]).toEqual([['answer'], ['finish']]);
  });

  test('the server’s EOF ends what is read, and what is written goes on', async () => {
    const scene = fakeChannel();
    const { stream } = scene;
    const seen = events(stream.resume());
    stream.onData(Buffer.from('all'));
    stream.onEof();
    await flush();
    const late = write(stream, 'late');
    await flush();
    expect([seen, late.error, scene.words()]).toEqual([['end'], null, ['late']]);
  });

  test.each(['ours first', 'the server’s first'])(
    'after both, %s, it closes once; its number is free when the server closed',
    async (order) => {
      const scene = fakeChannel();
      const { stream } = scene;
      const seen = events(stream.resume());
      if (order === 'ours first') stream.end();
      else stream.onEof();
      await flush();
      expect(scene.words()).not.toContain('close');
      if (order === 'ours first') stream.onEof();
      else stream.end();
      await flush();
      expect(scene.words()).toEqual(['eof', 'close']);
      expect(seen.at(-1)).toBe('close');
      expect(scene.freed).toBe(0);
      stream.onClose();
      stream.onClose();
      await flush();
      expect([scene.freed, scene.words(), scene.budget.taken]).toEqual([1, ['eof', 'close'], 0]);
      expect(seen.filter((name) => name === 'close')).toHaveLength(1);
    },
  );

  test('an EOF that comes twice, or after CLOSE, and data after it, mean nothing', async () => {
    const { stream } = fakeChannel();
    const seen = events(stream);
    const read: Buffer[] = [];
    stream.on('data', (data: Buffer) => read.push(data));
    stream.onEof();
    stream.onData(Buffer.from('late'));
    stream.onEof();
    stream.onClose();
    stream.onEof();
    await flush();
    expect([read, seen]).toEqual([[], ['end', 'close']]);
  });
});

describe('what comes', () => {
  test('is given at once to a reader who waits; to one who stopped later, in its order', async () => {
    const { stream } = fakeChannel();
    const read: string[] = [];
    stream.on('data', (data) => {
      read.push(String(data));
      if (read.length === 2) stream.pause();
    });
    await flush();
    for (const data of ['a', 'b', 'c', 'd']) stream.onData(Buffer.from(data));
    expect([read, stream.readableLength]).toEqual([['a', 'b'], 2]);
    stream.resume();
    stream.onData(Buffer.from('e'));
    await flush();
    expect(read.join('')).toBe('abcde');
    stream.onData(Buffer.from('f'));
    stream.onEof();
    expect(read.join('')).toBe('abcdef');
  });

  test.each([
    ['who wants text', (stream: Duplex, got: (text: unknown) => void) => void stream.setEncoding('utf8').on('data', got), ['\u00e9']],
    [
      'who asks for it',
      (stream: Duplex, got: (text: unknown) => void) => void stream.on('readable', () => got(stream.read())),
      [Buffer.from('\u00e9')],
    ],
  ])('is had as of any stream by a reader %s', async (_who, listen, expected) => {
    const { stream } = fakeChannel();
    const read: unknown[] = [];
    listen(stream, (piece) => piece !== null && read.push(piece));
    await flush();
    const bytesOf = Buffer.from('\u00e9');
    stream.onData(bytesOf.subarray(0, 1));
    stream.onData(bytesOf.subarray(1));
    await flush();
    expect(read).toEqual(expected);
  });
});

describe('when the server closes', () => {
  test('what had come is read first, then it ends, then it closes', async () => {
    const scene = fakeChannel();
    const { stream } = scene;
    const seen = events(stream);
    stream.onData(Buffer.from('last words'));
    stream.onClose();
    await flush();
    expect([seen, scene.words(), scene.freed]).toEqual([[], ['close'], 1]);
    const read: string[] = [];
    stream.on('data', (data) => read.push(String(data)));
    await flush();
    expect([read, seen]).toEqual([['last words'], ['end', 'close']]);
  });

  test('what is still to be written fails, after what had come was read', async () => {
    const { stream } = fakeChannel({ window: 2 });
    const seen = events(stream);
    const parked = write(stream, 'parked');
    const behind = write(stream, 'behind it');
    stream.onData(Buffer.from('x'));
    stream.onClose();
    await flush();
    expect([parked.error, behind.error]).toEqual([undefined, undefined]);
    stream.resume();
    await flush();
    expect(parked.error).toBe('EPIPE');
    expect(behind.error).toBe('EPIPE');
    expect(seen).toEqual(['end', 'error EPIPE', 'close']);
  });

  test('what is written after is told so, and nothing is said any more', async () => {
    const scene = fakeChannel();
    const { stream } = scene;
    stream.onData(Buffer.from('unread'));
    stream.onClose();
    const late = write(stream, 'late');
    stream.onAdjust(1_000);
    stream.onRequest();
    stream.end();
    await flush();
    expect(late.error).toBeUndefined();
    stream.resume();
    await flush();
    expect(late.error).toBe('EPIPE');
    expect(scene.words()).toEqual(['close']);
  });
});

describe('destroy()', () => {
  test('closes the channel, `close` comes, what is written is told, and nothing is said after', async () => {
    const scene = fakeChannel({ window: 2 });
    const { stream } = scene;
    const seen = events(stream);
    const [parked, behind] = [write(stream, 'parked'), write(stream, 'behind it')];
    stream.onData(Buffer.from('unread'));
    stream.destroy();
    stream.destroy();
    await flush();
    expect(parked.error).toBe('EPIPE');
    expect(behind.error).toEqual(expect.any(String));
    expect(seen).toEqual(['close']);
    expect(scene.words()).toEqual(['pa', 'close']);
    // The server does not know yet.
    stream.onData(Buffer.from('more'));
    stream.onExtendedData(5);
    stream.onAdjust(10_000);
    stream.onEof();
    await flush();
    expect(scene.words()).toEqual(['pa', 'close']);
    expect(scene.freed).toBe(0);
    stream.onClose();
    expect([scene.freed, scene.words()]).toEqual([1, ['pa', 'close']]);
  });

  test('with an error: it is told, and to what is written as well', async () => {
    const { stream } = fakeChannel({ window: 0 });
    const seen = events(stream);
    const parked = write(stream, 'parked');
    stream.destroy(new Error('enough'));
    await flush();
    expect([parked.error, seen]).toEqual(['enough', ['error enough', 'close']]);
  });

  test('what was promised of the memory for it is given back at once: a server may never answer', () => {
    const scene = fakeChannel({ rttMs: 100 });
    expect(scene.budget.taken).toBeGreaterThan(1_000_000);
    scene.stream.destroy();
    expect(scene.budget.taken).toBe(0);
    scene.stream.onClose();
    expect(scene.budget.taken).toBe(0);
  });

  test('while corked, and from the callback of a write: nothing is lost twice', async () => {
    const scene = fakeChannel();
    const { stream } = scene;
    stream.cork();
    const corked = [write(stream, 'a'), write(stream, 'b')];
    stream.destroy();
    stream.uncork();
    await flush();
    expect(corked.map(({ error }) => error)).toEqual(['ERR_STREAM_DESTROYED', 'ERR_STREAM_DESTROYED']);
    expect(scene.words()).toEqual(['close']);

    const again = fakeChannel();
    again.stream.write('first', () => again.stream.destroy());
    const second = write(again.stream, 'second');
    await flush();
    expect(second.error).toBeDefined();
    expect(again.words().at(-1)).toBe('close');
  });
});

describe('when the connection is lost', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
  afterEach(() => void vi.useRealTimers());
  const lost = lostError('gone');

  test('what had come is read, then comes ECONNRESET; nothing is said', async () => {
    const scene = fakeChannel({ window: 1 });
    const { stream } = scene;
    const seen = events(stream);
    const parked = write(stream, 'parked');
    stream.onData(Buffer.from('half of it'));
    stream.lose(lost);
    vi.advanceTimersByTime(1_000);
    await flush();
    expect([seen, scene.freed]).toEqual([[], 1]);
    const read: string[] = [];
    stream.on('data', (data) => read.push(String(data)));
    await flush();
    vi.advanceTimersByTime(50);
    await flush();
    expect([read, seen, parked.error]).toEqual([['half of it'], ['error ECONNRESET', 'close'], 'ECONNRESET']);
    expect(scene.words()).toEqual(['p']);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('a reader that has stalled is waited for a moment only', async () => {
    const { stream } = fakeChannel();
    const seen = events(stream);
    stream.onData(Buffer.from('nobody reads this'));
    stream.lose(lost);
    vi.advanceTimersByTime(5_100);
    await flush();
    expect(seen).toEqual(['error ECONNRESET', 'close']);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('at once where nothing is unread', async () => {
    const { stream } = fakeChannel();
    const seen = events(stream);
    stream.lose(lost);
    await flush();
    expect(seen).toEqual(['error ECONNRESET', 'close']);
  });

  test('the server had said all: its end is a clean one', async () => {
    const { stream } = fakeChannel();
    const seen = events(stream);
    const read: string[] = [];
    stream.onData(Buffer.from('complete'));
    stream.onEof();
    stream.lose(lost);
    await flush();
    stream.on('data', (data) => read.push(String(data)));
    await flush();
    expect([read, seen]).toEqual([['complete'], ['end', 'close']]);
  });

  test('and what was still to be written to it fails', async () => {
    const { stream } = fakeChannel({ window: 1 });
    const seen = events(stream.resume());
    const parked = write(stream, 'parked');
    stream.onEof();
    await flush();
    stream.lose(lost);
    await flush();
    expect([seen, parked.error]).toEqual([['end', 'error ECONNRESET', 'close'], 'ECONNRESET']);
  });

  test.each(['destroyed', 'closed by the server', 'done'])('one that was %s before is as it was', async (how) => {
    const scene = fakeChannel();
    const { stream } = scene;
    const seen = events(stream);
    if (how === 'destroyed') stream.destroy();
    else {
      stream.onData(Buffer.from('unread'));
      if (how === 'done') stream.resume().end();
      stream.onEof();
      if (how === 'closed by the server') stream.onClose();
    }
    await flush();
    const before = scene.words();
    stream.lose(lost);
    stream.resume();
    await flush();
    expect(seen.filter((name) => name.startsWith('error'))).toEqual([]);
    expect(seen.at(-1)).toBe('close');
    expect([scene.words(), scene.freed]).toEqual([before, 1]);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('the server’s window', () => {
  test('of nothing: nothing is sent until it is raised, and then just so much', async () => {
    const scene = fakeChannel({ window: 0 });
    const outcome = write(scene.stream, 'hello');
    await flush();
    expect(scene.words()).toEqual([]);
    for (const more of [1, 3]) scene.stream.onAdjust(more);
    await flush();
    expect([scene.words(), outcome.error]).toEqual([['h', 'ell'], undefined]);
    scene.stream.onAdjust(100);
    await flush();
    expect([scene.words(), outcome.error]).toEqual([['h', 'ell', 'o'], null]);
  });

  test('packets are as large as it takes them, small writes go together, large ones in pieces', async () => {
    const scene = fakeChannel({ packetBytes: 10 });
    const { stream } = scene;
    stream.cork();
    for (const text of ['12345', '67890', '1', '2345678901234567890123', '', '4']) stream.write(text);
    stream.uncork();
    await flush();
    expect(scene.words()).toEqual(['1234567890', '1234567890', '1234567890', '1234']);
  });

  test.each([[['', 'a']], [['', '', 'ab', '', 'c', '']], [['', '']], [['']]])(
    'empty writes among %j take nothing with them',
    async (texts) => {
      for (const corked of [true, false]) {
        const scene = fakeChannel();
        if (corked) scene.stream.cork();
        const outcomes = texts.map((text) => write(scene.stream, text));
        if (corked) scene.stream.uncork();
        scene.stream.end();
        await flush();
        expect(scene.sent().toString()).toBe(texts.join(''));
        expect(scene.words().filter((word) => word === '')).toEqual([]);
        expect(outcomes.map(({ error }) => error)).toEqual(texts.map(() => null));
        expect(scene.words().at(-1)).toBe('eof');
      }
    },
  );

  test('a server that takes no byte in a packet is given up: nothing could ever be sent', async () => {
    const scene = fakeChannel({ packetBytes: 0 });
    const seen = events(scene.stream);
    const outcome = write(scene.stream, 'x');
    for (let more = 0; more < 10; more += 1) scene.stream.onAdjust(1_000);
    await flush();
    expect(outcome.error).toBe('the server takes no data');
    expect(seen).toEqual(['error the server takes no data', 'close']);
    expect(scene.words()).toEqual(['close']);
  });

  test('raised beyond 2^32 it is as good as any', async () => {
    const scene = fakeChannel({ window: 0 });
    for (let more = 0; more < 5; more += 1) scene.stream.onAdjust(0xffff_ffff);
    const outcome = write(scene.stream, bytes(100 * KIB));
    await flush();
    expect(outcome.error).toBeNull();
    expect(scene.sent().equals(bytes(100 * KIB))).toBe(true);
  });
});

describe('a server that makes few adjustments', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
  afterEach(() => void vi.useRealTimers());

  test('is not waited for: more goes out while its window allows', async () => {
    const scene = fakeChannel({ window: 2 << 20 });
    const outcome = write(scene.stream, bytes(2 << 20));
    await flush();
    const atFirst = scene.sent().length;
    expect(atFirst).toBeLessThan(1 << 20);
    for (let wait = 0; wait < 10; wait += 1) vi.advanceTimersByTime(250);
    await flush();
    expect([outcome.error, scene.sent().equals(bytes(2 << 20))]).toEqual([null, true]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test.each(['destroyed', 'adjusted', 'closed', 'lost'])('no timer is left when it is %s', async (how) => {
    const scene = fakeChannel({ window: 2 << 20 });
    const { stream } = scene;
    stream.resume();
    stream.write(bytes(500 * KIB));
    await flush();
    expect(vi.getTimerCount()).toBe(1);
    if (how === 'destroyed') stream.destroy();
    if (how === 'adjusted') stream.onAdjust(2 << 20);
    if (how === 'closed') stream.onClose();
    if (how === 'lost') stream.lose(lostError('gone'));
    await flush();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('our window', () => {
  test('a reader that stalls stops the server: at most the window is held', async () => {
    const scene = fakeChannel();
    const { stream, window } = scene;
    let sent = 0;
    while (sent < window + granted(scene)) {
      stream.onData(Buffer.alloc(Math.min(32 * KIB, window + granted(scene) - sent)));
      sent += 32 * KIB;
      await flush();
    }
    expect(sent).toBe(window);
    expect([stream.readableLength, stream.destroyed]).toEqual([window, false]);
    // Once it reads, the server hears of it.
    stream.resume();
    await flush();
    expect(granted(scene)).toBeGreaterThanOrEqual(window / 2);
  });

  test.each([1, 1_000, 64 * KIB, 300 * KIB])('a reader that takes %i bytes at a time never leaves the server without', async (piece) => {
    const scene = fakeChannel();
    const { stream, window } = scene;
    let sent = 0;
    let read = 0;
    const total = 2 << 20;
    while (read < total) {
      const open = Math.min(window + granted(scene) - sent, total - sent);
      if (open > 0) {
        stream.onData(Buffer.alloc(Math.min(open, 32 * KIB)));
        sent += Math.min(open, 32 * KIB);
      } else {
        const before = read;
        // Stops where the server has more to send: reads a lot only when it is stuck.
        for (let each = 0; each < Math.max(1, Math.ceil(window / piece)) && stream.readableLength > 0; each += 1)
          read += (stream.read(Math.min(piece, stream.readableLength)) as Buffer | null)?.length ?? 0;
        await flush();
        expect(read).toBeGreaterThan(before);
      }
    }
    expect(read).toBe(total);
  });

  test('a server that oversteps it is closed', async () => {
    const scene = fakeChannel();
    const seen = events(scene.stream);
    scene.stream.onData(Buffer.alloc(scene.window));
    scene.stream.onData(Buffer.alloc(1));
    await flush();
    expect(seen).toEqual(['error the server sent more than it was allowed to', 'close']);
    expect(scene.words()).toEqual(['close']);
    scene.stream.onData(Buffer.alloc(1 << 20));
    await flush();
    expect(scene.words()).toEqual(['close']);
  });

  test('data of another kind is counted, dropped, and stops by itself', async () => {
    const scene = fakeChannel();
    const { stream, window } = scene;
    const read: Buffer[] = [];
    stream.on('data', (data: Buffer) => read.push(data));
    await flush();
    for (let sent = 0; sent < window; sent += 32 * KIB) stream.onExtendedData(32 * KIB);
    await flush();
    expect([read, scene.words(), stream.destroyed]).toEqual([[], [], false]);
    stream.onExtendedData(1);
    expect(stream.destroyed).toBe(true);
    expect(scene.words()).toEqual(['close']);
  });

  test('data of another kind among the data takes none of the window for good', async () => {
    const scene = fakeChannel();
    const { stream } = scene;
    stream.resume();
    let [sent, data] = [0, 0];
    while (data < 4 << 20) {
      const open = scene.window + granted(scene) - sent;
      expect(open).toBeGreaterThanOrEqual(2_000);
      stream.onExtendedData(1_000);
      stream.onData(Buffer.alloc(1_000));
      sent += 2_000;
      data += 1_000;
      await flush();
    }
    expect(stream.destroyed).toBe(false);
  });
});

test('a request of the server is denied, until the channel is closed', () => {
  const scene = fakeChannel();
  scene.stream.onRequest();
  scene.stream.destroy();
  scene.stream.onRequest();
  expect(scene.words()).toEqual(['deny', 'close']);
  expect(scene.wire.said.every(({ id }) => id === PEER)).toBe(true);
});

test('no member hides one of a Duplex, but those it asks to be given', () => {
  const given = new Set(['constructor', '_read', '_write', '_writev', '_final', '_destroy']);
  const { stream } = fakeChannel();
  const own = [...Object.getOwnPropertyNames(stream), ...Object.getOwnPropertyNames(ForwardStream.prototype)];
  const plain = new Duplex({ allowHalfOpen: true }).on('end', () => {}).on('error', () => {});
  const fields = new Set(Object.getOwnPropertyNames(plain));
  expect(own.filter((name) => name in plain && !given.has(name) && !fields.has(name))).toEqual([]);
  expect(Object.getOwnPropertyNames(ForwardStream.prototype).filter((name) => fields.has(name))).toEqual([]);
});

describe('what lies in memory that is read to again', () => {
  /** All that is owned is in one buffer; who borrowed it is kept. */
  function lending(): {
    lender: Lender & { reads: number };
    holders: (() => boolean)[];
    afterwards: (() => void)[];
    given: (data: string) => Buffer;
  } {
    const memory = Buffer.alloc(64 * KIB);
    const holders: (() => boolean)[] = [];
    const afterwards: (() => void)[] = [];
    const lender = {
      reads: 1,
      owns: ({ buffer }: Buffer) => buffer === memory.buffer,
      lend: (isHeld: () => boolean) => holders.push(isHeld) > 0,
      afterRead: (say: () => void) => void afterwards.push(say),
      readInTurns: () => undefined,
    };
    return { lender, holders, afterwards, given: (data) => memory.fill(data).subarray(0, 32 * KIB) };
  }
  const memoriesOf = (stream: Duplex): ArrayBufferLike[] => {
    const memories: ArrayBufferLike[] = [];
    stream.on('data', ({ buffer }: Buffer) => memories.push(buffer));
    return memories;
  };

  test('who waits for the end of a read is told by who reads, and at the end of the turn where there is nobody', async () => {
    const { lender, afterwards } = lending();
    const told: string[] = [];
    fakeChannel({ lender }).stream.afterRead(() => told.push('by who reads'));
    fakeChannel().stream.afterRead(() => told.push('at the end'));
    expect(told).toEqual([]);
    await flush();
    expect(told).toEqual(['at the end']);
    for (const say of afterwards) say();
    expect(told).toEqual(['at the end', 'by who reads']);
  });

  test('is copied for a reader who has not said when it is done', async () => {
    const { lender, holders, given } = lending();
    const { stream } = fakeChannel({ lender });
    const memories = memoriesOf(stream);
    const data = given('a');
    stream.onData(data);
    await flush();
    expect([memories.length, memories.includes(data.buffer), holders]).toEqual([1, false, []]);
  });

  test('is borrowed by one who has, all that comes with one read, until nothing of it is in use', async () => {
    const { lender, holders, given } = lending();
    const { stream } = fakeChannel({ lender });
    let inUse = false;
    stream.borrow(() => inUse);
    const memories = memoriesOf(stream);
    const data = given('a');
    for (let piece = 0; piece < 3; piece += 1) {
      stream.onData(data);
      inUse = true;
    }
    await flush();
    expect(memories).toEqual([data.buffer, data.buffer, data.buffer]);
    expect(holders.map((isHeld) => isHeld())).toEqual([true]);
    inUse = false;
    expect(holders.map((isHeld) => isHeld())).toEqual([false]);
  });

  test('is copied where something of two earlier reads is in use, in this stream or behind it', async () => {
    const { lender, holders, given } = lending();
    const { stream } = fakeChannel({ lender });
    let inUse = true;
    stream.borrow(() => inUse);
    const lentAfterRead = (): number => {
      lender.reads += 1;
      stream.onData(given('a'));
      return holders.length;
    };
    expect([lentAfterRead(), lentAfterRead(), lentAfterRead()]).toEqual([1, 2, 2]);
    inUse = false;
    expect(lentAfterRead()).toBe(2);
    expect((stream.read(128 * KIB) as Buffer).length).toBe(128 * KIB);
    expect([lentAfterRead(), lentAfterRead(), lentAfterRead()]).toEqual([3, 4, 4]);
  });

  test('is copied where it is little: it would hold much', async () => {
    const { lender, holders, given } = lending();
    const { stream } = fakeChannel({ lender });
    stream.borrow(() => false);
    stream.onData(given('a').subarray(0, 4 * KIB - 1));
    expect(holders).toEqual([]);
  });

  test('is passed on as it is where it is nobody else’s', async () => {
    const { lender, holders } = lending();
    const { stream } = fakeChannel({ lender });
    stream.borrow(() => false);
    const memories = memoriesOf(stream);
    const own = Buffer.alloc(32 * KIB);
    stream.onData(own);
    await flush();
    expect([memories, holders]).toEqual([[own.buffer], []]);
  });
});
