/**
 * The round trip of a connection that has just come up. It is asked for at once, because windows are sized by it, and again once the work of
 * starting is over: beside that a process takes tens of milliseconds to notice an answer.
 */

/** Since the connection came up; milliseconds. */
const AGAIN_MS = [250, 1_000] as const;
/** What is measured of a younger connection can be too long, but not too short. Milliseconds. */
export const SETTLED_MS = 1_500;

interface FirstTripsHooks {
  /** Resolves when it was answered. */
  readonly ask: () => Promise<unknown>;
  /** A round trip that cannot have been mistaken for a longer one: not asked for again. */
  readonly isShort: () => boolean;
}

export class FirstTrips {
  private readonly timers: NodeJS.Timeout[];

  constructor({ ask, isShort }: FirstTripsHooks) {
    const again = (): void => {
      if (!isShort()) ask().catch(() => undefined);
    };
    // Twice at once: the first is answered beside the end of connecting.
    ask()
      .then(() => ask())
      .catch(() => undefined);
    this.timers = AGAIN_MS.map((ms) => setTimeout(again, ms));
  }

  stop(): void {
    for (const timer of this.timers) clearTimeout(timer);
  }
}
