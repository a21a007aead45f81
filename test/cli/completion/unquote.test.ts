import { expect, it } from 'vitest';
import { unquote } from '../../../src/cli/completion/unquote.ts';

it.each([
  ['web', 'web'],
  ['', ''],
  [`'a b'`, 'a b'],
  [`'a b`, 'a b'],
  ['"a b', 'a b'],
  [String.raw`a\ b`, 'a b'],
  [String.raw`user@[::1]`, 'user@[::1]'],
  [String.raw`user@\[::1`, 'user@[::1'],
  [String.raw`"a\"b\c"`, String.raw`a"b\c`],
  [String.raw`'a\'`, 'a\\'],
  [`a'b'"c"d`, 'abcd'],
  ['a\\', 'a'],
  [`"it's"`, `it's`],
])('%s is %s', (word, meant) => {
  expect(unquote(word)).toBe(meant);
});
