/** Durations as `500ms 15s 2m 1h`, and several of them in a row. */
const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** As far as a timer goes (2^31 - 1 ms, 24.8 days): a longer one would fire at once. */
export const MAX_DURATION_MS = 2_147_483_647;

/** Milliseconds; null where it is no duration. `0` needs no unit. */
export function parseDuration(text: string): number | null {
  if (text === '0') return 0;
  if (!/^(?:\d{1,9}(?:\.\d{1,3})?(?:ms|s|m|h))+$/.test(text)) return null;
  let total = 0;
  for (const [, count, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)) total += Number(count) * (UNITS[unit ?? ''] ?? 0);
  return Math.round(total);
}
