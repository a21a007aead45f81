/**
 * The stream handed out for a channel, in place of ssh2's own, which cannot be used with care alone: its destroy() drops the
 * error and leaves `destroyed` false, a write to a channel that is not open never calls back, a lost connection looks like
 * a clean end of data, and its writes know nothing of the transport's queue. Here:
 *
 * - end() sends EOF and the readable side goes on; the peer's EOF ends the readable side and the writable side goes on (RFC 4254 §5.3);
 * - every write calls back: with an error once the channel is closed or the connection lost, after what was received is read;
 * - a lost connection destroys the stream with ECONNRESET once what was received is read, unless both sides were done;
 * - destroy() closes the channel, and `close` always comes;
 * - a reader that stalls stops the channel's window: at most 4 MiB is held (ssh2's buffer of 2 MiB and one window).
 */
import { Duplex } from 'node:stream';
import type { Channel } from 'ssh2';
import type { ClosingChannels } from './closing-channels.ts';
import type { Congestion } from './congestion.ts';
import { peerFinished } from './flow.ts';

type Callback = (error?: Error | null) => void;

const BUFFER_BYTES = 64 * 1024;
const POLL_MS = 20;
const STALLED_READER_MS = 5_000;

export class ChannelStream extends Duplex {
  private readonly channel: Channel;
  private readonly congestion: Congestion;
  private readonly closing: ClosingChannels;
  private pending: Callback | null = null;
  /** What a write to the closed channel is told. */
  private closedWith: Error = CLOSED;
  private cutOff = false;
  private channelClosed = false;
  private saidClose = false;

  /** `peerCloses`: with both sides done, wait for the peer to close (a command's exit status is still to come). */
  constructor(
    channel: Channel,
    { congestion, closing }: { readonly congestion: Congestion; readonly closing: ClosingChannels },
    { peerCloses = false }: { readonly peerCloses?: boolean } = {},
  ) {
    super({ highWaterMark: BUFFER_BYTES, allowHalfOpen: true, autoDestroy: !peerCloses });
    this.channel = channel;
    this.congestion = congestion;
    this.closing = closing;
    channel.on('data', (data: Buffer) => {
      if (!this.destroyed && !this.push(data)) channel.pause();
    });
    channel.on('end', () => this.onChannelEnd());
    channel.on('close', () => this.onChannelClose());
    // Written to after the peer closed it: the write's own callback tells.
    channel.on('error', () => {});
    channel.pause();
    this.on('end', () => this.closeWhenRead());
    // Between being opened and being joined to something an error has nobody to hear it, and must not end the process.
    this.on('error', () => {});
  }

  /** The connection under the channel is gone. */
  lose(error: Error): void {
    if (this.channelClosed) return;
    this.markClosed();
    if (this.destroyed) return;
    this.closedWith = error;
    // What the peer had to say is complete: its end is a clean one, only our half is cut off.
    this.cutOff = !peerFinished(this.channel);
    if (this.cutOff) this.destroyWhenRead(error);
    else this.closeWhenRead();
  }

  override _read(): void {
    this.channel.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: Callback): void {
    this.pending = callback;
    if (!this.usable()) {
      this.closeWhenRead();
      return;
    }
    try {
      this.channel.write(chunk, () => this.congestion.whenClear(() => this.settle(callback, null)));
    } catch {
      // With compression ssh2 throws where the connection is gone, of which we hear in a moment.
    }
  }

  override _final(callback: Callback): void {
    if (this.usable()) this.channel.end();
    callback();
  }

  override _destroy(error: Error | null, callback: Callback): void {
    const { pending } = this;
    this.pending = null;
    try {
      if (!this.channelClosed) {
        this.saidClose = true;
        this.closing.add();
        this.channel.close();
      }
    } catch {
      // as above
    }
    // What is still to come is thrown away, else ssh2 never lets go of the channel.
    this.channel.resume();
    pending?.(error ?? this.closedWith);
    callback(error);
  }

  private usable(): boolean {
    return !this.channelClosed && !this.channel.writableEnded && !this.destroyed;
  }

  private settle(callback: Callback, error: Error | null): void {
    if (this.pending !== callback) return;
    this.pending = null;
    callback(error);
  }

  private onChannelEnd(): void {
    if (!this.destroyed && !this.cutOff) this.push(null);
  }

  private onChannelClose(): void {
    this.markClosed();
    this.closeWhenRead();
  }

  private markClosed(): void {
    if (!this.channelClosed && this.saidClose) this.closing.remove();
    this.channelClosed = true;
  }

  /** A closed channel ends the stream, once all is read: earlier would lose bytes. What is still to be written has failed. */
  private closeWhenRead(): void {
    if (!this.channelClosed || !this.readableEnded) return;
    this.destroy(this.pending || this.writableLength > 0 ? this.closedWith : undefined);
  }

  /** The reader first gets what had arrived, then the error; one that has stalled is not waited for longer than a moment. */
  private destroyWhenRead(error: Error, sinceMs: number = performance.now()): void {
    if (this.destroyed) return;
    const unread = this.readableLength + this.channel.readableLength;
    if (unread === 0 || performance.now() - sinceMs > STALLED_READER_MS) this.destroy(error);
    else setTimeout(() => this.destroyWhenRead(error, sinceMs), POLL_MS).unref();
  }
}

/** One for all: it says nothing of where, and a stack for each connection that ends would cost more than its packets. */
export const CLOSED: NodeJS.ErrnoException = Object.assign(new Error('the channel is closed'), { code: 'EPIPE' });

export function lostError(why: string): NodeJS.ErrnoException {
  return Object.assign(new Error(why), { code: 'ECONNRESET' });
}
