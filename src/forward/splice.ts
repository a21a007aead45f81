/**
 * Joins two byte streams until both are done: the one place where bytes of a connection are moved.
 * Written by hand because SSH channels break what stream.pipeline relies on: destroy() leaves `destroyed` false and drops the
 * error, a write to a closed channel never calls back, and 'close' comes only once the readable side is drained.
 *
 *   flowing ── one side's 'end' ──▶ half-closed (the other way lives on) ── the other's 'end' ──▶ flushing ──▶ done
 *      └─ 'error', or 'close' without 'end' ──▶ the other side is reset ──▶ done
 */
import type { Duplex } from 'node:stream';
import { Half, type Together } from './half.ts';
import { closeStream, resetStream } from './reset-stream.ts';

export interface SpliceOptions {
  /** How long the last bytes for a side may make no progress once nothing else can happen on the pair. Milliseconds; 300 000. */
  readonly stallMs?: number;
  /** How long a side that both ended and got everything may take to close by itself (a channel waits for the far end). 30 000. */
  readonly closeMs?: number;
  /** How long a side is read on, and its bytes dropped, after its peer has gone, so that its own last bytes arrive. 2 000. */
  readonly lingerMs?: number;
}

export interface SpliceResult {
  /** Bytes that came from `b`, for `a`. */
  readonly rxBytes: number;
  /** Bytes that came from `a`, for `b`. */
  readonly txBytes: number;
  /** True where it did not end with both sides' own end: an error, a reset, or bytes nobody could take any more. */
  readonly broken: boolean;
  /** The words of the error that ended it, if one did. */
  readonly error: string | null;
}

export interface Splice {
  /** Resolves once, when both sides are closed or given up on; never rejects. */
  readonly done: Promise<SpliceResult>;
  readonly rxBytes: number;
  readonly txBytes: number;
  /** Cuts both sides at once: a TCP reset where there is TCP, a closed channel otherwise. */
  reset(): void;
  /** Closes both sides at once, without a reset. */
  close(): void;
}

const STALL_MS = 300_000;
const CLOSE_MS = 30_000;
const LINGER_MS = 2_000;
/** After destroy(): 'close' is expected at once, save from a channel whose server does not answer. */
const GIVE_UP_MS = 5_000;

/**
 * Splices `a` (the client) and `b` (the target). Takes both over: nobody else may read, write or close them from now on.
 * Both may be paused, may hold unshifted bytes, and may already have ended.
 */
export const splice = (a: Duplex, b: Duplex, options: SpliceOptions = {}): Splice => new Pair(a, b, options);

/** What is waited for, each for no longer than it may take. */
type Stage = 'flush' | 'linger' | 'close' | 'give-up';

class Pair implements Splice, Together {
  readonly done: Promise<SpliceResult>;
  broken = false;
  /** Both were reset. */
  cut = false;
  error: string | null = null;
  private readonly options: SpliceOptions;
  private readonly left: Half;
  private readonly right: Half;
  private settled = false;
  private settle!: (result: SpliceResult) => void;
  private timer: NodeJS.Timeout | undefined;
  private stage: Stage | null = null;
  /** Who is waited for while it is 'flush', and what it had not taken when that began. */
  private flushing: Half | null = null;
  private flushBytes = 0;

  constructor(a: Duplex, b: Duplex, options: SpliceOptions) {
    this.options = options;
    this.done = new Promise((resolve) => {
      this.settle = resolve;
    });
    const left = new Half(a, this);
    const right = new Half(b, this);
    this.left = left;
    this.right = right;
    left.attach(right);
    right.attach(left);
    if (left.ended && !right.ending) right.end();
    if (right.ended && !left.ending) left.end();
    if (left.closed || right.closed) this.evaluate();
    // Whoever paused them to keep their bytes (a listener, a parser) has handed them over.
    if (!left.closed) a.resume();
    if (!right.closed) b.resume();
  }

  get rxBytes(): number {
    return this.right.bytes;
  }

  get txBytes(): number {
    return this.left.bytes;
  }

  reset(): void {
    this.cutBoth('reset');
  }

  close(): void {
    if (!this.settled && !this.cut) this.closeBoth();
  }

  evaluate(): void {
    if (this.settled) return;
    const { left, right } = this;
    if (left.closed && right.closed) return this.finish();
    if (this.cut) return;
    if ((left.closed && !left.ended) || (right.closed && !right.ended)) return this.cutBoth('closed without an end');
    const leftDone = left.closed || (left.ended && left.finished);
    const rightDone = right.closed || (right.ended && right.finished);
    if (!leftDone && !rightDone) return;
    if (leftDone && rightDone) return void this.arm('close', this.options.closeMs ?? CLOSE_MS);
    const gone = leftDone ? left : right;
    const rest = leftDone ? right : left;
    if (!rest.finished) this.watchFlush(rest);
    // Only a side that is closed has no use for more bytes: one that merely finished both ways implies that `rest` ended.
    else if (gone.closed) this.arm('linger', this.options.lingerMs ?? LINGER_MS);
  }

  cutBoth(why: string | null): void {
    if (this.cut || this.settled) return;
    this.cut = true;
    this.broken = true;
    this.error ??= why;
    const { left, right } = this;
    for (const side of [left, right]) if (!side.closed) resetStream(side.stream);
    if (left.closed && right.closed) this.finish();
    else this.arm('give-up', GIVE_UP_MS);
  }

  private closeBoth(): void {
    for (const side of [this.left, this.right]) if (!side.closed) closeStream(side.stream);
    this.arm('give-up', GIVE_UP_MS);
  }

  private watchFlush(side: Half): void {
    if (!this.arm('flush', this.options.stallMs ?? STALL_MS)) return;
    this.flushing = side;
    this.flushBytes = side.stream.writableLength;
  }

  /** One timer for the pair; a stage that is entered again keeps its deadline, and this is false. */
  private arm(stage: Stage, ms: number): boolean {
    if (this.stage === stage) return false;
    this.stage = stage;
    clearTimeout(this.timer);
    this.timer = setTimeout(expire, ms, this).unref();
    return true;
  }

  /** What is waited for took too long. */
  expire(): void {
    switch (this.stage) {
      case 'flush':
        return this.flushExpired();
      case 'linger':
        return this.broken ? this.cutBoth(null) : this.closeBoth();
      case 'close':
        return this.closeBoth();
      default:
        this.finish();
    }
  }

  private flushExpired(): void {
    const side = this.flushing;
    this.stage = null;
    if (!side || side.stream.writableLength >= this.flushBytes) this.cutBoth('the last bytes were not taken');
    else this.watchFlush(side);
  }

  private finish(): void {
    if (this.settled) return;
    this.settled = true;
    clearTimeout(this.timer);
    const { left, right } = this;
    if (left.stream.writableLength > 0 || right.stream.writableLength > 0) this.broken = true;
    left.forget();
    right.forget();
    this.settle({ rxBytes: right.bytes, txBytes: left.bytes, broken: this.broken, error: this.error });
  }
}

const expire = (pair: Pair): void => pair.expire();
