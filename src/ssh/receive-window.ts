/**
 * How much a server may send on a channel before it hears from us again (RFC 4254 §5.2). A fixed window is too small for a long link
 * and too large for a slow one, where it is a queue that every other channel waits behind. So it follows what is read in one round trip:
 * doubled as long as it is what holds the link back, and once it was found too large, kept just below what the link carries. More than
 * that is not only of no use: sshd reads ahead as much as it may send, into a buffer that it copies whole for every 16 KiB. On a short link it is OpenSSH's own at most,
 * and the least beside somebody who waits for answers.
 */
import { Pieces, type LinkEstimate } from './link-estimate.ts';
import { RateMeter } from './rate-meter.ts';
import type { WindowBudget } from './window-budget.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** Every channel has this much, without asking the budget. Bytes. */
export const LEAST_WINDOW = 256 * KIB;
/** Six times what OpenSSH asks for. With more, sshd is slower: see above. */
const MOST_WINDOW = 12 * MIB;
/** OpenSSH's own: nothing is gained by more where the round trip is shorter than 4 ms, and by less sshd runs dry. */
const LEAST_MOST = 2 * MIB;
/**
 * A link is not taken to carry more than this, in bytes a millisecond (524 MB/s, about what one thread decrypts): a round trip that was measured beside something else
 * seems longer than it is, and of what is then granted too much sshd makes a backlog at once, of which it moves 2 MB in a second.
 */
const MOST_RATE = 512 * KIB;
/** The most a window begins with. */
const MOST_AT_FIRST = 4 * MIB;
/** What a link is assumed to carry until it was seen: 40 MiB a second, in bytes a millisecond. */
const ASSUMED_RATE = (40 * MIB) / 1000;
/** Where this share of the window is read in a round trip, it is the window that limits; the rest is on its way, in grants not yet made. */
const LIMITING = 0.7;
/** Where less than this share is, for so many round trips on end, the link is what limits. */
const TOO_LARGE = 0.5;
const TRIPS_TO_SHRINK = 4;
/** Growth in a round trip: until the window was once not what limits, and after. */
const GROWTH = { first: 2, later: 1.25 } as const;
/** Less is not worth a message, except of a small window. */
const LEAST_GRANT = 64 * KIB;
/** More would leave the server of a long link without allowance for a part of each round trip. */
const MOST_GRANT = 512 * KIB;

/** The size a window begins with. */
export function firstWindow(rttMs: number): number {
  return Math.round(Math.min(Math.max(rttMs * ASSUMED_RATE, LEAST_WINDOW), MOST_AT_FIRST));
}

/** The size that a window may come to. Before the round trip is known only a short link has one that grows. */
const mostWindow = (rttMs: number): number => Math.min(Math.max(rttMs * MOST_RATE, LEAST_MOST), MOST_WINDOW);

export class ReceiveWindow {
  /** What the server may still send. */
  open: number;
  private readonly link: LinkEstimate;
  private readonly budget: WindowBudget;
  private readonly meter: RateMeter;
  private readonly pieces: Pieces;
  private size: number;
  private found = false;
  private tripsTooLarge = 0;
  private mostCarried = 0;

  constructor(link: LinkEstimate, budget: WindowBudget, now: number) {
    this.link = link;
    this.budget = budget;
    this.meter = new RateMeter(now);
    this.pieces = new Pieces(link);
    const wanted = firstWindow(link.rttMs);
    this.size = budget.take(wanted - LEAST_WINDOW) ? wanted : LEAST_WINDOW;
    this.open = this.size;
  }

  /** Bytes came; false where they are more than the server was allowed. */
  took(bytes: number): boolean {
    this.open -= bytes;
    return this.open >= 0;
  }

  /**
   * `bytes` were read on, `unread` are still held here. The number of bytes by which the server's allowance is to be raised
   * (SSH_MSG_CHANNEL_WINDOW_ADJUST), 0 where it is not worth a message yet.
   */
  read(bytes: number, unread: number, now: number): number {
    if (bytes > 0) this.pieces.moved(bytes, now);
    const tripMs = this.link.tripMs(now);
    const rate = bytes > 0 ? this.meter.add(bytes, now, tripMs) : null;
    if (rate !== null) {
      if (this.link.isAllQueue(now)) this.set(LEAST_WINDOW);
      else this.resize(rate * tripMs);
    }
    const room = this.size - this.open - unread;
    if (room < Math.min(Math.max(this.size / 8, LEAST_GRANT), MOST_GRANT)) return 0;
    this.open += room;
    return room;
  }

  /** As `read`, though it is not worth a message. */
  grant(unread: number): number {
    const room = Math.max(0, this.size - this.open - unread);
    this.open += room;
    return room;
  }

  /** The channel is gone. */
  release(): void {
    this.set(LEAST_WINDOW);
  }

  private resize(carried: number): void {
    if (carried >= TOO_LARGE * this.size) {
      this.tripsTooLarge = 0;
      this.mostCarried = 0;
    }
    const most = mostWindow(this.link.rttMs);
    if (this.budget.pressed) this.set(Math.max(this.size / 2, LEAST_WINDOW));
    // The link has turned out to be shorter than it seemed.
    else if (this.size > most) this.set(most);
    else if (carried >= LIMITING * this.size) this.set(Math.min(this.size * (this.found ? GROWTH.later : GROWTH.first), most));
    else {
      this.found = true;
      if (carried < TOO_LARGE * this.size) this.shrink(carried);
    }
  }

  /** One trip may have been held up by something else, so several are looked at. */
  private shrink(carried: number): void {
    this.tripsTooLarge += 1;
    this.mostCarried = Math.max(this.mostCarried, carried);
    if (this.tripsTooLarge < TRIPS_TO_SHRINK) return;
    this.set(Math.max(1.5 * this.mostCarried, this.size / 2, LEAST_WINDOW));
    this.tripsTooLarge = 0;
    this.mostCarried = 0;
  }

  private set(wanted: number): void {
    const size = Math.floor(wanted);
    if (size <= this.size) this.budget.give(this.size - size);
    else if (!this.budget.take(size - this.size)) return;
    this.size = size;
  }
}
