/**
 * Looking again and again for a moment before the process sleeps, as Linux does with net.core.busy_poll: a processor that was put to sleep takes
 * tens of microseconds to wake, on a short link a third of a round trip, and Linux may wake it on the processor of whom it works for, while the other one is idle.
 * So when something has been moved the event loop goes round without waiting for as long as what comes next may take. It is given up where it does not pay: that takes
 * longer, as on any link that is not short, or others want the processor.
 */
import { availableParallelism } from 'node:os';
import { SMALL_BYTES } from './link-estimate.ts';

/**
 * How long it usually takes until what comes next is there, before any was seen, and how long it is looked for at most: the next word of who is here, the answer
 * of who is behind the server, and in a transfer from there its next packet. Machines differ by a factor of three; on a line between two of them it takes longer, and is
 * not looked for. Milliseconds.
 */
const USUAL = {
  here: { firstMs: 0.03, mostMs: 0.09 },
  there: { firstMs: 0.06, mostMs: 0.21 },
  more: { firstMs: 0.018, mostMs: 0.06 },
} as const;
/** A moment is so many times as long. */
const MOMENT = 1.4;
/** How much the last one changes what is usual. */
const LEARNING = 1 / 8;
/**
 * So long after so many small pieces on end that came in their time. Then the next one is late because who would say it has been given this very processor: Linux
 * will find him another one, but where we are asleep by then it is us that are moved, and somebody else is late the next time. Where it was over instead, twice as many
 * are needed for the next, up to the most, until so many came.
 */
const CONVERSATION = { ms: 1, answers: 3, mostAnswers: 64 } as const;
/** What takes longer is no conversation, whatever is usual: many who say little each would keep a processor busy. Milliseconds. */
const ANSWER_MS = { here: 0.04, there: 0.085, more: 0 } as const;
/** A round with nothing in it takes so long: more of them find little sooner, and the garbage of each brings the collector, which takes as long as two round trips. Milliseconds. */
const ROUND_MS = 0.004;
const TURNS = { least: 100, most: 20_000, more: 1.1, fewer: 0.9 } as const;
/** One that took so long was not ours alone. Milliseconds. */
const TAKEN_AWAY_MS = 0.5;
/** After a moment in which nothing came the next is left out, then twice as many each time, up to so many. */
const MOST_LEFT_OUT = 64;

type Next = keyof typeof USUAL;

export interface LoopDriver {
  /** Milliseconds. */
  now(): number;
  /** Calls back after what has come meanwhile was seen to, without waiting for anything. */
  soon(callback: () => void): void;
  /** Keeps the processor busy for so many turns, with nothing. */
  spin(turns: number): void;
  /** How many can work at one time. */
  processors(): number;
}

let spun = 0;

const realLoop: LoopDriver = {
  now: () => performance.now(),
  soon: (callback) => void setImmediate(callback),
  // To look at the clock meanwhile would leave more garbage than the rounds do.
  spin: (turns) => {
    for (let turn = 0; turn < turns; turn += 1) spun = (spun + turn) | 0;
  },
  processors: availableParallelism,
};

export class BusyPoll {
  private readonly loop: LoopDriver;
  /** With one processor nobody else could do what is waited for. */
  private readonly isUseful: boolean;
  private polling = false;
  /** Something was moved since the last look. */
  private isNews = false;
  /** How long what is waited for usually takes. */
  private readonly usualMs: Record<Next, number> = { here: USUAL.here.firstMs, there: USUAL.there.firstMs, more: USUAL.more.firstMs };
  /** It was given up, and nothing has come since. */
  private isMissed = false;
  /** What is waited for. */
  private next: Next = 'here';
  /** What was waited for when it came. */
  private awaited: Next = 'here';
  private newsAt = Number.NEGATIVE_INFINITY;
  private lastAt = 0;
  /** A round had nothing in it since something was moved. */
  private waited = false;
  /** Something was waited for, and came. */
  private paid = false;
  /** How often on end it came in its time. */
  private answers = 0;
  private answersNeeded: number = CONVERSATION.answers;
  private leaveOut = 0;
  private leftOut = 0;
  private turns: number = TURNS.least;
  private readonly round = (): void => this.look();

