/**
 * Memory for the packets of bulk transfers, used again as soon as they are written: what is new is cold in every cache, and left to
 * the collector it is thirty megabytes by the time that comes round.
 */

/** A packet of 32 KiB of data, with its header, padding and tag (RFC 4253 §6). */
const PACKET_BYTES = 32 * 1024 + 64;
/** Smaller packets come from node's own pool. */
const SMALL_BYTES = 16 * 1024;
/** What is kept for later, of all connections together: 1 MiB. */
const MOST_FREE = 32;

const free: Buffer[] = [];

/** The packets of one connection. */
export class PacketPool {
  private taken: Buffer[] = [];

  take(bytes: number): Buffer {
    if (bytes < SMALL_BYTES || bytes > PACKET_BYTES) return Buffer.allocUnsafe(bytes);
    const whole = free.pop() ?? Buffer.allocUnsafeSlow(PACKET_BYTES);
    this.taken.push(whole);
    return bytes === PACKET_BYTES ? whole : whole.subarray(0, bytes);
  }

  /** All that was taken has been written, and may be overwritten. */
  written(): void {
    if (this.taken.length === 0) return;
    for (const each of this.taken) if (free.length < MOST_FREE) free.push(each);
    this.taken = [];
  }
}
