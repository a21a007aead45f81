import { expect, it } from 'vitest';
import { counted, formatBytes, formatDuration, formatLimit, listed } from '../../../src/cli/render/quantity.ts';

it.each([
  [0, '0.00s'],
  [312, '0.31s'],
  [9_994, '9.99s'],
  [9_995, '10.0s'],
  [59_949, '59.9s'],
  [59_950, '1m00s'],
  [125_000, '2m05s'],
  [3_599_600, '1h00m'],
  [3_725_000, '1h02m'],
])('%d ms is %s', (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});

it.each([
  [10_000, '10s'],
  [500, '500ms'],
  [120_000, '2m'],
  [0, '0s'],
  [90_000, '90s'],
])('a limit of %d ms is %s', (ms, text) => {
  expect(formatLimit(ms)).toBe(text);
});

it.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1.0 KiB'],
  [1536, '1.5 KiB'],
  [1024 * 1024 - 1, '1.0 MiB'],
  [64 * 1024 * 1024, '64.0 MiB'],
  [5 * 1024 ** 5, '5120.0 TiB'],
])('%d bytes are %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

it('counts nouns and joins lists', () => {
  expect([counted(1, 'tunnel'), counted(0, 'tunnel')]).toEqual(['1 tunnel', '0 tunnels']);
  expect([listed([]), listed(['a']), listed(['a', 'b']), listed(['a', 'b', 'c'])]).toEqual(['', 'a', 'a and b', 'a, b and c']);
});
