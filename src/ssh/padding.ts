/** Random bytes for the padding of packets (RFC 4253 §6), drawn from the system a page at a time: a call for each packet costs more than the packet. */
import { randomFillSync } from 'node:crypto';

const POOL_BYTES = 8 * 1024;

const pool = Buffer.allocUnsafeSlow(POOL_BYTES);
let used = POOL_BYTES;

/** Writes `bytes` (at most 255) random bytes to `packet`; none is used twice. */
export function pad(packet: Uint8Array, at: number, bytes: number): void {
  if (used + bytes > POOL_BYTES) {
    randomFillSync(pool);
    used = 0;
  }
  packet.set(pool.subarray(used, used + bytes), at);
  used += bytes;
}
