/**
 * The last events, bounded in bytes, as the lines they are sent as. Each reader is a place in it, so that a slow one costs
 * nothing: what it has not taken in time goes, and it is told how much. They lie as bytes in one piece of memory: with two for each connection, strings
 * that live for a second are what the collector would be busy with.
 */
export interface EventFacts {
  readonly at: number;
  /** Null: concerns the project as a whole. */
  readonly name: string | null;
  readonly type: string;
}

export interface RingEntry extends EventFacts {
  /** 1, 2, 3 … without gaps. */
  readonly seq: number;
  /** JSON with its newline. */
  readonly line: string;
}

/** What memory there is at first. Bytes, and lines. */
const FIRST_BYTES = 16 * 1024;
const FIRST_LINES = 64;
/** Beside what is kept there is room for a line. Bytes. */
const ROOM_BYTES = 64 * 1024;
/** A letter of a string is at most so many bytes of UTF-8. */
const LETTER_BYTES = 3;
const NEWLINE = 10;

export class EventRing {
  readonly #maxBytes: number;
  /** The byte that was written as the nth lies at n modulo its length. */
  #memory = Buffer.allocUnsafeSlow(FIRST_BYTES);
  /** As which byte the line of a number begins, at that number modulo its length. */
  #begins = new Float64Array(FIRST_LINES);
  /** As `#begins`: what readers choose by, for which nothing is to be parsed. */
  #times = new Float64Array(FIRST_LINES);
  /** Places in `#words`. */
  #names = new Uint32Array(FIRST_LINES);
  #types = new Uint32Array(FIRST_LINES);
  /** Names and types, each once: an event's own copy would be kept as long as its line. */
  readonly #words: (string | null)[] = [null];
  readonly #placeOf = new Map<string | null, number>([[null, 0]]);
  #first = 1;
  #next = 1;
  #written = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** An event as JSON. Its number is `nextSeq`. */
  push(json: string, { at, name, type }: EventFacts): void {
    if (this.#next - this.#first === this.#begins.length) this.#growIndex();
    const place = this.#next % this.#begins.length;
    this.#begins[place] = this.#written;
    this.#times[place] = at;
    this.#names[place] = this.#word(name);
    this.#types[place] = this.#word(type);
    // Counting the bytes first costs as much as writing them.
    const most = LETTER_BYTES * json.length + 1;
    if (this.#kept + most > this.#memory.length) this.#growMemory(most);
    const from = this.#written % this.#memory.length;
    const isWhole = from + most <= this.#memory.length;
    const bytes = isWhole ? this.#memory.write(json, from) : this.#writeRound(Buffer.from(json), from);
    this.#memory[(from + bytes) % this.#memory.length] = NEWLINE;
    this.#written += bytes + 1;
    this.#next += 1;
    while (this.#kept > this.#maxBytes && this.#first < this.#next - 1) this.#first += 1;
  }

  /** Of the oldest one still here, or of the next one to come. */
  get firstSeq(): number {
    return this.#first;
  }

  get nextSeq(): number {
    return this.#next;
  }

  at(seq: number): RingEntry | undefined {
    if (seq < this.#first || seq >= this.#next) return undefined;
    const place = seq % this.#begins.length;
    const name = this.#words[this.#names[place] ?? 0] ?? null;
    const type = this.#words[this.#types[place] ?? 0] ?? '';
    return { seq, at: this.#times[place] ?? 0, name, type, line: this.lines(seq, seq + 1).toString() };
  }

  /** The lines from this number on, as far as they are still here, to before `end`. Their memory is used again by later ones. */
  lines(seq: number, end: number = this.#next): Buffer {
    const begin = this.#begin(Math.max(seq, this.#first));
    const bytes = this.#begin(end) - begin;
    const { length } = this.#memory;
    const from = begin % length;
    if (from + bytes <= length) return this.#memory.subarray(from, from + bytes);
    return Buffer.concat([this.#memory.subarray(from), this.#memory.subarray(0, from + bytes - length)]);
  }

  #word(word: string | null): number {
    const known = this.#placeOf.get(word);
    if (known !== undefined) return known;
    this.#placeOf.set(word, this.#words.length);
    return this.#words.push(word) - 1;
  }

  get #kept(): number {
    return this.#written - this.#begin(this.#first);
  }

  #begin(seq: number): number {
    return seq < this.#next ? (this.#begins[seq % this.#begins.length] ?? 0) : this.#written;
  }

  #writeRound(bytes: Buffer, from: number): number {
    const first = bytes.copy(this.#memory, from);
    bytes.copy(this.#memory, 0, first);
    return bytes.length;
  }

  #growMemory(room: number): void {
    const kept = this.lines(this.#first);
    const wanted = Math.min(2 * this.#memory.length, this.#maxBytes + ROOM_BYTES);
    this.#memory = Buffer.allocUnsafeSlow(Math.max(kept.length + room, wanted));
    this.#writeRound(kept, this.#begin(this.#first) % this.#memory.length);
  }

  #growIndex(): void {
    const size = 2 * this.#begins.length;
    const moved = <T extends Float64Array | Uint32Array>(from: T, to: T): T => {
      for (let seq = this.#first; seq < this.#next; seq += 1) to[seq % size] = from[seq % from.length] ?? 0;
      return to;
    };
    this.#begins = moved(this.#begins, new Float64Array(size));
    this.#times = moved(this.#times, new Float64Array(size));
    this.#names = moved(this.#names, new Uint32Array(size));
    this.#types = moved(this.#types, new Uint32Array(size));
  }
}
