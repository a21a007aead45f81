/**
 * What comes and goes by the thousand a second, as a set. A Set or a Map of V8 that has seen many removals is made anew, and its old
 * table keeps what was in it and points to the new one: once one such table has become old, everything that ever was in a later one outlives the
 * collections of the young, which then copy it all. `Bag` and its entries forget what is removed.
 */
export interface BagEntry<T> {
  readonly value: T;
}

interface Entry<T> extends BagEntry<T> {
  /** Where it is; -1 once it was removed. */
  at: number;
}

export class Bag<T> {
  readonly #entries: Entry<T>[] = [];

  get size(): number {
    return this.#entries.length;
  }

  /** A value that is added twice is in it twice. */
  add(value: T): BagEntry<T> {
    const entry = { value, at: this.#entries.length };
    this.#entries.push(entry);
    return entry;
  }

  /** Of an entry of this bag; false for one that was removed before. The order of the others may change. */
  delete(entry: BagEntry<T>): boolean {
    const { at } = entry as Entry<T>;
    const last = this.#entries.at(-1);
    if (at === -1 || last === undefined) return false;
    this.#entries[at] = last;
    last.at = at;
    (entry as Entry<T>).at = -1;
    this.#entries.pop();
    return true;
  }

  /** As of now: what is removed meanwhile is still among them. */
  values(): T[] {
    return this.#entries.map(({ value }) => value);
  }
}
