/** Waiting with a limit: every wait in the tests names what it waits for, so a failure says so. */

export class WaitTimeout extends Error {
  constructor(what: string, ms: number, detail = '') {
    super(`gave up after ${ms} ms waiting for ${what}${detail === '' ? '' : `\n${detail}`}`);
    this.name = 'WaitTimeout';
  }
}

export interface WaitOptions {
  readonly what: string;
  /** Milliseconds until it fails; default 5 000. */
  readonly ms?: number;
  /** Milliseconds between two looks; default 10. */
  readonly every?: number;
  /** Shown when the wait fails, e.g. a log. */
  readonly detail?: () => string;
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Looks until `look` gives something truthy, and returns that. */
export async function until<T>(look: () => T | Promise<T>, options: WaitOptions): Promise<Exclude<T, false | null | undefined | 0 | ''>> {
  const { what, ms = 5_000, every = 10, detail } = options;
  const deadline = performance.now() + ms;
  for (;;) {
    const seen = await look();
    if (seen) return seen as Exclude<T, false | null | undefined | 0 | ''>;
    if (performance.now() >= deadline) throw new WaitTimeout(what, ms, detail?.());
    await sleep(every);
  }
}

/** The promise's outcome, or a WaitTimeout. */
export async function within<T>(promise: Promise<T>, options: Omit<WaitOptions, 'every'>): Promise<T> {
  const { what, ms = 5_000, detail } = options;
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new WaitTimeout(what, ms, detail?.())), ms);
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}
