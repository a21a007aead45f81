/**
 * A forwarded connection's channel as a stream, straight on the wire: ssh2's own channel streams are not used (channel-stream.ts does,
 * where this one cannot be). RFC 4254 §5.2 and §5.3:
 *
 * - end() sends EOF and the readable side goes on; the peer's EOF ends the readable side and the writable side goes on;
 * - every write calls back: with an error once the channel is closed or the connection lost, after what was received is read;
 * - a lost connection destroys the stream with ECONNRESET once what was received is read, unless both sides were done;
 * - destroy() closes the channel, and `close` always comes;
 * - a reader that stalls stops the server: at most the window is held here.
 *
 *   open ── end() ──▶ EOF sent ─┐
 *     └── peer's EOF ──▶ ended ─┴─ both ──▶ CLOSE sent ── peer's CLOSE ──▶ its number is free again
 */
import { Duplex } from 'node:stream';
import { CLOSED } from './channel-stream.ts';
import type { ClosingChannels } from './closing-channels.ts';
import type { ChannelWire } from './flow.ts';
import { Turn, type Outbox, type Sender } from './outbox.ts';
import type { Lender } from './read-buffer.ts';
import type { ReceiveWindow } from './receive-window.ts';
import type { SendWindow } from './send-window.ts';
import { Unsent } from './unsent.ts';

type Callback = (error?: Error | null) => void;

export interface ForwardStreamParts {
  readonly wire: ChannelWire;
  readonly outbox: Outbox;
  /** The server's number of the channel. */
  readonly peer: number;
  /** The most bytes of data in one packet that the server takes. */
  readonly packetBytes: number;
  readonly toSend: SendWindow;
  readonly toReceive: ReceiveWindow;
  readonly closing: ClosingChannels;
  /** Of what is read from the server; null where what comes is nobody else's. */
  readonly lender: Lender | null;
  /** Called once, when both sides have closed the channel or the connection is gone. */
  readonly onFree: () => void;
}

const BUFFER_BYTES = 64 * 1024;
const POLL_MS = 20;
const STALLED_READER_MS = 5_000;
/** Less is copied: it would hold a whole buffer. */
const BORROWED_BYTES = 4 * 1024;
/** Who has so many reads that something is left of may be long in taking more: a connection lends few. */
const MOST_HELD = 2;

export class ForwardStream extends Duplex implements Sender {
  readonly turn: Turn = new Turn();
  private readonly parts: ForwardStreamParts;
  /** What is being written, and whose callback waits for it. */
  private readonly unsent = new Unsent();
  private pending: Callback | null = null;
  private stall: NodeJS.Timeout | undefined;
  private peerEnded = false;
  /** No more may be said: the peer closed the channel, or the connection is gone. */
  private closedWith: Error | null = null;
  private saidClose = false;
  private freed = false;
  /** Whether something of what was given here is still in use; null where that is not known. */
  private isHeld: (() => boolean) | null = null;
  /** Whether what comes with the read of this number is borrowed, and how many reads are that something may be left of. */
  private borrows = false;
  private askedAt = -1;
  private held = 0;

  constructor(parts: ForwardStreamParts) {
    super({ highWaterMark: BUFFER_BYTES, allowHalfOpen: true });
    this.parts = parts;
    this.on('end', onEnd);
    // Between being opened and being joined to something an error has nobody to hear it, and must not end the process.
    this.on('error', ignore);
  }

  // What the server says.

  onData(data: Buffer): void {
    const { toReceive } = this.parts;
    if (!toReceive.took(data.length)) {
      this.destroy(new Error('the server sent more than it was allowed to'));
      return;
    }
    if (this.destroyed || this.peerEnded) return;
    this.hand(this.ownOrBorrowed(data));
    this.allowMore(data.length);
  }

  /** Data of another kind, which a forwarded connection has not: counted, so that it stops by itself, and dropped. */
  onExtendedData(bytes: number): void {
    if (!this.parts.toReceive.took(bytes)) this.destroy(new Error('the server sent more than it was allowed to'));
  }

  onAdjust(bytes: number): void {
    clearTimeout(this.stall);
    this.stall = undefined;
    this.parts.toSend.adjusted(bytes, performance.now());
    if (this.pending) this.parts.outbox.submit(this);
  }

  /** There is nothing to ask of a forwarded connection, but an sshd with ClientAliveInterval gives up a client that does not answer. */
  onRequest(): void {
    if (!this.saidClose) this.parts.wire.deny(this.parts.peer);
  }

  /** Says something that changes nothing: an adjustment by what there is room for, which may be none. False where nothing can be said. */
  answer(): boolean {
    if (this.peerEnded || !this.usable()) return false;
    const { wire, peer, toReceive } = this.parts;
    wire.adjust(peer, toReceive.grant(this.readableLength));
    return true;
  }

  onEof(): void {
    if (this.peerEnded) return;
    this.peerEnded = true;
    if (!this.destroyed) this.push(null);
  }

  onClose(): void {
    this.closedWith ??= CLOSED;
    this.sayClose();
    this.free();
    this.onEof();
    this.closeWhenRead();
  }

  /** The connection under the channel is gone. */
  lose(error: Error): void {
    this.free();
    if (this.destroyed || this.closedWith) return;
    this.closedWith = error;
    this.saidClose = true;
    // What the peer had to say is complete: its end is a clean one, only our half is cut off.
    if (this.peerEnded) this.closeWhenRead();
    else this.destroyWhenRead(error);
  }

