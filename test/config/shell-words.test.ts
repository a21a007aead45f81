import { describe, expect, test } from 'vitest';
import { splitWords } from '../../src/config/shell-words.ts';

const words = (text: string): readonly string[] | string => {
  const split = splitWords([{ text, fixed: false }]);
  return split.ok ? split.value.map((word) => word.text) : split.error.message;
};

describe('words are split as a shell does', () => {
  test.each([
    ['', []],
    ['   ', []],
    ['a b\tc\nd', ['a', 'b', 'c', 'd']],
    ['"a b" c', ['a b', 'c']],
    [`'a "b" \\c'`, ['a "b" \\c']],
    [`"a 'b' \\"c\\""`, [`a 'b' "c"`]],
    ['a\\ b', ['a b']],
    ['""', ['']],
    ['a""b', ['ab']],
    ['-L"8080:a:1"', ['-L8080:a:1']],
    ['a\\', ['a\\']],
    ['"a', 'the quote " is not closed'],
    [`it's`, "the quote ' is not closed"],
  ])('%j', (text, expected) => {
    expect(words(text)).toEqual(expected);
  });
});

test('each word knows its place', () => {
  const text = ` -L  "a b" c`;
  const split = splitWords([{ text, fixed: false }]);
  expect(split.ok && split.value.map((word) => text.slice(word.start, word.end))).toEqual(['-L', '"a b"', 'c']);
});

test('what came from a variable is neither split nor unquoted, and a word that begins with it is no option', () => {
  const split = splitWords([
    { text: 'a ', fixed: false },
    { text: '-g "x" y', fixed: true },
    { text: 'z -N', fixed: false },
  ]);
  expect(split.ok && split.value.map((word) => [word.text, word.mayBeOption])).toEqual([
    ['a', true],
    ['-g "x" yz', false],
    ['-N', true],
  ]);
});
