/**
 * How much of a channel may be on its way to the server: what the server allows (RFC 4254 §5.2), and no more than twice what the link
 * carries in a round trip. OpenSSH's servers allow 2 MiB, which on a slow link is seconds of queue that every other channel waits
 * behind. On a short link beside somebody who waits it is a number of bytes, for a fast link's round trip is all queue. What arrived is known from the server's window adjustments; a server that makes few of them is not held to it.
 */
import { Pieces, type LinkEstimate } from './link-estimate.ts';
import { RateMeter } from './rate-meter.ts';

const KIB = 1024;
/** Twice what sshd lets come in before it adjusts (three packets of 32 KiB), else both sides would wait. Bytes. */
const LEAST_IN_FLIGHT = 192 * KIB;
/** What is in flight where that is all queue, and somebody waits for answers behind it. Bytes. */
const QUEUE_IN_FLIGHT = 384 * KIB;
/** What a link is assumed to carry until it was seen: 40 MiB a second, in bytes a millisecond. */
const ASSUMED_RATE = (40 * 1024 * KIB) / 1000;
/** No adjustment for this long although as much as is wanted is on its way: the server makes few. Milliseconds. */
const STALL_MS = 250;
/** On a slow link twice as long as the last one took, up to this. */
const LONGEST_STALL_MS = 4_000;

export class SendWindow {
  /** What the server still allows. */
  allowed: number;
  private readonly link: LinkEstimate;
  private readonly meter: RateMeter;
  private readonly pieces: Pieces;
  private inFlight = 0;
  private most: number;
  private stalled = false;
  /** What the server reads before it adjusts, where that stalled us. */
  private lump = 0;
  /** Our own limit was reached since the last measure: else what arrived says nothing of what the link carries. */
  private reached = false;
  /** Since when nothing more may be sent, or the last adjustment. */
  private fullAt = 0;
  /** How long it was so before that. */
  private gapMs = 0;

  constructor(link: LinkEstimate, allowed: number, now: number) {
    this.link = link;
    this.allowed = allowed;
    this.meter = new RateMeter(now);
    this.pieces = new Pieces(link);
    this.most = Math.max(Math.floor(link.rttMs * ASSUMED_RATE), 2 * LEAST_IN_FLIGHT);
  }

  /** What may be sent now. */
  get open(): number {
    return Math.min(this.allowed, this.most - this.inFlight);
  }

  /** Only our own limit holds it back: without an adjustment for `stallMs` that is to be lifted by `stall`. */
  get heldBack(): boolean {
    return this.allowed > 0 && this.most <= this.inFlight;
  }

  /** How long without an adjustment before `stall`. Milliseconds. */
  get stallMs(): number {
    return Math.min(Math.max(STALL_MS, 2 * this.gapMs), LONGEST_STALL_MS);
  }

  sent(bytes: number, now: number): void {
    this.pieces.moved(bytes, now);
    this.allowed -= bytes;
    this.inFlight += bytes;
    if (!this.isFull) return;
    this.reached = true;
    // After a stall it was full all along.
    if (this.stalled) return;
    this.fullAt = now;
    this.meter.full(now, this.link.tripMs(now));
  }

  adjusted(bytes: number, now: number): void {
    const tripMs = this.link.tripMs(now);
    if (this.isFull) {
      // Nothing could be sent until now, so that it is the link that took so long.
      this.meter.stillFull(now);
      this.reached = true;
    }
    this.gapMs = this.isFull ? now - this.fullAt : 0;
    this.fullAt = now;
    this.allowed += bytes;
    this.inFlight = Math.max(0, this.inFlight - bytes);
    // A server whose adjustments are larger than our limit would stall us each time.
    if (this.stalled) {
      this.lump = bytes;
      if (2 * bytes > this.most) this.most = 2 * bytes;
    }
    this.stalled = false;
    const rate = this.meter.add(bytes, now, tripMs);
    if (rate === null || !this.reached) return;
    this.reached = false;
    const wanted = this.link.isAllQueue(now)
      ? Math.max(QUEUE_IN_FLIGHT, 2 * this.lump)
      : Math.min(Math.max(2 * rate * tripMs, 2 * bytes, LEAST_IN_FLIGHT), 2 * this.most);
    this.most = Math.floor(Math.max(wanted, this.most / 4));
  }

  private get isFull(): boolean {
    return this.inFlight >= this.most || this.allowed <= 0;
  }

  stall(): void {
    this.stalled = true;
    this.most *= 2;
  }
}
