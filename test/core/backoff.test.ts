import fc from 'fast-check';
import { expect, it } from 'vitest';
import { backoffDelay } from '../../src/core/backoff.ts';

const reconnect = { minMs: 500, maxMs: 30_000, attempts: null };

it.each([
  [1, 0.5, 250],
  [2, 0.5, 500],
  [4, 0.5, 2_000],
  [10, 0.5, 15_000],
  [5_000, 0.5, 15_000],
  [1, 0, 0],
])('attempt %i at chance %f waits %i ms', (attempt, random, expected) => {
  expect(backoffDelay(attempt, reconnect, { random })).toBe(expected);
});

it('is never below the floor, nor above it by more than the maximum', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1_000 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      fc.nat(20_000),
      (attempt, random, floorMs) => {
        const ms = backoffDelay(attempt, reconnect, { random, floorMs });
        expect(ms).toBeGreaterThanOrEqual(floorMs);
        expect(ms).toBeLessThanOrEqual(floorMs + 30_000);
      },
    ),
  );
});

it('those that a server turned away together do not come back together', () => {
  const waits = [0, 0.25, 0.5, 0.999].map((random) => backoffDelay(1, reconnect, { random, floorMs: 1_000 }));
  expect(waits).toEqual([1_000, 1_125, 1_250, 1_500]);
});
