import fc from 'fast-check';
import { expect, test } from 'vitest';
import { lostError } from '../../src/ssh/channel-stream.ts';
import { flush } from '../helpers/clock.ts';
import { fakeChannel, type Scene } from '../helpers/fake-wire.ts';
import { bytes } from '../helpers/services.ts';

const KIB = 1024;
const PATTERN = bytes(8 << 20);

/** What can happen to a channel, from either side. */
type Step =
  | { readonly do: 'write' | 'write corked' | 'data' | 'extended' | 'adjust' | 'read'; readonly bytes: number }
  | { readonly do: 'end' | 'destroy' | 'pause' | 'resume' | 'eof' | 'close' | 'lose' | 'request' | 'stop' | 'go' | 'keys' | 'turn' };

const sizes = fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 200 * KIB }));
const moving: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ do: fc.constantFrom('write', 'write corked', 'data', 'adjust', 'read'), bytes: sizes }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('extended' as const), bytes: fc.nat(2_000) }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constantFrom('pause', 'resume', 'request', 'stop', 'go', 'keys', 'turn', 'turn') }) },
);
const ending: fc.Arbitrary<Step> = fc.record({ do: fc.constantFrom('end', 'eof', 'close', 'lose', 'destroy') });

/** Both sides of a channel, and an account of what each said and got. */
class Conversation {
  readonly scene: Scene;
  /** Of the server: what it sent, and may send. */
  sent = 0;
  extended = 0;
  eof = false;
  closed = false;
  lost = false;
  allowed: number;
  /** Of ours. */
  written = 0;
  readonly called: number[] = [];
  failed = 0;
  received = 0;
  closes = 0;
  error: Error | null = null;
  ended = false;
  private readonly stopsReading: () => void;

  constructor(shape: { window: number; packetBytes: number; rttMs: number }) {
    this.scene = fakeChannel(shape);
    this.allowed = shape.window;
    const { stream } = this.scene;
    const take = (data: Buffer): void => {
      if (!PATTERN.subarray(this.received, this.received + data.length).equals(data)) throw new Error(`wrong bytes at ${this.received}`);
      this.received += data.length;
    };
    stream.on('error', (error) => {
      this.error = error;
    });
    stream.on('end', () => {
      this.ended = true;
    });
    stream.on('close', () => {
      this.closes += 1;
    });
    let paused: ((data: Buffer) => void) | null = null;
    this.stopsReading = () => {
      if (paused) stream.off('data', paused);
      paused = null;
      stream.pause();
    };
    this.read = (most) => {
      const data = stream.readableFlowing ? null : (stream.read(Math.min(most, stream.readableLength)) as Buffer | null);
      if (data) take(data);
    };
    this.resume = () => {
      if (!paused) stream.on('data', (paused = take));
      stream.resume();
    };
  }

  readonly read: (most: number) => void;
  readonly resume: () => void;

  /** What the server may still send. */
  get room(): number {
    const granted = this.scene.wire.said.reduce((sum, { what, value }) => (what === 'adjust' ? sum + value : sum), 0);
    return this.scene.window + granted - this.sent - this.extended;
  }

  write(count: number): void {
    const { stream } = this.scene;
    if (stream.writableEnded) return;
    const data = Buffer.from(PATTERN.subarray(this.written, this.written + count));
    this.written += data.length;
    const id = this.called.push(0) - 1;
    stream.write(data, (error) => {
      this.called[id] = (this.called[id] ?? 0) + 1;
      if (error) this.failed += 1;
    });
  }

  async take(step: Step): Promise<void> {
    const { stream, link, wire } = this.scene;
    const says = !this.closed && !this.lost;
    switch (step.do) {
      case 'write':
        return this.write(step.bytes);
      case 'write corked':
        stream.cork();
        for (const part of [step.bytes, 0, 3, step.bytes >> 1]) this.write(part);
        return stream.uncork();
      case 'data': {
        const count = Math.min(step.bytes, this.room);
        if (!says || this.eof || count <= 0) return;
        stream.onData(Buffer.from(PATTERN.subarray(this.sent, this.sent + count)));
        this.sent += count;
        return;
      }
      case 'extended': {
        const count = Math.min(step.bytes, this.room);
        if (!says || this.eof || count <= 0) return;
        this.extended += count;
        return stream.onExtendedData(count);
      }
      case 'adjust':
        if (!says) return;
        this.allowed += step.bytes;
        return stream.onAdjust(step.bytes);
      case 'read':
        return this.read(Math.max(1, step.bytes));
      case 'pause':
        return this.stopsReading();
      case 'resume':
        return this.resume();
      case 'request':
        return says ? stream.onRequest() : undefined;
      case 'stop':
        return link.stop();
      case 'go':
        return link.go();
      case 'keys':
        return this.scene.exchangeKeys(!wire.keys);
      case 'turn':
        return flush();
      case 'end':
        return void stream.end();
      case 'destroy':
        return void stream.destroy();
      case 'eof':
        if (!says) return;
        this.eof = true;
        return stream.onEof();
      case 'close':
        if (!says) return;
        this.closed = true;
        return stream.onClose();
      case 'lose':
        this.lost = true;
        return stream.lose(lostError('gone'));
    }
  }

