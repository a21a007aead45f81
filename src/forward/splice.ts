/**
 * Joins two byte streams until both are done: the one place where bytes of a connection are moved.
 * Written by hand because SSH channels break what stream.pipeline relies on: destroy() leaves `destroyed` false and drops the
 * error, a write to a closed channel never calls back, and 'close' comes only once the readable side is drained.
 *
 *   flowing ── one side's 'end' ──▶ half-closed (the other way lives on) ── the other's 'end' ──▶ flushing ──▶ done
 *      └─ 'error', or 'close' without 'end' ──▶ the other side is reset ──▶ done
 */
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
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

interface Side {
  readonly stream: Duplex;
  bytes: number;
  /** Its last byte was read. */
  ended: boolean;
  /** end() was called on it. */
  ending: boolean;
  /** Everything written to it was taken. */
  finished: boolean;
  closed: boolean;
  waitsForDrain: boolean;
  /** Something that came with what is being read was written to it. */
  inRead: boolean;
  /** What is written to it is held until all that was read with it is. */
  corked: boolean;
  /** Its system took at once all that it was last given. */
  takesAtOnce: boolean;
}

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

/**
 * Splices `a` (the client) and `b` (the target). Takes both over: nobody else may read, write or close them from now on.
 * Both may be paused, may hold unshifted bytes, and may already have ended.
 */
