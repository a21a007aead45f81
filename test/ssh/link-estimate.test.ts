import { describe, expect, test } from 'vitest';
import { LinkEstimate, Pieces } from '../../src/ssh/link-estimate.ts';

const KIB = 1024;

test.each([
  { what: 'the first sample, beside a transfer or not', samples: [[80, 900 * KIB]], rttMs: 80 },
  {
    what: 'the shortest',
    samples: [
      [80, 0],
      [20, 900 * KIB],
      [25, 900 * KIB],
    ],
    rttMs: 20,
  },
  {
    what: 'no queue of a transfer',
    samples: [
      [20, 0],
      [400, 64 * KIB],
      [900, 5_000 * KIB],
    ],
    rttMs: 20,
  },
  {
    what: 'a way that has become longer, step by step',
    samples: [
      [20, 0],
      [100, 10],
      [100, 10],
    ],
    rttMs: 55,
  },
])('it is $what', ({ samples, rttMs }) => {
  const link = new LinkEstimate();
  expect(link.rttMs).toBe(0);
  for (const [ms = 0, moved = 0] of samples) link.sample(ms, moved);
  expect(link.rttMs).toBe(rttMs);
});

test('what took a round trip and more can only lower it', () => {
  const link = new LinkEstimate();
  link.sample(80, 0);
  link.atMost(100);
  expect(link.rttMs).toBe(80);
  link.atMost(30);
  expect(link.rttMs).toBe(30);
});

test('the first channel that opens is an estimate where no ping was answered yet', () => {
  const link = new LinkEstimate();
  link.atMost(50);
  expect(link.rttMs).toBe(50);
});

describe('the round trip is asked for again where it does not seem to be short, and something goes over the link', () => {
  const looksAt = (link: LinkEstimate, from: number): number[] =>
    Array.from({ length: 5_000 }, (_, ms) => from + ms).filter((now) => link.takeLook(now));

  test('each time after twice as long', () => {
    const link = new LinkEstimate();
    link.sample(35, 0);
    expect(looksAt(link, 1_000)).toEqual([1_000, 1_010, 1_030, 1_070, 1_150, 1_310, 1_630, 2_270, 3_550]);
    expect(looksAt(link, 3_600_000)).toHaveLength(1);
  });

  test('not before it was known at all: that is under way', () => {
    expect(looksAt(new LinkEstimate(), 1_000)).toEqual([]);
  });

  test('until it was found to be', () => {
    const link = new LinkEstimate();
    link.sample(35, 0);
    expect([link.takeLook(1_000), link.takeLook(1_010)]).toEqual([true, true]);
    link.atMost(0.2);
    expect(looksAt(link, 1_011)).toEqual([]);
  });

  test('and as at first once it is not any more, but not because it is a little longer than it was', () => {
    const link = new LinkEstimate();
    link.sample(0.2, 0);
    expect(looksAt(link, 1_000)).toEqual([]);
    link.sample(4.2, 0);
    expect(looksAt(link, 10_000)).toHaveLength(9);
    link.sample(9, 0);
    expect(looksAt(link, 20_000)).toHaveLength(1);
  });
});

describe('somebody waits for answers', () => {
  const moved = (sizes: readonly number[]): LinkEstimate => {
    const link = new LinkEstimate();
    const pieces = new Pieces(link);
    for (const bytes of sizes) pieces.moved(bytes, 1_000);
    return link;
  };

  test('for 200 ms after a small piece', () => {
    const link = moved([64]);
    expect([1_000, 1_199, 1_200].map((now) => link.hasInteractive(now))).toEqual([true, true, false]);
  });

  test.each([
    [[32 * KIB, 32 * KIB, 100, 32 * KIB], false],
    [[32 * KIB, ...Array.from({ length: 20 }, () => 100)], true],
    [[], false],
  ])('where the pieces are usually small: %o', (sizes, is) => {
    expect(moved(sizes).hasInteractive(1_001)).toBe(is);
  });

  test('the round trip that windows reckon with is shorter then, and never shorter than the link’s', () => {
    const link = moved([64]);
    expect([link.tripMs(1_001), link.tripMs(2_000)]).toEqual([0, 4]);
    link.sample(30, 0);
    expect([link.tripMs(1_001), link.tripMs(2_000)]).toEqual([30, 30]);
  });

  test.each([
    { rttMs: 0, isAll: false },
    { rttMs: 0.2, isAll: true },
    { rttMs: 0.99, isAll: true },
    { rttMs: 1, isAll: false },
  ])('what is in flight is all queue then, where the round trip is short: $rttMs ms, $isAll', ({ rttMs, isAll }) => {
    const link = moved([64]);
    if (rttMs > 0) link.sample(rttMs, 0);
    expect([link.isAllQueue(1_001), link.isAllQueue(2_000)]).toEqual([isAll, false]);
  });
});
