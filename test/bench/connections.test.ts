import { describe, expect, test } from 'vitest';
import { rateForNothing } from '../../bench/measures/connections.ts';

describe('the rate of a forwarder that costs nothing', () => {
  test('is that of the rest of the machine: of two processors, 2 ms of 4 at 500 a second were its own', () => {
    expect(rateForNothing(500, 0.002, 2)).toBeCloseTo(1_000);
  });

  test('is the same where it cost nothing anyway', () => {
    expect(rateForNothing(500, 0, 2)).toBe(500);
  });
});
