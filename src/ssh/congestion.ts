/** Backpressure of the one transport under all channels: ssh2 ignores what its socket's write() answers, so the sources are paused here. */
import type { Writable } from 'node:stream';

/** Enough to keep a fast link busy, little enough that an interactive channel does not wait behind a bulk one. */
const HIGH_WATER_BYTES = 256 * 1024;

export class Congestion {
  private readonly transport: Writable;
  private waiting: (() => void)[] = [];

  constructor(transport: Writable) {
    this.transport = transport;
    transport.on('drain', () => this.release());
    transport.on('close', () => this.release());
  }

  /** Calls `ready` at once, or when what the transport has queued is written. */
  whenClear(ready: () => void): void {
    const { transport } = this;
    if (transport.writableLength < HIGH_WATER_BYTES || !transport.writableNeedDrain || transport.destroyed) ready();
    else this.waiting.push(ready);
  }

  /** Each waiting channel writes one piece before any writes its second: a bulk transfer cannot starve the others. */
  private release(): void {
    const released = this.waiting;
    this.waiting = [];
    for (const ready of released) this.whenClear(ready);
  }
}
