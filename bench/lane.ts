/**
 * One direction of a long or slow line. A byte waits its turn at the bottleneck, takes its time through it, and is then under way for the
 * delay; what is under way is not limited, as on a real line, but what waits is.
 */
import type { Socket } from 'node:net';

export interface Line {
  /** One way. */
  readonly delayMs: number;
  /** Each way, for all connections together; Infinity is none. */
  readonly bytesPerSecond: number;
  /** What may wait at the bottleneck before the sender is held back: a router's queue. */
  readonly queueBytes: number;
}

/** A frame's worth: under a limit, small pieces of another connection must not wait behind a large one. */
const FRAME_BYTES = 1448;
/** For a sender without any window, so that memory stays bounded: 2.5 GB/s over 100 ms. */
const UNDER_WAY_BYTES = 256 * 1024 * 1024;

interface Piece {
  /** null is the end. */
  readonly data: Buffer | null;
  readonly to: Socket;
  /** When it arrives. */
  readonly at: number;
}

/** For all connections of the line: they share its bottleneck. */
export class Lane {
  private readonly line: Line;
  private queue: Piece[] = [];
  private head = 0;
  /** When the bottleneck has let through what waits at it. */
  private freeAt = 0;
  private underWay = 0;
  private timer: NodeJS.Timeout | null = null;
  private readonly paused = new Set<Socket>();

  constructor(line: Line) {
    this.line = line;
  }

  carry(from: Socket, to: Socket): void {
    from.on('data', (data: Buffer) => {
      const now = performance.now();
      const step = Number.isFinite(this.line.bytesPerSecond) ? FRAME_BYTES : data.length;
      for (let offset = 0; offset < data.length; offset += step) this.push(data.subarray(offset, offset + step), to, now);
      this.underWay += data.length;
      if (this.isFull(now) || to.writableLength > UNDER_WAY_BYTES) {
        from.pause();
        this.paused.add(from);
      }
      this.pump();
    });
    from.once('end', () => {
      this.push(null, to, performance.now());
      this.pump();
    });
    from.once('close', () => this.paused.delete(from));
  }

  private isFull(now: number): boolean {
    const { bytesPerSecond, queueBytes } = this.line;
    const waiting = Number.isFinite(bytesPerSecond) ? ((this.freeAt - now) / 1000) * bytesPerSecond : 0;
    return waiting > queueBytes || this.underWay > UNDER_WAY_BYTES;
  }

  private push(data: Buffer | null, to: Socket, now: number): void {
    this.freeAt = Math.max(now, this.freeAt) + ((data?.length ?? 0) / this.line.bytesPerSecond) * 1000;
    this.queue.push({ data, to, at: this.freeAt + this.line.delayMs });
  }

  private pump(): void {
    const now = performance.now();
    // A timer may be early by a fraction of a millisecond.
    for (let next = this.queue[this.head]; next !== undefined && next.at <= now + 0.5; next = this.queue[this.head]) {
      this.head += 1;
      this.underWay -= next.data?.length ?? 0;
      if (next.data === null) next.to.end();
      else if (!next.to.destroyed) next.to.write(next.data);
    }
    if (this.head > 4096 || this.head === this.queue.length) {
      this.queue = this.queue.slice(this.head);
      this.head = 0;
    }
    if (!this.isFull(now))
      for (const socket of this.paused) {
        this.paused.delete(socket);
        socket.resume();
      }
    const next = this.queue[this.head];
    if (next !== undefined) this.later(next.at - now);
    else if (this.paused.size > 0) this.later(1);
  }

  private later(ms: number): void {
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.pump();
    }, ms);
  }
}
