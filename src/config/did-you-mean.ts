/** The name the user probably meant, of those that are in scope. */

/** Optimal string alignment: insertions, deletions, replacements and swapped neighbours cost 1 each. Infinity beyond `limit`. */
export function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return Number.POSITIVE_INFINITY;
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, (beforeLast[j - 2] ?? 0) + 1);
      row.push(cost);
    }
    if (Math.min(...row) > limit) return Number.POSITIVE_INFINITY;
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? Number.POSITIVE_INFINITY;
}

/** Case, and `-` for `_`, are no difference worth counting. */
const normal = (name: string): string => name.toLowerCase().replaceAll('-', '_');

/** How many letters may be wrong: few in a short name. */
const tolerance = (length: number): number => (length <= 4 ? 1 : length <= 5 ? 2 : 3);

/** Null where nothing is near enough: a wrong guess is worse than none. */
export function nearest(name: string, candidates: Iterable<string>): string | null {
  if (name.length > 128) return null;
  const wanted = normal(name);
  let best: string | null = null;
  let limit = Math.min(tolerance(wanted.length), wanted.length - 1) + 1;
  for (const candidate of candidates) {
    if (candidate === name) continue;
    const distance = editDistance(wanted, normal(candidate), limit - 1);
    if (distance >= limit) continue;
    best = candidate;
    limit = distance;
  }
  return best;
}

export function didYouMean(name: string, candidates: Iterable<string>): string | null {
  const near = nearest(name, candidates);
  return near === null ? null : `did you mean "${near}"?`;
}
