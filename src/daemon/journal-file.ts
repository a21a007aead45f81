/** The journal on disk: appended in batches, two files of a bounded size each, and never a reason for anything to fail. */
import { appendFileSync } from 'node:fs';
import { appendFile, readFile, rename, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { EventRing } from './event-ring.ts';
import { errnoOf } from './daemon-error.ts';

export interface JournalDisk {
  /** Rejects with the system's error. Made 0600. */
  append(path: string, text: Uint8Array): Promise<void>;
  /** Before it returns, and without a word where it cannot. */
  appendNow(path: string, text: Uint8Array): void;
  rename(from: string, to: string): Promise<void>;
  /** 0 where there is none. */
  size(path: string): Promise<number>;
  /** Empty where there is none. */
  read(path: string): Promise<string>;
  remove(path: string): Promise<void>;
}

export const realDisk: JournalDisk = {
  append: (path, text) => appendFile(path, text, { mode: 0o600 }),
  appendNow: (path, text) => {
    try {
      appendFileSync(path, text, { mode: 0o600 });
    } catch {
      // The process ends either way.
    }
  },
  rename,
  size: (path) =>
    stat(path).then(
      ({ size }) => size,
      () => 0,
    ),
  read: (path) => readFile(path, 'utf8').catch(() => ''),
  remove: (path) => unlink(path).catch(() => undefined),
};

export interface JournalFileOptions {
  readonly folder: string;
  /** Where the lines are. */
  readonly ring: Pick<EventRing, 'firstSeq' | 'nextSeq' | 'lines'>;
  readonly disk: JournalDisk;
  /** Bytes of each of the two files. */
  readonly maxBytes: number;
  /** The system's code: ENOSPC, EROFS, EACCES. Not told where the folder is gone: whoever made it notices that. */
  readonly onFailure: (code: string) => void;
}

/** Events come in bursts: one write takes all of them. Milliseconds. */
const BATCH_MS = 200;
/** A disk that cannot be written is tried again after this long. Milliseconds. */
const RETRY_MS = 10_000;

export const journalPaths = (folder: string): { readonly now: string; readonly before: string } => ({
  now: join(folder, 'events.ndjson'),
  before: join(folder, 'events.1.ndjson'),
});

export class JournalFile {
  readonly #options: JournalFileOptions;
  readonly #paths: ReturnType<typeof journalPaths>;
  /** The first line that was not written yet. */
  #next: number;
  #timer: NodeJS.Timeout | null = null;
  #writing: Promise<void> = Promise.resolve();
  #size: number | null = null;
  #retryAt = 0;
  #isLeft = false;

  constructor(options: JournalFileOptions) {
    this.#options = options;
    this.#paths = journalPaths(options.folder);
    this.#next = options.ring.nextSeq;
  }

  /** The lines of an earlier process, oldest first; the last one may be cut off. None of them is written again. */
  async earlier(): Promise<string[]> {
    const { disk } = this.#options;
    return `${await disk.read(this.#paths.before)}\n${await disk.read(this.#paths.now)}`.split('\n').filter((line) => line !== '');
  }

  /** All lines of the ring up to now are written already. */
  skip(): void {
    this.#next = this.#options.ring.nextSeq;
  }

  /** There are new lines. */
  write(): void {
    if (this.#isLeft) return;
    this.#timer ??= setTimeout(() => void this.flush(), BATCH_MS).unref();
  }

  flush(): Promise<void> {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    this.#writing = this.#writing.then(() => this.#append());
    return this.#writing;
  }

  /** Once `before` is over whatever is on disk goes, for all that is in the ring. */
  replace(before: Promise<void>): void {
    const { disk, ring } = this.#options;
    this.#writing = before.then(async () => {
      if (this.#isLeft) return;
      await disk.remove(this.#paths.now);
      await disk.remove(this.#paths.before);
      this.#size = null;
      this.#next = ring.firstSeq;
      await this.#append();
    });
  }

  /** Nothing more is written: somebody else may have the folder by now. Resolves when what is being written has been. */
  leave(): Promise<void> {
    this.#isLeft = true;
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    return this.#writing;
  }

  /** At once: the process is about to end. */
  writeNow(): void {
    this.#options.disk.appendNow(this.#paths.now, this.#take());
  }

  /** After the last write. */
  async remove(): Promise<void> {
    await this.flush();
    await this.#options.disk.remove(this.#paths.now);
    await this.#options.disk.remove(this.#paths.before);
  }

  #take(): Buffer {
    const { ring } = this.#options;
    const lines = Buffer.from(ring.lines(this.#next));
    this.#next = ring.nextSeq;
    return lines;
  }

  async #append(): Promise<void> {
    if (this.#isLeft || performance.now() < this.#retryAt) return;
    const { disk, maxBytes } = this.#options;
    const lines = this.#take();
    if (lines.length === 0) return;
    try {
      this.#size ??= await disk.size(this.#paths.now);
      if (this.#size > 0 && this.#size + lines.length > maxBytes && !this.#isLeft) {
        await disk.rename(this.#paths.now, this.#paths.before);
        this.#size = 0;
      }
      // A burst larger than a whole file: its end is what is asked for.
      const kept = lines.length > maxBytes ? lastLines(lines, maxBytes) : lines;
      if (this.#isLeft) return;
      await disk.append(this.#paths.now, kept);
      this.#size += kept.length;
    } catch (error) {
      // Half a line may be there now: the size is looked up again, and a reader skips what is no JSON.
      this.#size = null;
      if (errnoOf(error) === 'ENOENT') return;
      this.#retryAt = performance.now() + RETRY_MS;
      this.#options.onFailure(errnoOf(error) || 'unknown');
    }
  }
}

function lastLines(lines: Buffer, maxBytes: number): Buffer {
  const end = lines.subarray(-maxBytes);
  return end.subarray(end.indexOf('\n') + 1);
}
