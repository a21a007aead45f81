/** Values of flags, checked where a slip is still a usage error. */
import { InvalidArgumentError } from 'commander';
import { parseDuration } from '../config/duration.ts';

/** Milliseconds; the flag takes seconds, 0 to a day. */
export function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < 0 || value > 86_400)
    throw new InvalidArgumentError('It is a number of seconds, 0 to 86400.');
  return value * 1000;
}

/** Infinity is all. */
export function lineCount(text: string): number {
  if (text === 'all') return Number.POSITIVE_INFINITY;
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It is a number of lines, or all.');
  return Number(text);
}

/** A moment in milliseconds since the epoch: `10m` ago, an ISO 8601 time (local without a zone), or seconds since the epoch. */
export function moment(text: string): number {
  const ago = parseDuration(text);
  if (ago !== null && text !== '0') return Date.now() - ago;
  if (/^\d{1,11}(\.\d+)?$/.test(text)) return Math.round(Number(text) * 1000);
  // A date alone would be taken for one in UTC.
  const iso = /^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00` : text;
  const at = /^\d{4}-\d\d-\d\dT/.test(iso) ? Date.parse(iso) : Number.NaN;
  if (!Number.isFinite(at) || at < 0)
    throw new InvalidArgumentError('It is a duration (10m, 1h30m), a time (2026-01-31T08:00) or seconds since 1970.');
  return at;
}