  /** What must be so at any time. */
  check(packetBytes: number): void {
    const { said } = this.scene.wire;
    const kinds = said.map(({ what }) => what);
    const data = said.filter(({ what }) => what === 'data');
    const bytesSaid = data.reduce((sum, each) => sum + each.data.length, 0);
    expect(bytesSaid).toBeLessThanOrEqual(Math.min(this.allowed, this.written));
    expect(this.scene.sent().equals(PATTERN.subarray(0, bytesSaid))).toBe(true);
    expect(data.every((each) => each.data.length > 0 && each.data.length <= packetBytes)).toBe(true);
    expect(kinds.filter((kind) => kind === 'eof').length).toBeLessThan(2);
    expect(kinds.filter((kind) => kind === 'close').length).toBeLessThan(2);
    if (kinds.includes('eof')) expect(kinds.lastIndexOf('data')).toBeLessThan(kinds.indexOf('eof'));
    if (kinds.includes('close')) expect(kinds.at(-1)).toBe('close');
    expect(this.received).toBeLessThanOrEqual(this.sent);
    expect(this.scene.stream.readableLength).toBeLessThanOrEqual(this.scene.window + this.scene.budget.taken + 256 * KIB);
    expect(Math.max(0, ...this.called)).toBeLessThan(2);
    expect(this.closes).toBeLessThan(2);
  }
}

const shapes = fc.record({
  window: fc.constantFrom(0, 1, 100, 64 * KIB, 2 << 20),
  packetBytes: fc.constantFrom(1_000, 32 * KIB),
  rttMs: fc.constantFrom(0, 50),
});

test('whatever happens in whatever order: no byte wrong or twice, every write answered once, one CLOSE, one `close`, all memory given back', async () => {
  await fc.assert(
    fc.asyncProperty(
      shapes,
      fc.array(moving, { maxLength: 40 }),
      fc.array(fc.oneof(moving, ending, ending), { maxLength: 20 }),
      async (shape, before, after) => {
        const talk = new Conversation(shape);
        const { scene } = talk;
        for (const step of [...before, ...after]) {
          await talk.take(step);
          talk.check(shape.packetBytes);
        }
        // Whoever uses it lets go in the end, and a server answers a CLOSE, or the connection goes.
        scene.link.go();
        talk.resume();
        await flush();
        scene.stream.destroy();
        if (!talk.lost && !talk.closed) await talk.take({ do: talk.sent % 2 ? 'close' : 'lose' });
        for (let turn = 0; turn < 3; turn += 1) await flush();
        talk.check(shape.packetBytes);
        expect(talk.called.every((times) => times === 1)).toBe(true);
        expect(talk.closes).toBe(1);
        expect(scene.freed).toBe(1);
        expect(scene.budget.taken).toBe(0);
        if (!talk.lost) expect(scene.words()).toContain('close');
        // It said that all was read only where all was said.
        if (talk.ended) expect([talk.received, talk.eof || talk.closed]).toEqual([talk.sent, true]);
      },
    ),
    { numRuns: 400 },
  );
});

test('where nobody breaks it off every byte arrives both ways, and it ends without an error', async () => {
  await fc.assert(
    fc.asyncProperty(shapes, fc.array(moving, { minLength: 5, maxLength: 60 }), fc.boolean(), async (shape, steps, serverFirst) => {
      const talk = new Conversation(shape);
      const { scene } = talk;
      for (const step of steps) await talk.take(step);
      // All goes on until both have said all.
      scene.exchangeKeys(false);
      scene.link.go();
      talk.resume();
      const ends: Step['do'][] = serverFirst ? ['eof', 'end'] : ['end', 'eof'];
      for (const end of ends) {
        await talk.take({ do: end } as Step);
        for (let turn = 0; turn < 4 || (turn < 100 && scene.sent().length < talk.written); turn += 1) {
          await talk.take({ do: 'adjust', bytes: 128 * KIB });
          await flush();
        }
        talk.check(shape.packetBytes);
      }
      await talk.take({ do: 'close' });
      await flush();
      talk.check(shape.packetBytes);
      expect(scene.sent().length).toBe(talk.written);
      expect(talk.received).toBe(talk.sent);
      expect([talk.error, talk.ended, talk.closes, talk.failed, scene.freed]).toEqual([null, true, 1, 0, 1]);
      expect(talk.called.every((times) => times === 1)).toBe(true);
    }),
    { numRuns: 300 },
  );
});
