/**
 * One of the two streams of a splice: what is known of it, and its bytes, which go to the other. How the two end together is for
 * splice.ts.
 */
import { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { readIntoOwnMemory } from './socket-memory.ts';

/** What a half tells, and may have to know, of the two together. */
export interface Together {
  broken: boolean;
  /** Both were reset. */
  readonly cut: boolean;
  error: string | null;
  /** Something of a half has changed. */
  evaluate(): void;
  cutBoth(why: string): void;
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
/** Which half of a splice a stream is: the listeners are the same functions for all, for a set of them for each connection costs as much as its bytes. */
const HALF = Symbol('half');

interface Spliced extends Duplex {
  [HALF]?: Half | undefined;
}

/** What a splice that is over has in place of its streams: something may still know it, and would keep them from being collected. */
const GONE: Duplex = new Duplex().destroy();

export class Half {
  stream: Spliced;
  bytes = 0;
  /** Its last byte was read. */
  ended: boolean;
  /** end() was called on it. */
  ending: boolean;
  /** Everything written to it was taken. */
  finished: boolean;
  closed: boolean;
  private readonly pair: Together;
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

  constructor(stream: Duplex, pair: Together) {
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
