import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { lineCount, moment, seconds } from '../../src/cli/option-values.ts';

const NOW = Date.parse('2026-01-31T12:00:00Z');
beforeEach(() => void vi.useFakeTimers({ now: NOW, toFake: ['Date'] }));
afterEach(() => void vi.useRealTimers());

it.each([
  ['0', 0],
  ['1.5', 1_500],
  ['86400', 86_400_000],
  ['10s', 10_000],
  ['1m30s', 90_000],
])('%s seconds are %d ms', (text, ms) => expect(seconds(text)).toBe(ms));

it.each(['', ' ', 'soon', '-1', '86401', '25h', 'Infinity', 'NaN'])('%j is no number of seconds', (text) =>
  expect(() => seconds(text)).toThrow('number of seconds'),
);

it.each([
  ['10m', NOW - 600_000],
  ['1h30m', NOW - 5_400_000],
  ['500ms', NOW - 500],
  ['0s', NOW],
  ['2026-01-31T11:00:00Z', NOW - 3_600_000],
  ['2026-01-31T13:00:00.5+01:00', NOW + 500],
  ['2026-01-31T08:00', new Date(2026, 0, 31, 8).getTime()],
  ['2026-01-31', new Date(2026, 0, 31).getTime()],
  ['1769860800', 1_769_860_800_000],
  ['0', 0],
])('--since %s is a moment', (text, at) => expect(moment(text)).toBe(at));

it.each(['yesterday', '31.01.2026', '2026-13-01T00:00', ''])('--since %j is none', (text) =>
  expect(() => moment(text)).toThrow('It is a duration'),
);

it.each<[string, number]>([
  ['0', 0],
  ['25', 25],
  ['all', Number.POSITIVE_INFINITY],
])('-n %s is %d', (text, count) => expect(lineCount(text)).toBe(count));

it.each(['-1', '1.5', 'few', ''])('-n %j is none', (text) => expect(() => lineCount(text)).toThrow('number of lines'));
