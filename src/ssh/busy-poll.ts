/**
 * Looking again and again for a moment before the process sleeps, as Linux does with net.core.busy_poll: a processor that was put to sleep takes
 * tens of microseconds to wake, on a short link a third of a round trip. So when something small has been moved, for which somebody waits for an answer, the
 * event loop goes round without waiting until nothing was for as long. It is given up where it does not pay: what comes next takes longer, as on any
 * link that is not short, or others want the processor.
 */
import { availableParallelism } from 'node:os';
import { SMALL_BYTES } from './link-estimate.ts';

/** How long it is looked for what comes next. Milliseconds. */
const MOMENT_MS = 0.2;
/** A round without anything in it takes a few microseconds; one that took so long was not ours alone. Milliseconds. */
const TAKEN_AWAY_MS = 0.5;
/** It pays where at least this share of the moments, of about the last `LAST`, ended with something. */
const LEAST_SHARE = 0.25;
const LAST = 16;
/** Where it does not, one of so many moments is tried. */
const TRY_EVERY = 64;

export interface LoopDriver {
  /** Milliseconds. */
  now(): number;
  /** Calls back after what has come meanwhile was seen to, without waiting for anything. */
  soon(callback: () => void): void;
  /** How many can work at one time. */
  processors(): number;
}

const realLoop: LoopDriver = {
  now: () => performance.now(),
  soon: (callback) => void setImmediate(callback),
  processors: availableParallelism,
};

export class BusyPoll {
  private readonly loop: LoopDriver;
  /** With one processor nobody else could do what is waited for. */
  private readonly isUseful: boolean;
  private polling = false;
  /** Something was moved since the last look. */
  private isNews = false;
  private until = 0;
  private lastAt = 0;
  /** A round had nothing in it since something was moved. */
  private waited = false;
  private share = 1;
  private skipped = 0;
  private readonly round = (): void => this.look();

  constructor(loop: LoopDriver = realLoop) {
    this.loop = loop;
    this.isUseful = loop.processors() > 1;
  }

  /** So many bytes came or went. What is large is not made faster by this, and costs more. */
  moved(bytes: number): void {
    if (bytes >= SMALL_BYTES || !this.isUseful) return;
    this.isNews = true;
    if (this.polling) return;
    if (this.share < LEAST_SHARE) {
      this.skipped += 1;
      if (this.skipped < TRY_EVERY) return;
    }
    this.skipped = 0;
    this.polling = true;
    this.waited = false;
    this.lastAt = this.loop.now();
    this.loop.soon(this.round);
  }

  private look(): void {
    const now = this.loop.now();
    const { isNews } = this;
    this.isNews = false;
    if (isNews) {
      // What comes in the next round would have been there without us.
      if (this.waited) this.count(true);
      this.waited = false;
      this.until = now + MOMENT_MS;
    } else if (now > this.until || now - this.lastAt > TAKEN_AWAY_MS) {
      this.polling = false;
      this.count(false);
      return;
    } else this.waited = true;
    this.lastAt = now;
    this.loop.soon(this.round);
  }

  private count(paid: boolean): void {
    this.share += ((paid ? 1 : 0) - this.share) / LAST;
  }
}
