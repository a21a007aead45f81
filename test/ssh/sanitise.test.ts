import { expect, test } from 'vitest';
import { sanitiseLine, sanitiseText } from '../../src/ssh/sanitise.ts';

test.each([
  ['colours', '\u001b[31mred\u001b[0m', 'red'],
  ['a window title', 'a\u001b]0;title\u0007b', 'ab'],
  ['a window title ended by ST', 'a\u001b]0;title\u001b\\b', 'ab'],
  ['an operating system command cut off', 'a\u001b]52;c;ZXZpbA==', 'a'],
  ['a device control string', 'a\u001bPq#0\u001b\\b', 'ab'],
  ['eight-bit controls', 'a\u009b31mb\u0085c', 'abc'],
  ['cursor movement', 'a\u001b[2J\u001b[1;1Hb', 'ab'],
  ['a reset', 'a\u001bcb', 'ab'],
  ['a lone escape', 'a\u001b', 'a'],
  ['bells and backspaces', 'a\u0007\b\b\u007fb', 'ab'],
  ['right-to-left overrides', 'a\u202egnp.exe', 'agnp.exe'],
  ['line breaks', 'a\r\nb\rc\td', 'a b c d'],
  ['letters of any language', 'Grüße, 你好', 'Grüße, 你好'],
])('%s', (_name, text, expected) => {
  expect(sanitiseLine(text)).toBe(expected);
});

test('a text keeps its lines, and is cut where it is too long', () => {
  expect(sanitiseText('one\r\ntwo\n\u001b[1mthree')).toBe('one\ntwo\nthree');
  expect(sanitiseLine('x'.repeat(5_000), 10)).toBe(`${'x'.repeat(9)}…`);
  expect(sanitiseText('x'.repeat(50_000))).toHaveLength(4_000);
});

test('no input takes long', () => {
  const from = performance.now();
  for (const text of ['\u001b]'.repeat(50_000), '\u001b['.repeat(50_000), `\u001b]${'a'.repeat(200_000)}`, '\u001b[;'.repeat(50_000)])
    sanitiseText(text);
  expect(performance.now() - from).toBeLessThan(1_000);
});
