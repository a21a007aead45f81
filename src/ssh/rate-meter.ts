/** How fast bytes come while they come without a pause: what a link carries, not what a quiet application asks of it. */

/** Fewer bytes than these are no transfer: they say nothing of the link. */
const LEAST_BYTES = 128 * 1024;
/** The shortest time over which a rate is measured; what comes in lumps is smoothed by it. Milliseconds. */
const LEAST_MS = 10;

export class RateMeter {
  private bytes = 0;
  private since = 0;
  private last: number;

  constructor(now: number) {
    this.last = now;
  }

  /**
   * `bytes` came at `now` over a link with a round trip of `tripMs`. Bytes per millisecond once a whole round trip has been measured,
   * else null. A pause of two round trips (100 ms at least) begins anew.
   */
  add(bytes: number, now: number, tripMs: number): number | null {
    if (this.bytes === 0 || this.paused(now, tripMs)) {
      // What came first tells when it began, not how long it took.
      this.begin(now);
      return null;
    }
    this.bytes += bytes;
    this.last = now;
    const tookMs = now - this.since;
    if (tookMs < Math.max(tripMs, LEAST_MS) || this.bytes < LEAST_BYTES) return null;
    const rate = this.bytes / tookMs;
    this.begin(now);
    return rate;
  }

  /** As much as may be is under way from `now` on: after a pause the time counts from here. */
  full(now: number, tripMs: number): void {
    if (this.bytes === 0) return;
    if (this.paused(now, tripMs)) this.begin(now);
    else this.last = now;
  }

  /** And was until `now`: however long the next bytes took, that is no pause. */
  stillFull(now: number): void {
    this.last = now;
  }

  private paused(now: number, tripMs: number): boolean {
    return now - this.last > Math.max(2 * tripMs, 100);
  }

  private begin(now: number): void {
    this.bytes = 1;
    this.since = now;
    this.last = now;
  }
}
