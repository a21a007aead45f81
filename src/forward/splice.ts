/**
 * Joins two byte streams until both are done: the one place where bytes of a connection are moved.
 * Written by hand because SSH channels break what stream.pipeline relies on: destroy() leaves `destroyed` false and drops the
 * error, a write to a closed channel never calls back, and 'close' comes only once the readable side is drained.
 *
 *   flowing ── one side's 'end' ──▶ half-closed (the other way lives on) ── the other's 'end' ──▶ flushing ──▶ done
 *      └─ 'error', or 'close' without 'end' ──▶ the other side is reset ──▶ done
 */
import { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { closeStream, resetStream } from './reset-stream.ts';
import { readIntoOwnMemory } from './socket-memory.ts';

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

/** A stream of which many pieces come with one read, which may lie where others are read to as long as they are not in use. */
interface Borrower {
  borrow(isInUse: () => boolean): void;
  /** Calls `say` after the last of the pieces that came with this read. */
  afterRead(say: () => void): void;
}

const canBorrow = (stream: Duplex): stream is Duplex & Borrower => 'borrow' in stream;

/**
 * What may wait for a side before the other is not read any more: as much as one read of the other brings, for to be stopped in the middle of what
 * was read costs two turns each time. From a channel it is less for a side that did not take all of what it was last given.
 */
const HIGH_WATER_BYTES = { fromSocket: 64 * 1024, fromChannel: 256 * 1024 } as const;
/** Who sends less at a time is waited for. Bytes. */
const SMALL_BYTES = 4 * 1024;
const STALL_MS = 300_000;
const CLOSE_MS = 30_000;
const LINGER_MS = 2_000;
/** After destroy(): 'close' is expected at once, save from a channel whose server does not answer. */
const GIVE_UP_MS = 5_000;

/** Which half of a splice a stream is: the listeners are the same functions for all, for a set of them for each connection costs as much as its bytes. */
const HALF = Symbol('half');

interface Spliced extends Duplex {
  [HALF]?: Half | undefined;
}

/** What a splice that is over has in place of its streams: something may still know it, and would keep them from being collected. */
const GONE: Duplex = new Duplex().destroy();

/**
 * Splices `a` (the client) and `b` (the target). Takes both over: nobody else may read, write or close them from now on.
 * Both may be paused, may hold unshifted bytes, and may already have ended.
 */
export const splice = (a: Duplex, b: Duplex, options: SpliceOptions = {}): Splice => new Pair(a, b, options);

/** One of the two streams, and what is known of it. Its bytes go to the other. */
class Half {
  stream: Spliced;
  bytes = 0;
  /** Its last byte was read. */
  ended: boolean;
  /** end() was called on it. */
  ending: boolean;
  /** Everything written to it was taken. */
  finished: boolean;
  closed: boolean;
  private readonly pair: Pair;
  private readonly isSocket: boolean;
  private waitsForDrain = false;
  /** Something that came with what is being read was written to it. */
  private inRead = false;
  /** What is written to it is held until all that was read with it is. */
  private corked = false;
  /** Its system took at once all that it was last given. */
  private takesAtOnce = true;
  private other!: Half;
  private letGo: (() => void) | null = null;
  private afterRead: (say: () => void) => void = process.nextTick;

  constructor(stream: Duplex, pair: Pair) {
    this.stream = stream;
    this.pair = pair;
    this.isSocket = stream instanceof Socket;
    this.ended = stream.readableEnded;
    this.ending = stream.writableEnded;
    this.finished = stream.writableFinished;
    this.closed = stream.destroyed;
  }

  attach(other: Half): void {
    const { stream } = this;
    this.other = other;
    const isInUse = (): boolean => other.stream.writableLength > 0 && !other.stream.destroyed;
    if (canBorrow(stream)) {
      stream.borrow(isInUse);
      this.afterRead = (say) => stream.afterRead(say);
    } else readIntoOwnMemory(stream, isInUse);
    this.stream[HALF] = this;
    stream.on('data', onData).on('drain', onDrain).on('end', onEnd).on('finish', onFinish).on('error', onError).on('close', onClose);
  }

  forget(): void {
    this.stream[HALF] = undefined;
    this.stream = GONE;
  }

  /** The other has nothing more to say. */
  end(): void {
    this.ending = true;
    this.stream.end();
  }

  onData(chunk: Buffer): void {
    const { pair, other } = this;
    if (pair.cut) return;
    this.bytes += chunk.length;
    const sink = other.stream;
    if (other.closed || sink.writableEnded) {
      pair.broken = true; // nobody can take these: the far side is gone, and we read on only so that ours gets its own last bytes
      return;
    }
    // A socket says one thing in a turn: there is nothing to wait for.
    if (!this.isSocket) other.hold(chunk.length, this.afterRead);
    // Not at the stream's own mark, which one packet passes: being stopped and started for each costs more than the bytes.
    if (!sink.write(chunk) && sink.writableLength >= this.mark) {
      this.stream.pause();
      this.waitsForDrain = true;
    }
  }

  onDrain(): void {
    const { other } = this;
    if (!other.waitsForDrain) return;
    other.waitsForDrain = false;
    if (!this.pair.cut) other.stream.resume();
  }

  onEnd(): void {
    this.ended = true;
    // A channel of a connection that died says 'end' too: a turn later whoever learns of the death has reset us. A socket says it of itself.
    if (this.isSocket) this.afterEnd();
    else setImmediate(afterEnd, this);
  }

  afterEnd(): void {
    const { pair, other } = this;
    if (!pair.cut && !other.closed && !other.ending) other.end();
    pair.evaluate();
  }

  onFinish(): void {
    this.finished = true;
    this.pair.evaluate();
  }

  onError(problem: Error): void {
    const { pair } = this;
    if (this.ended && this.finished) return;
    pair.error ??= problem.message;
    // All it had to say was read: the other side gets that in peace, and is reset after ('close' follows).
    if (this.ended) pair.broken = true;
    else pair.cutBoth(problem.message);
  }

  onClose(): void {
    if (this.closed) return;
    this.closed = true;
    const { other } = this;
    // The other side may be paused for a drain that will never come.
    if (other.waitsForDrain) {
      other.waitsForDrain = false;
      other.stream.resume();
    }
    this.pair.evaluate();
  }

  /** From which queue on of the other this one is not read any more. Bytes. */
  private get mark(): number {
    return !this.isSocket && this.other.takesAtOnce ? HIGH_WATER_BYTES.fromChannel : HIGH_WATER_BYTES.fromSocket;
  }

  /** What comes with one read goes out in one write, save for something small that comes first: it does not wait for what is large. */
  private hold(bytes: number, afterRead: (say: () => void) => void): void {
    const isFirst = !this.inRead;
    if (isFirst) {
      this.inRead = true;
      afterRead((this.letGo ??= () => this.release()));
    }
    // A channel gathers by itself what is said in a turn.
    if (this.corked || (this.isSocket && isFirst && bytes < SMALL_BYTES)) return;
    this.corked = true;
    this.stream.cork();
  }

  private release(): void {
    const { stream } = this;
    this.inRead = false;
    if (this.corked) stream.uncork();
    this.corked = false;
    this.takesAtOnce = stream.writableLength === 0;
  }
}

function onData(this: Spliced, chunk: Buffer): void {
  this[HALF]?.onData(chunk);
}
function onDrain(this: Spliced): void {
  this[HALF]?.onDrain();
}
function onEnd(this: Spliced): void {
  this[HALF]?.onEnd();
}
function onFinish(this: Spliced): void {
  this[HALF]?.onFinish();
}
function onError(this: Spliced, problem: Error): void {
  this[HALF]?.onError(problem);
}
function onClose(this: Spliced): void {
  this[HALF]?.onClose();
}
const afterEnd = (half: Half): void => half.afterEnd();

/** What is waited for, each for no longer than it may take. */
type Stage = 'flush' | 'linger' | 'close' | 'give-up';

class Pair implements Splice {
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
