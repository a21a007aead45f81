/** What is known of the way to a server: the round trip without queues, and whether somebody on it waits for answers. What may be in flight is sized by it. */

/** Bytes moved either way while a ping was under way, up to which the link counts as quiet. */
const QUIET_BYTES = 64 * 1024;

/** Who moves less at a time waits for an answer to it. Bytes. */
export const SMALL_BYTES = 4 * 1024;
/** So long after the last such piece somebody still does; milliseconds. */
const INTERACTIVE_MS = 200;
/** On a link with a shorter round trip than this, where nobody waits, as much is in flight as it carries in so long: to be woken, and to answer. Milliseconds. */
const ALONE_MS = 4;
/** On a link with a shorter round trip than this what is in flight fills no line, but lies in queues. Milliseconds. */
const SHORT_MS = 1;

/** So long after the first time it is asked again where a link does not seem to be short, and then after twice as long each time. Milliseconds. */
const FIRST_APART_MS = 10;

export class LinkEstimate {
  /** The round trip when nothing is queued, in milliseconds; 0 until the first sample. */
  rttMs = 0;
  private interactiveAt = Number.NEGATIVE_INFINITY;
  private nextLookAt = 0;
  private apartMs = FIRST_APART_MS;

  /** Somebody waits for answers: those who move much are to keep the queues short, though that costs them some of their speed. */
  hasInteractive(now: number): boolean {
    return now - this.interactiveAt < INTERACTIVE_MS;
  }

  sawInteractive(now: number): void {
    this.interactiveAt = now;
  }

  /** What the windows reckon with; milliseconds. */
  tripMs(now: number): number {
    return Math.max(this.rttMs, this.hasInteractive(now) ? 0 : ALONE_MS);
  }

  /**
   * Something comes over a link that does not seem to be short: whether it is time to ask for the round trip, for `atMost`; who gets a yes asks. A process that has
   * just started, or slept, takes tens of milliseconds to notice an answer.
   */
  takeLook(now: number): boolean {
    if (this.rttMs === 0 || this.isShort || now < this.nextLookAt) return false;
    this.nextLookAt = now + this.apartMs;
    this.apartMs *= 2;
    return true;
  }

  get isShort(): boolean {
    return this.rttMs > 0 && this.rttMs < SHORT_MS;
  }

  /** Somebody waits for answers, and what is in flight is nothing but a queue before them: let it be as little as will do, however fast the link. */
  isAllQueue(now: number): boolean {
    return this.isShort && this.hasInteractive(now);
  }

  /**
   * A ping was answered after `ms`, and `movedBytes` went either way meanwhile. Beside a transfer a round trip holds the time in queues, so that one
   * can only lower the estimate; on a quiet link it may raise it, for the way may have changed.
   */
  sample(ms: number, movedBytes: number): void {
    const wasShort = this.isShort;
    if (this.rttMs === 0 || ms <= this.rttMs) this.rttMs = ms;
    else if (movedBytes < QUIET_BYTES) this.rttMs += (ms - this.rttMs) / 4;
    if (wasShort && !this.isShort) this.apartMs = FIRST_APART_MS;
  }

  /** A round trip took `ms`, and something else with it. */
  atMost(ms: number): void {
    if (this.rttMs === 0 || this.rttMs > ms) this.rttMs = ms;
  }
}

/** What one channel moves in one direction. */
export class Pieces {
  private usual = 0;
  private readonly link: LinkEstimate;

  constructor(link: LinkEstimate) {
    this.link = link;
  }

  moved(bytes: number, now: number): void {
    this.usual = this.usual === 0 ? bytes : this.usual + (bytes - this.usual) / 8;
    if (this.usual < SMALL_BYTES) this.link.sawInteractive(now);
  }
}
