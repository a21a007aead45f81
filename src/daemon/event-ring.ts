/**
 * The last events, bounded in bytes, as the lines they are sent as. Each reader is a place in it, so that a slow one costs
 * nothing: what it has not taken in time goes, and it is told how much.
 */
export interface RingEntry {
  /** 1, 2, 3 … without gaps. */
  readonly seq: number;
  readonly at: number;
  /** Null: concerns the project as a whole. */
  readonly name: string | null;
  readonly type: string;
  /** JSON with its newline. */
  readonly line: string;
}

export class EventRing {
  readonly #maxBytes: number;
  #entries: RingEntry[] = [];
  /** Entries before this one have gone; the array is cut now and then, not at each event. */
  #head = 0;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  push(entry: RingEntry): void {
    this.#entries.push(entry);
    this.#bytes += entry.line.length;
    while (this.#bytes > this.#maxBytes && this.#head < this.#entries.length - 1) {
      this.#bytes -= this.#entries[this.#head]?.line.length ?? 0;
      this.#head += 1;
    }
    if (this.#head > 1_024 && this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
  }

  /** Of the oldest one still here, or of the next one to come. */
  get firstSeq(): number {
    return this.#entries[this.#head]?.seq ?? 1;
  }

  get nextSeq(): number {
    return (this.#entries.at(-1)?.seq ?? 0) + 1;
  }

  at(seq: number): RingEntry | undefined {
    return seq < this.firstSeq ? undefined : this.#entries[this.#head + seq - this.firstSeq];
  }
}
