import { expect, it } from 'vitest';
import { plot } from '../../../src/cli/top/plot.ts';

it.each<[readonly number[], number, string]>([
  [[], 4, '    '],
  [[0, 0], 4, '  ▁▁'],
  [[1], 3, '  █'],
  [[0, 1, 2, 3, 4, 5, 6, 7], 8, '▁▂▃▄▅▆▇█'],
  [[0, 1, 2, 3, 4, 5, 6, 7], 3, '▆▇█'],
  // Little is more than nothing.
  [[0, 1, 1_000_000], 3, '▁▂█'],
  [[1_000, 0], 1, '▁'],
  [[1], 0, ''],
])('%j in %d is "%s"', (values, width, drawn) => {
  expect(plot(values, width)).toBe(drawn);
});
