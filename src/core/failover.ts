/** Which of a tunnel's hosts carries it: the first that is up; back to an earlier one only once that has proven stable. */

export interface Candidate {
  readonly up: boolean;
  /** It was tried and is not up: the next one is worth a connection. */
  readonly down: boolean;
  /** Milliseconds since it came up; 0 while it is not. */
  readonly upForMs: number;
}

/** How long an earlier host must have been up again before the tunnel goes back to it; milliseconds. */
export const FAIL_BACK_AFTER_MS = 30_000;

/** The index of the host to go through. Stays with `current` while nothing better is known, or while that is on its way. */
export function chooseHost(candidates: readonly Candidate[], current: number): number {
  const firstUp = candidates.findIndex((each) => each.up);
  const now = candidates[current];
  if (firstUp < 0) return now ? current : 0;
  // One that is being tried for the first time is not passed over for a later one that others have brought up already.
  if (!now?.up) return now && !now.down && current < firstUp ? current : firstUp;
  const stable = candidates.findIndex((each) => each.up && each.upForMs >= FAIL_BACK_AFTER_MS);
  return stable >= 0 && stable < current ? stable : current;
}

/** How many of the hosts, from the first on, are to be connected: up to the first that is not down. */
export function hostsWanted(candidates: readonly Candidate[]): number {
  const first = candidates.findIndex((each) => !each.down);
  return first < 0 ? candidates.length : first + 1;
}

/** Milliseconds until an earlier host than `current` counts as stable; null where none is on the way. */
export function failBackIn(candidates: readonly Candidate[], current: number): number | null {
  const waits = candidates.slice(0, current).flatMap((each) => (each.up ? [FAIL_BACK_AFTER_MS - each.upForMs] : []));
  return waits.length === 0 ? null : Math.max(0, Math.min(...waits));
}
