import { expect, test } from 'vitest';
import { isCompiled } from '../../bench/standings.ts';

const before = { all: 10, helpers: 5 };

test.each([
  ['nothing of it was taken by other threads', { all: 11, helpers: 5 }, true],
  ['less than a hundredth was', { all: 11, helpers: 5.009 }, true],
  ['more was', { all: 11, helpers: 5.011 }, false],
  ['it was all of it', { all: 11, helpers: 6 }, false],
  ['nothing was taken at all', before, true],
  ['they are not counted apart', { all: 11, helpers: Number.NaN }, true],
])('whether a program is compiled where %s', (_, now, expected) => {
  expect(isCompiled(before, now)).toBe(expected);
});
