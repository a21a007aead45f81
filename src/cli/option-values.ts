/** Values of flags, checked where a slip is still a usage error. */
import { InvalidArgumentError } from 'commander';
import { parseDuration } from '../config/duration.ts';

const MOST_SECONDS = 86_400;

/** Milliseconds; the flag takes seconds, 0 to a day, or a time as tunnels.yaml has it: `10s`, `1m30s`. */
export function seconds(text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  const ms = Number.isNaN(value) ? parseDuration(text) : value * 1000;
  if (ms === null || !(ms >= 0 && ms <= MOST_SECONDS * 1000))
    throw new InvalidArgumentError(`It is a number of seconds, 0 to ${MOST_SECONDS}, or a time like 1m30s.`);
  return ms;
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
