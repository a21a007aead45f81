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
    if (this.bytes === 0 || now - this.last > Math.max(2 * tripMs, 100)) {
      // What came first tells when it began, not how long it took.
      this.bytes = 1;
      this.since = now;
      this.last = now;
      return null;
    }
    this.bytes += bytes;
    this.last = now;
    const tookMs = now - this.since;
    if (tookMs < Math.max(tripMs, LEAST_MS) || this.bytes < LEAST_BYTES) return null;
    const rate = this.bytes / tookMs;
    this.bytes = 1;
    this.since = now;
    return rate;
  }
}
