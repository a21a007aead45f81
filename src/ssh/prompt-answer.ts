/**
 * sshd leaves Nagle's algorithm on (RFC 1122 §4.2.3.4): what is small waits there until all before it was acknowledged, and the system here
 * puts an acknowledgement off for 40 ms, for something to send it along with. Who waits for an answer gives it nothing: a mail server's greeting
 * comes 40 ms late, as does every second piece of what a server says by itself. So after a moment we say something that changes nothing.
 */

/** What is larger fills a segment, and is acknowledged by itself. Bytes. */
const SMALL_BYTES = 1_400;
/** For an answer of somebody's own to come first: the shortest that a timer keeps reliably. Milliseconds. */
const MOMENT_MS = 2;
/** On a slow line these must not be what fills it. Milliseconds from one to the next. */
const LEAST_APART_MS = 10;

interface Hooks {
  /** How many messages were sent so far. */
  readonly sent: () => number;
  /** Sends something that changes nothing; it need not be possible. */
  readonly answer: () => void;
}

export class PromptAnswer {
  private readonly hooks: Hooks;
  private timer: NodeJS.Timeout | undefined;
  /** As many were sent when something small came last; null: what came last was large. */
  private sentBefore: number | null = null;
  private answeredAt = Number.NEGATIVE_INFINITY;

  constructor(hooks: Hooks) {
    this.hooks = hooks;
  }

  /** So much was read from the server, and acted on. */
  heard(bytes: number): void {
    if (bytes > SMALL_BYTES) {
      this.sentBefore = null;
      return;
    }
    this.sentBefore = this.hooks.sent();
    this.timer ??= setTimeout(() => this.look(), MOMENT_MS).unref();
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.sentBefore = null;
  }

  private look(): void {
    this.timer = undefined;
    if (this.sentBefore === null || this.sentBefore !== this.hooks.sent()) return;
    const early = this.answeredAt + LEAST_APART_MS - performance.now();
    if (early > 0) {
      this.timer = setTimeout(() => this.look(), early).unref();
      return;
    }
    this.sentBefore = null;
    this.answeredAt = performance.now();
    this.hooks.answer();
  }
}
