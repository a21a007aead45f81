import { Writable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { Outbox, Turn, type Sender } from '../../src/ssh/outbox.ts';

const KIB = 1024;
const HIGH_WATER = 64 * KIB;
/** Somebody waits for answers. */
const company = { hasInteractive: () => true };
const PACKET = 32 * KIB;

/** Takes what is written when it is told to: a socket whose peer reads when it likes. */
class Link extends Writable {
  readonly carried: string[] = [];
  private taken: (() => void) | null = null;

  constructor() {
    super({ highWaterMark: 16 * KIB, decodeStrings: false });
  }

  override _write(packet: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.carried.push(nameOf(packet));
    this.taken = done;
  }

  /** One packet is gone; false where there was none. */
  take(): boolean {
    const { taken } = this;
    this.taken = null;
    taken?.();
    return taken !== null;
  }
}

const packet = (name: string, bytes: number): Buffer => Buffer.alloc(bytes, `${name} `);
const nameOf = (data: Buffer): string => data.toString('latin1', 0, 16).split(' ')[0] ?? '';

/** A channel that has packets of these sizes to send. */
class Channel implements Sender {
  readonly turn = new Turn();
  readonly name: string;
  readonly sizes: number[];
  private readonly link: Writable;

  constructor(link: Writable, name: string, sizes: readonly number[]) {
    this.link = link;
    this.name = name;
    this.sizes = [...sizes];
  }

  sendOne(): number {
    const bytes = this.sizes.shift() ?? 0;
    if (bytes > 0) this.link.write(packet(this.name, bytes));
    return bytes;
  }
}

function scene(beside: boolean = true): { link: Link; outbox: Outbox; channel: (name: string, sizes: readonly number[]) => Channel } {
  const link = new Link();
  const outbox = new Outbox(link, { hasInteractive: () => beside }, { held: () => false, sent: () => undefined });
  return { link, outbox, channel: (name, sizes) => new Channel(link, name, sizes) };
}

const many = (count: number, bytes: number): number[] => Array.from({ length: count }, () => bytes);
const drain = (link: Link, packets = Number.POSITIVE_INFINITY): void => {
  for (let taken = 0; taken < packets && link.take(); taken += 1);
};

describe('what is queued on the connection', () => {
  test('goes at once while it is little', () => {
    const { link, outbox, channel } = scene();
    outbox.submit(channel('a', many(3, 1_000)));
    expect(link.writableLength).toBe(3_000);
    expect(outbox.sentBytes).toBe(3_000);
  });

  test('is bounded: a bulk channel is asked for more when it has drained', () => {
    const { link, outbox, channel } = scene();
    const bulk = channel('a', many(100, PACKET));
    outbox.submit(bulk);
    expect(link.writableLength).toBe(HIGH_WATER);
    drain(link, 1);
    expect(bulk.sizes).toHaveLength(98);
    drain(link, 1);
    expect(link.writableLength).toBe(HIGH_WATER);
    drain(link);
    expect(link.carried).toHaveLength(100);
    expect(link.writableLength).toBe(0);
  });

  test('is more where the link is fast and nobody waits for answers', () => {
    vi.useFakeTimers();
    const { link, outbox, channel } = scene(false);
    outbox.submit(channel('a', many(100, PACKET)));
    expect(link.writableLength).toBe(HIGH_WATER);
    vi.advanceTimersByTime(1);
    drain(link, 2);
    expect(link.writableLength).toBe(8 * HIGH_WATER);
    vi.advanceTimersByTime(50);
    drain(link, 16);
    expect(link.writableLength).toBe(HIGH_WATER);
    vi.useRealTimers();
  });

  test('may be one packet more, whoever submits', () => {
    const { link, outbox, channel } = scene();
    for (let id = 0; id < 500; id += 1) outbox.submit(channel(`${id}`, many(10, PACKET - 1)));
    expect(link.writableLength).toBeLessThan(HIGH_WATER + PACKET);
    drain(link);
    expect(link.carried).toHaveLength(5_000);
  });

  test('is nothing while the connection does not take it, and goes when it is told to go on', () => {
    const link = new Link();
    let held = true;
    const sends: number[] = [];
    const outbox = new Outbox(link, company, { held: () => held, sent: (bytes) => void sends.push(bytes) });
    const waiting = new Channel(link, 'a', many(2, PACKET));
    outbox.submit(waiting);
    outbox.submit(new Channel(link, 'b', [10]));
    expect([link.writableLength, sends]).toEqual([0, []]);
    held = false;
    outbox.resume();
    expect(sends).toEqual([2 * PACKET + 10]);
    drain(link);
    expect(link.carried.toSorted()).toEqual(['a', 'a', 'b']);
  });

  test('does not hold channels up once the connection is gone', () => {
    const { link, outbox, channel } = scene();
    outbox.submit(channel('a', many(100, PACKET)));
    link.on('error', () => {}).destroy();
    const late = channel('b', many(20, PACKET));
    outbox.submit(late);
    expect(late.sizes).toHaveLength(0);
  });
});

describe('turns', () => {
  test('bulk channels take them packet by packet', () => {
    const { link, outbox, channel } = scene();
    const bulks = ['a', 'b', 'c'].map((name) => channel(name, many(50, PACKET)));
    for (const bulk of bulks) outbox.submit(bulk);
    drain(link, 30);
    const from = link.carried.slice(8);
    for (const name of ['a', 'b', 'c'])
      expect(from.filter((each) => each === name).length).toBeGreaterThanOrEqual(Math.floor(from.length / 3) - 1);
    drain(link);
    expect(link.carried).toHaveLength(150);
  });

  test.each([1, 2, 200])('a keystroke waits for what is queued already, and not behind %i bulk channels', (count) => {
    const { link, outbox, channel } = scene();
    for (let id = 0; id < count; id += 1) outbox.submit(channel(`bulk${id}`, many(400, PACKET)));
    // Into the middle of a round: some of them had their turn in it, the others not.
    drain(link, 3 * count + 5);
    const key = channel('key', []);
    for (let stroke = 0; stroke < 20; stroke += 1) {
      key.sizes.push(64);
      const before = link.carried.length;
      const queued = link.writableLength / PACKET;
      outbox.submit(key);
      drain(link, queued + 1);
      expect(link.carried.slice(before)).toContain('key');
    }
  });

  test('many small ones that never rest do not starve a bulk channel', () => {
    const { link, outbox, channel } = scene();
    const bulk = channel('bulk', many(1_000, PACKET));
    outbox.submit(bulk);
    const chatty = Array.from({ length: 40 }, (_, id) => channel(`${id}`, many(1_000, KIB)));
    for (const each of chatty) outbox.submit(each);
    drain(link, 10_000);
    const share = link.carried.filter((name) => name === 'bulk').length;
    // A round is 16 KiB of each of the forty, and then one packet of it.
    expect(share).toBeGreaterThan(10);
  });

  test('one that came back in the same round with much does not overtake those that wait', () => {
    const { link, outbox, channel } = scene();
    const steady = ['a', 'b'].map((name) => channel(name, many(100, PACKET)));
    for (const each of steady) outbox.submit(each);
    const pushy = channel('x', []);
    for (let turn = 0; turn < 60; turn += 1) {
      // Its window opens by one packet at a time.
      pushy.sizes.push(PACKET);
      outbox.submit(pushy);
      drain(link, 1);
    }
    const count = (name: string): number => link.carried.filter((each) => each === name).length;
    expect(count('x')).toBeLessThanOrEqual(2 * Math.min(count('a'), count('b')) + 2);
  });
});

test('a channel that is submitted while it sends, or submits another, is asked again and never twice at once', () => {
  const { link, outbox, channel } = scene();
  const other = channel('b', [10, 20]);
  let depth = 0;
  let left = 5;
  const nested: Sender = {
    turn: new Turn(),
    sendOne: () => {
      expect((depth += 1)).toBe(1);
      outbox.submit(nested);
      outbox.submit(other);
      depth -= 1;
      if (left === 0) return 0;
      left -= 1;
      link.write(packet('a', 100));
      return 100;
    },
  };
  outbox.submit(nested);
  drain(link);
  expect(link.carried.filter((name) => name === 'a')).toHaveLength(5);
  expect(link.carried.filter((name) => name === 'b')).toHaveLength(2);
});

test('nothing is lost, doubled or put out of order, whatever is submitted when', () => {
  const step = fc.oneof(
    fc.record({ channel: fc.nat(5), bytes: fc.integer({ min: 1, max: 64 * KIB }) }),
    fc.record({ take: fc.integer({ min: 1, max: 30 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const { link, outbox, channel } = scene();
      const channels = Array.from({ length: 6 }, (_, id) => channel(`${id}`, []));
      const given = new Map<string, number>();
      let bytes = 0;
      for (const each of steps) {
        if ('take' in each) drain(link, each.take);
        else {
          const sender = channels[each.channel] as Channel;
          sender.sizes.push(each.bytes);
          given.set(sender.name, (given.get(sender.name) ?? 0) + 1);
          bytes += each.bytes;
          outbox.submit(sender);
        }
        expect(link.writableLength).toBeLessThan(HIGH_WATER + 64 * KIB);
      }
      drain(link);
      expect(outbox.sentBytes).toBe(bytes);
      for (const { name } of channels) expect(link.carried.filter((each) => each === name)).toHaveLength(given.get(name) ?? 0);
    }),
  );
});