export function splice(a: Duplex, b: Duplex, options: SpliceOptions = {}): Splice {
  const left = newSide(a);
  const right = newSide(b);
  let broken = false;
  let cut = false;
  let settled = false;
  let error: string | null = null;
  let timer: NodeJS.Timeout | undefined;
  let stage = '';
  let settle: (result: SpliceResult) => void = () => {};
  const done = new Promise<SpliceResult>((resolve) => {
    settle = resolve;
  });

  const finish = (): void => {
    if (settled) return;
    settled = true;
    clearTimeout(timer);
    if (left.stream.writableLength > 0 || right.stream.writableLength > 0) broken = true;
    settle({ rxBytes: right.bytes, txBytes: left.bytes, broken, error });
  };

  /** One timer for the pair; a stage that is entered again keeps its deadline. */
  const arm = (name: string, ms: number, expired: () => void): void => {
    if (stage === name) return;
    stage = name;
    clearTimeout(timer);
    timer = setTimeout(expired, ms);
    timer.unref();
  };

  const cutBoth = (why: string | null): void => {
    if (cut || settled) return;
    cut = true;
    broken = true;
    error ??= why;
    for (const side of [left, right]) if (!side.closed) resetStream(side.stream);
    if (left.closed && right.closed) finish();
    else arm('give-up', GIVE_UP_MS, finish);
  };

  const closeBoth = (): void => {
    for (const side of [left, right]) if (!side.closed) closeStream(side.stream);
    arm('give-up', GIVE_UP_MS, finish);
  };

  const evaluate = (): void => {
    if (settled) return;
    if (left.closed && right.closed) return finish();
    if (cut) return;
    if ((left.closed && !left.ended) || (right.closed && !right.ended)) return cutBoth('closed without an end');
    const leftDone = left.closed || (left.ended && left.finished);
    const rightDone = right.closed || (right.ended && right.finished);
    if (!leftDone && !rightDone) return;
    if (leftDone && rightDone) {
      return arm('close', options.closeMs ?? CLOSE_MS, closeBoth);
    }
    const gone = leftDone ? left : right;
    const rest = leftDone ? right : left;
    if (!rest.finished) return watchFlush(rest, rest.stream.writableLength);
    // Only a side that is closed has no use for more bytes: one that merely finished both ways implies that `rest` ended.
    if (gone.closed) arm('linger', options.lingerMs ?? LINGER_MS, () => (broken ? cutBoth(null) : closeBoth()));
  };

  const watchFlush = (side: Side, before: number): void =>
    arm('flush', options.stallMs ?? STALL_MS, () => {
      const now = side.stream.writableLength;
      stage = '';
      if (now >= before) cutBoth('the last bytes were not taken');
      else watchFlush(side, now);
    });

  const attach = (from: Side, to: Side): void => {
    const source = from.stream;
    const sink = to.stream;
    const isInUse = (): boolean => sink.writableLength > 0 && !sink.destroyed;
    let afterRead = (say: () => void): void => process.nextTick(say);
    if (canBorrow(source)) {
      source.borrow(isInUse);
      afterRead = (say) => source.afterRead(say);
    } else readIntoOwnMemory(source, isInUse);
    // A socket says one thing in a turn: there is nothing to wait for.
    const holds = !(source instanceof Socket);
    const mark = (): number => (holds && to.takesAtOnce ? HIGH_WATER_BYTES.fromChannel : HIGH_WATER_BYTES.fromSocket);
    // A channel gathers by itself what is said in a turn.
    const isPrompt = sink instanceof Socket;
    /** What comes with one read goes out in one write, save for something small that comes first: it does not wait for what is large. */
    const hold = (bytes: number): void => {
      const isFirst = !to.inRead;
      if (isFirst) {
        to.inRead = true;
        afterRead(letGo);
      }
      if (to.corked || (isPrompt && isFirst && bytes < SMALL_BYTES)) return;
      to.corked = true;
      sink.cork();
    };
    const letGo = (): void => {
      to.inRead = false;
      if (to.corked) sink.uncork();
      to.corked = false;
      to.takesAtOnce = sink.writableLength === 0;
    };
    const drained = (): void => {
      from.waitsForDrain = false;
      if (!cut) source.resume();
    };
    source.on('data', (chunk: Buffer) => {
      if (cut) return;
      from.bytes += chunk.length;
      if (to.closed || sink.writableEnded) {
        broken = true; // nobody can take these: the far side is gone, and we read on only so that ours gets its own last bytes
        return;
      }
      if (holds) hold(chunk.length);
      // Not at the stream's own mark, which one packet passes: being stopped and started for each costs more than the bytes.
      if (!sink.write(chunk) && sink.writableLength >= mark()) {
        source.pause();
        from.waitsForDrain = true;
      }
    });
    sink.on('drain', () => {
      if (from.waitsForDrain) drained();
    });
    source.on('end', () => {
      from.ended = true;
      // A turn later, because a channel of a connection that died says 'end' too: whoever learns of the death resets us first.
      setImmediate(() => {
        if (!cut && !to.closed && !to.ending) {
          to.ending = true;
          sink.end();
        }
        evaluate();
      });
    });
    source.on('finish', () => {
      from.finished = true;
      evaluate();
    });
    source.on('error', (problem: Error) => {
      if (from.ended && from.finished) return;
      error ??= problem.message;
      // All it had to say was read: the other side gets that in peace, and is reset after ('close' follows).
      if (from.ended) broken = true;
      else cutBoth(problem.message);
    });
    source.on('close', () => {
      if (from.closed) return;
      from.closed = true;
      // The other side may be paused for a drain that will never come.
      if (to.waitsForDrain) {
        to.waitsForDrain = false;
        sink.resume();
      }
      evaluate();
    });
  };

  attach(left, right);
  attach(right, left);
  for (const [side, other] of [
    [left, right],
    [right, left],
  ] as const) {
    if (side.ended && !other.ending) {
      other.ending = true;
      other.stream.end();
    }
  }
  if (left.closed || right.closed) evaluate();
  // Whoever paused them to keep their bytes (a listener, a parser) has handed them over.
  if (!left.closed) a.resume();
  if (!right.closed) b.resume();

  return {
    done,
    get rxBytes() {
      return right.bytes;
    },
    get txBytes() {
      return left.bytes;
    },
    reset: () => cutBoth('reset'),
    close: () => {
      if (!settled && !cut) closeBoth();
    },
  };
}

const newSide = (stream: Duplex): Side => ({
  stream,
  bytes: 0,
  ended: stream.readableEnded,
  ending: stream.writableEnded,
  finished: stream.writableFinished,
  closed: stream.destroyed,
  waitsForDrain: false,
  inRead: false,
  corked: false,
  takesAtOnce: true,
});