  constructor(loop: LoopDriver = realLoop) {
    this.loop = loop;
    this.isUseful = loop.processors() > 1;
  }

  /** So many bytes came from the server. */
  came(bytes: number): void {
    this.moved(bytes < SMALL_BYTES ? 'here' : 'more');
  }

  /** So many bytes went there. What is large is not made faster by this. */
  went(bytes: number): void {
    if (bytes < SMALL_BYTES) this.moved('there');
  }

  private moved(next: Next): void {
    if (!this.isUseful) return;
    if (this.polling) {
      // How long that took is still to be looked at.
      if (!this.isNews) this.awaited = this.next;
      this.isNews = true;
      this.next = next;
      return;
    }
    const now = this.loop.now();
    if (this.isMissed) this.learn(this.next, now - this.newsAt);
    this.isMissed = false;
    this.next = next;
    this.newsAt = now;
    if (this.leftOut < this.leaveOut) {
      this.leftOut += 1;
      return;
    }
    this.leftOut = 0;
    this.polling = true;
    this.paid = false;
    this.answers = 0;
    this.waited = false;
    this.lastAt = now;
    this.loop.soon(this.round);
  }

  private look(): void {
    const now = this.loop.now();
    if (this.isNews) this.seeNews(now);
    else if (now - this.newsAt > this.momentMs || now - this.lastAt > TAKEN_AWAY_MS) {
      this.giveUp();
      return;
    } else this.pass(now);
    this.lastAt = now;
    this.loop.soon(this.round);
  }

  private seeNews(now: number): void {
    const tookMs = now - this.newsAt;
    this.isNews = false;
    // What comes in the next round would have been there without us.
    if (this.waited) this.paid = true;
    if (this.next === 'more') this.answers = 0;
    else if (this.waited) this.answers = tookMs <= ANSWER_MS[this.awaited] ? this.answers + 1 : 0;
    if (this.answers >= CONVERSATION.mostAnswers) this.answersNeeded = CONVERSATION.answers;
    if (this.waited) this.learn(this.awaited, tookMs);
    this.waited = false;
    this.newsAt = now;
  }

  /**
   * From what was looked for, in time or not: from that alone which came in time each moment would be shorter than the last. Not from what came along with
   * something else.
   */
  private learn(awaited: Next, tookMs: number): void {
    if (tookMs < USUAL[awaited].mostMs) this.usualMs[awaited] += (tookMs - this.usualMs[awaited]) * LEARNING;
  }

  private usualMomentMs(awaited: Next): number {
    return Math.min(MOMENT * this.usualMs[awaited], USUAL[awaited].mostMs);
  }

  private get isConversation(): boolean {
    return this.answers >= this.answersNeeded;
  }

  private get momentMs(): number {
    return this.isConversation ? CONVERSATION.ms : this.usualMomentMs(this.next);
  }

  private pass(now: number): void {
    // The round before the first had no spinning in it, and says nothing of that.
    if (this.waited) {
      const wanted = this.turns * (now - this.lastAt < ROUND_MS ? TURNS.more : TURNS.fewer);
      this.turns = Math.min(Math.max(wanted, TURNS.least), TURNS.most);
    }
    this.waited = true;
    this.loop.spin(this.turns);
  }

  private giveUp(): void {
    this.polling = false;
    this.isMissed = true;
    if (this.isConversation) this.answersNeeded = Math.min(2 * this.answersNeeded, CONVERSATION.mostAnswers);
    this.leaveOut = this.paid ? 0 : Math.min(Math.max(2 * this.leaveOut, 1), MOST_LEFT_OUT);
  }
}
