import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { splice } from '../../src/forward/splice.ts';
import { lostError } from '../../src/ssh/channel-stream.ts';
import { flush } from '../helpers/clock.ts';
import { fakeChannel, type Scene } from '../helpers/fake-wire.ts';
import { bytes } from '../helpers/services.ts';
import { within } from '../helpers/wait.ts';

const KIB = 1024;
const PATTERN = bytes(8 << 20);

/** The server behind one side: sends the pattern, and has an account of both ways. */
class Far {
  readonly scene: Scene;
  sent = 0;
  ended = false;
  gone = false;

  constructor(window: number) {
    this.scene = fakeChannel({ window });
  }

  data(count: number): void {
    const granted = this.scene.wire.said.reduce((sum, { what, value }) => (what === 'adjust' ? sum + value : sum), 0);
    const most = Math.min(count, this.scene.window + granted - this.sent);
    if (this.ended || this.gone || most <= 0) return;
    this.scene.stream.onData(Buffer.from(PATTERN.subarray(this.sent, this.sent + most)));
    this.sent += most;
  }

  adjust(count: number): void {
    if (!this.gone) this.scene.stream.onAdjust(count);
  }

  end(): void {
    if (this.ended || this.gone) return;
    this.ended = true;
    this.scene.stream.onEof();
  }

  close(how: 'close' | 'lose' | 'destroy'): void {
    if (this.gone) return;
    this.gone = true;
    if (how === 'close') this.scene.stream.onClose();
    else if (how === 'lose') this.scene.stream.lose(lostError('gone'));
    else this.scene.stream.destroy();
  }
}

type Act =
  | { readonly side: 0 | 1; readonly do: 'data' | 'adjust'; readonly bytes: number }
  | { readonly side: 0 | 1; readonly do: 'stop' | 'go' | 'turn' };
const side = fc.constantFrom(0 as const, 1 as const);
const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ side, do: fc.constantFrom('data' as const, 'adjust' as const), bytes: fc.nat(200 * KIB) }) },
  { weight: 1, arbitrary: fc.record({ side, do: fc.constantFrom('stop' as const, 'go' as const, 'turn' as const) }) },
);

async function perform(fars: readonly [Far, Far], acts: readonly Act[]): Promise<void> {
  for (const each of acts) {
    const far = fars[each.side];
    if ('bytes' in each) far[each.do](each.bytes);
    else if (each.do === 'turn') await flush();
    else far.scene.link[each.do]();
  }
}

const isPrefix = (scene: Scene): void => {
  const sent = scene.sent();
  expect(sent.equals(PATTERN.subarray(0, sent.length))).toBe(true);
};

describe('two channels that are joined', () => {
  test('carry every byte both ways and end as their servers end, whatever stalls meanwhile', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 50 }), side, fc.constantFrom(0, 100, 2 << 20), async (acts, first, window) => {
        const fars = [new Far(window), new Far(2 << 20)] as const;
        const joined = splice(fars[0].scene.stream, fars[1].scene.stream);
        await perform(fars, acts);
        for (const far of fars) far.scene.link.go();
        for (const each of [first, 1 - first] as const) {
          fars[each as 0 | 1].end();
          for (let turn = 0; turn < 40; turn += 1) {
            for (const far of fars) far.adjust(64 * KIB);
            await flush();
          }
        }
        for (const far of fars) far.close('close');
        const result = await within(joined.done, { what: 'the pair to be over' });
        expect(result).toEqual({ txBytes: fars[0].sent, rxBytes: fars[1].sent, broken: false, error: null });
        expect(fars[0].scene.sent().length).toBe(fars[1].sent);
        expect(fars[1].scene.sent().length).toBe(fars[0].sent);
        for (const { scene } of fars) {
          isPrefix(scene);
          expect([scene.stream.writableCorked, scene.freed]).toEqual([0, 1]);
        }
      }),
      { numRuns: 150 },
    );
  });

  test('are both over when either dies in the middle, and no byte is wrong', async () => {
    const how = fc.constantFrom('close' as const, 'lose' as const, 'destroy' as const);
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 30 }), side, how, fc.boolean(), async (acts, dies, way, ended) => {
        const fars = [new Far(100), new Far(2 << 20)] as const;
        const joined = splice(fars[0].scene.stream, fars[1].scene.stream, { lingerMs: 1, stallMs: 5, closeMs: 5 });
        await perform(fars, acts);
        if (ended) fars[dies].end();
        fars[dies].close(way);
        // Its last bytes are taken where they can be.
        for (const far of fars) {
          far.scene.link.go();
          far.adjust(8 << 20);
        }
        await within(joined.done, { what: 'the pair to be over' });
        for (const { scene } of fars) {
          isPrefix(scene);
          expect(scene.stream.destroyed).toBe(true);
          expect(scene.words().filter((word) => word === 'close').length).toBeLessThan(2);
        }
        await flush();
        for (const { scene } of fars) expect([scene.stream.closed, scene.budget.taken]).toEqual([true, 0]);
      }),
      { numRuns: 150 },
    );
  });
});

describe('what is held to the end of a turn', () => {
  test('goes as one piece, small ones together', async () => {
    const fars = [new Far(2 << 20), new Far(2 << 20)] as const;
    splice(fars[0].scene.stream, fars[1].scene.stream);
    await flush();
    for (let piece = 0; piece < 20; piece += 1) fars[0].data(100);
    await flush();
    expect(fars[1].scene.wire.said.map(({ data }) => data.length)).toEqual([2_000]);
  });

  test('is not lost when its source ends in the same turn', async () => {
    const fars = [new Far(2 << 20), new Far(2 << 20)] as const;
    splice(fars[0].scene.stream, fars[1].scene.stream);
    await flush();
    fars[0].data(100);
    fars[0].end();
    await flush();
    await flush();
    expect(fars[1].scene.wire.said.map(({ what, data }) => [what, data.length])).toEqual([
      ['data', 100],
      ['eof', 0],
    ]);
  });

  test.each(['destroy', 'close', 'lose'] as const)('throws nothing later when its sink is gone by %s in the same turn', async (way) => {
    const fars = [new Far(2 << 20), new Far(2 << 20)] as const;
    const joined = splice(fars[0].scene.stream, fars[1].scene.stream, { lingerMs: 1, stallMs: 5 });
    await flush();
    fars[0].scene.stream.once('data', () => fars[1].close(way));
    fars[0].data(100);
    expect((await within(joined.done, { what: 'the pair to be over' })).broken).toBe(true);
    await flush();
    expect(fars[1].scene.stream.closed).toBe(true);
  });
});
