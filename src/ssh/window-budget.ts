/** What all channels of the process together may hold of bytes that nobody has read yet. */
import { totalmem } from 'node:os';

const MOST_BYTES = 256 * 1024 * 1024;

export class WindowBudget {
  private readonly totalBytes: number;
  private usedBytes = 0;

  /** `totalBytes`: an eighth of the machine's memory, 256 MiB at most. */
  constructor(totalBytes: number = Math.min(MOST_BYTES, totalmem() / 8)) {
    this.totalBytes = totalBytes;
  }

  /** Windows have to shrink. */
  get pressed(): boolean {
    return this.usedBytes > this.totalBytes * 0.75;
  }

  /** Whether `bytes` more may be promised to a server; if so they count as used. */
  take(bytes: number): boolean {
    if (this.usedBytes + bytes > this.totalBytes) return false;
    this.usedBytes += bytes;
    return true;
  }

  give(bytes: number): void {
    this.usedBytes -= bytes;
  }
}
