import { describe, expect, test } from 'vitest';
import { median, pairedRatios, quantile, spread } from '../../bench/statistics.ts';

describe('the statistics of the bench', () => {
  test('the median is the middle one, or lies between the two in the middle', () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([])).toBeNaN();
  });

  test('numbers are put in order as numbers, and the caller keeps his order', () => {
    const values = [10, 9, 100];
    expect(median(values)).toBe(10);
    expect(values).toEqual([10, 9, 100]);
  });

  test('a quantile lies between its neighbours', () => {
    expect(quantile([0, 10], 0.25)).toBe(2.5);
    expect(quantile([1, 2, 3], 1)).toBe(3);
    expect(quantile([7], 0.99)).toBe(7);
  });

  test('ratios are those of the same round, as far as both sides went', () => {
    expect(pairedRatios([1, 4, 9], [2, 2])).toEqual([0.5, 2]);
    expect(pairedRatios([1], [0])).toEqual([]);
  });

  test('the spread is from the lower to the upper quarter', () => {
    expect(spread([1, 2, 3, 4, 5])).toEqual({ least: 2, most: 4 });
    expect(spread([])).toBeNull();
  });
});
