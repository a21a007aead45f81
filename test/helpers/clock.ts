/** A clock that stands still until it is told to go on. */

/** What the program's own clock port asks for. */
export interface ManualClock {
  /** Milliseconds since the epoch; begins at `start`. */
  now(): number;
  setTimeout(callback: () => void, ms: number): number;
  clearTimeout(timer: unknown): void;
  /** Always `chance`, until that is changed; in [0, 1). */
  random(): number;
  chance: number;
  /**
   * Moves on by `ms`, running every timer that falls due, in order of time, each at its own time; promises that a timer
   * settles are given their turn before the next one.
   */
  advance(ms: number): Promise<void>;
  /** The same without waiting for promises. */
  advanceSync(ms: number): void;
  /** When the timers that are set will run, in ms from now, soonest first. */
  pending(): number[];
  /** The wall clock jumps and no timer runs, as after a machine slept. */
  jump(ms: number): void;
}

interface Timer {
  readonly id: number;
  at: number;
  readonly callback: () => void;
}

/** Lets everything that is ready run: a macrotask turn empties the microtask queue on the way. */
export const flush = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export function manualClock(start = 1_700_000_000_000): ManualClock {
  let now = start;
  let lastId = 0;
  const timers = new Map<number, Timer>();
  const due = (until: number): Timer | undefined =>
    [...timers.values()].filter((timer) => timer.at <= until).sort((a, b) => a.at - b.at || a.id - b.id)[0];

  /** Runs the next timer due by then; false when there is none. */
  const step = (until: number): boolean => {
    const timer = due(until);
    if (timer === undefined) return false;
    timers.delete(timer.id);
    now = Math.max(now, timer.at);
    timer.callback();
    return true;
  };

  const clock: ManualClock = {
    now: () => now,
    chance: 0.5,
    random: () => clock.chance,
    setTimeout: (callback, ms) => {
      lastId += 1;
      timers.set(lastId, { id: lastId, at: now + Math.max(0, ms), callback });
      return lastId;
    },
    clearTimeout: (timer) => {
      timers.delete(timer as number);
    },
    advance: async (ms) => {
      const until = now + ms;
      await flush();
      while (step(until)) await flush();
      now = until;
    },
    advanceSync: (ms) => {
      const until = now + ms;
      while (step(until));
      now = until;
    },
    pending: () => [...timers.values()].map((timer) => timer.at - now).sort((a, b) => a - b),
    jump: (ms) => {
      now += ms;
      for (const timer of timers.values()) timer.at += ms;
    },
  };
  return clock;
}