  // What is read and written here.

  /**
   * From now on what is read here may lie in memory that will be used again: the reader is done with it, and with all it made of it, once
   * `isInUse` says so.
   */
  borrow(isInUse: () => boolean): void {
    this.isHeld = () => (this.readableLength > 0 && !this.destroyed) || isInUse();
  }

  /** Calls `say` when all that came with what was just read from the server has been handed on. */
  afterRead(say: () => void): void {
    const { lender } = this.parts;
    if (lender) lender.afterRead(say);
    else process.nextTick(say);
  }

  override _read(): void {
    // Called before what is being read is taken off, and then not again until more has come.
    if (this.readableLength === 0) this.allowMore(0);
    else process.nextTick(() => this.allowMore(0));
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: Callback): void {
    this.begin([chunk], callback);
  }

  override _writev(chunks: readonly { readonly chunk: Buffer }[], callback: Callback): void {
    this.begin(
      chunks.map(({ chunk }) => chunk),
      callback,
    );
  }

  override _final(callback: Callback): void {
    if (this.usable()) this.parts.wire.eof(this.parts.peer);
    callback();
  }

  override _destroy(error: Error | null, callback: Callback): void {
    const { pending } = this;
    this.pending = null;
    this.unsent.clear();
    clearTimeout(this.stall);
    // Nothing is held for it from now on, though the server may be long in closing.
    this.parts.toReceive.release();
    this.sayClose();
    pending?.(error ?? this.closedWith ?? CLOSED);
    callback(error);
  }

  /** For the outbox. */
  sendOne(): number {
    if (!this.pending || !this.usable()) return 0;
    const { wire, peer, toSend, packetBytes } = this.parts;
    const open = toSend.open;
    if (open <= 0) {
      if (toSend.heldBack) this.stall ??= setTimeout(() => this.onStall(), toSend.stallMs).unref();
      return 0;
    }
    if (packetBytes <= 0) {
      this.destroy(new Error('the server takes no data'));
      return 0;
    }
    const packet = this.unsent.take(Math.min(open, packetBytes));
    toSend.sent(packet.length, performance.now());
    wire.data(peer, packet);
    if (this.unsent.isEmpty) this.settle(null);
    return packet.length;
  }

  /** push(), but a reader who waits is given it without the turn in which node looks whether to read on. */
  private hand(data: Buffer): void {
    const waits =
      this.readableFlowing === true && this.readableLength === 0 && this.readableEncoding === null && this.listenerCount('data') > 0;
    if (waits && data.length > 0) this.emit('data', data);
    else this.push(data);
  }

  private ownOrBorrowed(data: Buffer): Buffer {
    const { lender } = this.parts;
    if (!lender) return data;
    if (this.askedAt !== lender.reads) {
      if (!this.isHeld?.()) this.held = 0;
      this.borrows = false;
      this.askedAt = lender.reads;
    }
    if (this.borrows || !lender.owns(data)) return data;
    if (!this.isHeld || this.held >= MOST_HELD || data.length < BORROWED_BYTES || !lender.lend(this.isHeld)) return Buffer.from(data);
    this.borrows = true;
    this.held += 1;
    return data;
  }

  private begin(chunks: Buffer[], callback: Callback): void {
    this.pending = callback;
    if (!this.usable()) {
      this.closeWhenRead();
      return;
    }
    this.unsent.set(chunks);
    if (this.unsent.isEmpty) this.settle(null);
    else this.parts.outbox.submit(this);
  }

  private onStall(): void {
    this.stall = undefined;
    this.parts.toSend.stall();
    if (this.pending) this.parts.outbox.submit(this);
  }

  private allowMore(read: number): void {
    if (this.peerEnded || !this.usable()) return;
    const bytes = this.parts.toReceive.read(read, this.readableLength, performance.now());
    if (bytes > 0) this.parts.wire.adjust(this.parts.peer, bytes);
  }

  private usable(): boolean {
    return this.closedWith === null && !this.destroyed;
  }

  private settle(error: Error | null): void {
    const { pending } = this;
    this.pending = null;
    pending?.(error);
  }

  private sayClose(): void {
    if (this.saidClose) return;
    this.saidClose = true;
    this.parts.closing.add();
    this.parts.wire.close(this.parts.peer);
  }

  private free(): void {
    if (this.freed) return;
    this.freed = true;
    if (this.saidClose) this.parts.closing.remove();
    this.parts.toReceive.release();
    this.parts.onFree();
  }

  /** A closed channel ends the stream, once all is read: earlier would lose bytes. What is still to be written has failed. */
  closeWhenRead(): void {
    if (!this.closedWith || !this.readableEnded) return;
    this.destroy(this.pending || this.writableLength > 0 ? this.closedWith : undefined);
  }

  /** The reader first gets what had arrived, then the error; one that has stalled is not waited for longer than a moment. */
  private destroyWhenRead(error: Error, sinceMs: number = performance.now()): void {
    if (this.destroyed) return;
    if (this.readableLength === 0 || performance.now() - sinceMs > STALLED_READER_MS) this.destroy(error);
    else setTimeout(() => this.destroyWhenRead(error, sinceMs), POLL_MS).unref();
  }
}

const ignore = (): void => undefined;

function onEnd(this: ForwardStream): void {
  this.closeWhenRead();
}
