/** Medians and the like; pure. */

const ascending = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b);

/** The value below which this share of the values lies, between neighbours where it falls between; NaN for none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = ascending(values);
  const place = (sorted.length - 1) * share;
  const below = sorted[Math.floor(place)];
  const above = sorted[Math.ceil(place)];
  if (below === undefined || above === undefined) return Number.NaN;
  return below + (above - below) * (place - Math.floor(place));
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** The ratios of the rounds: what was measured one after the other is compared, so a machine that slows down slows both. */
export function pairedRatios(ours: readonly number[], theirs: readonly number[]): number[] {
  const count = Math.min(ours.length, theirs.length);
  return Array.from({ length: count }, (_, round) => (ours[round] ?? 0) / (theirs[round] ?? 0)).filter(Number.isFinite);
}

export interface Spread {
  readonly least: number;
  readonly most: number;
}

/** From the lower to the upper quarter. */
export const spread = (values: readonly number[]): Spread | null =>
  values.length === 0 ? null : { least: quantile(values, 0.25), most: quantile(values, 0.75) };
