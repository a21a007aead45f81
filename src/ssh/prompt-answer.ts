/**
 * sshd leaves Nagle's algorithm on (RFC 1122 §4.2.3.4): what is small waits there until all before it was acknowledged, and the system here
 * puts an acknowledgement off for 40 ms, for something to send it along with. Who waits for an answer gives it nothing: a mail server's greeting
 * comes 40 ms late, as does every second piece of what a server says by itself. So after a moment we say something that changes nothing; and at once where
 * the server most likely has more to say: it has confirmed a channel, behind which a greeting may wait, or adjusted a window in the middle of a conversation.
 */

/** What is larger fills a segment, and is acknowledged by itself. Bytes. */
const SMALL_BYTES = 1_400;
/** For an answer of somebody's own to come first: the shortest that a timer keeps reliably. Milliseconds. */
const MOMENT_MS = 2;
/** While somebody always does answer it is longer, for the timer costs a tenth of the processor time of quick round trips. Milliseconds. */
const LONG_MOMENT_MS = 8;
/** So it is after as many looks that found a conversation. */
const CONVERSATION_LOOKS = 4;
/** At once is after so many turns of the event loop: who is here may have been heard in the next one, and his words then do it. */
const TURNS_AT_ONCE = 2;
/** On a slow line these must not be what fills it. Milliseconds from one to the next. */
const LEAST_APART_MS = 10;

interface Hooks {
  /** How many messages were sent so far. */
  readonly sent: () => number;
  /** How many confirmations and adjustments have come so far. */
  readonly forerunners: () => number;
  /** Sends something that changes nothing; it need not be possible. */
  readonly answer: () => void;
}

export class PromptAnswer {
  private readonly hooks: Hooks;
  private timer: NodeJS.Timeout | undefined;
  /** As many were sent when something small came last; null: what came last was large. */
  private sentBefore: number | null = null;
  /** When the first came that nothing was sent after. */
  private since = 0;
  /** As many looks on end found that somebody answers, or always has something to answer. */
  private talks = 0;
  private answeredAt = Number.NEGATIVE_INFINITY;
  private forerunners = 0;
  /** How many turns are left until it is answered at once. */
  private turnsLeft = 0;
  private readonly turn = (): void => this.takeTurn();

  constructor(hooks: Hooks) {
    this.hooks = hooks;
  }

  /** So much was read from the server, and acted on. */
  heard(bytes: number): void {
    const forerunners = this.hooks.forerunners();
    const isForerun = this.forerunners !== forerunners;
    this.forerunners = forerunners;
    if (bytes > SMALL_BYTES) {
      this.sentBefore = null;
      return;
    }
    const sent = this.hooks.sent();
    if (isForerun) {
      if (this.turnsLeft === 0) setImmediate(this.turn);
      this.turnsLeft = TURNS_AT_ONCE;
    }
    if (this.sentBefore !== sent) {
      const now = performance.now();
      if (now - this.since > LEAST_APART_MS) this.talks = 0;
      this.since = now;
      this.sentBefore = sent;
    }
    if (!this.timer) this.lookIn(this.momentMs);
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.sentBefore = null;
  }

  private takeTurn(): void {
    this.turnsLeft -= 1;
    if (this.turnsLeft > 0) setImmediate(this.turn);
    else if (this.sentBefore === this.hooks.sent()) this.answerFrom(performance.now());
  }

  private look(): void {
    this.timer = undefined;
    const now = performance.now();
    const isAnswered = this.sentBefore === null || this.sentBefore !== this.hooks.sent();
    // In the middle of a conversation there is always something that came last.
    if (isAnswered || now < this.since + this.momentMs) this.talks += 1;
    if (isAnswered) return;
    const early = Math.max(this.since + this.momentMs, this.answeredAt + LEAST_APART_MS) - now;
    if (early > 0) {
      this.lookIn(early);
      return;
    }
    this.talks = 0;
    this.answerFrom(now);
  }

  /** Not too soon after the last one: what the timer does then is enough. */
  private answerFrom(now: number): void {
    if (now < this.answeredAt + LEAST_APART_MS) return;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.sentBefore = null;
    this.answeredAt = now;
    this.hooks.answer();
  }

  private get momentMs(): number {
    return this.talks < CONVERSATION_LOOKS ? MOMENT_MS : LONG_MOMENT_MS;
  }

  private lookIn(ms: number): void {
    this.timer = setTimeout(() => this.look(), ms).unref();
  }
}
