/**
 * Reads a text that differs little from one that was read: only the entries with the edit in them are parsed, all others are taken over with their
 * places moved. Of a reload of a thousand tunnels parsing was half. It gives what `parse` would, or null: what is not plainly so is left to that.
 */
import { LIMITS } from './limits.ts';
import type { Entry, MapNode, Node } from './node.ts';
import { parse, type Parsed } from './parse.ts';
import { Problems } from './problems.ts';
import type { Source, Span, Stretch } from './source.ts';

/** Null where all has to be read, or something is wrong with what was edited. */
export function reparse(before: Parsed, source: Source): Parsed | null {
  const { root } = before;
  if (before.source.name !== source.name) return null;
  if (before.source.text === source.text) return before;
  if (!before.isPlain || root.kind !== 'map' || before.lexemes > LIMITS.values) return null;
  const read = new Edit(before, source).within({ map: root, end: before.source.text.length, level: 1 });
  return read && { source, root: read.map, lexemes: before.lexemes + read.lexemes, isPlain: true };
}

type Named = readonly [string, Entry];

interface Around {
  readonly map: MapNode;
  /** Where what follows it begins, in the text before. */
  readonly end: number;
  readonly level: number;
}

/** The entries of a map, from the first to the last with something of the edit in it. */
interface Run {
  readonly entries: readonly Named[];
  /** Where the line of each begins, in the text before. */
  readonly starts: readonly number[];
  readonly first: number;
  readonly last: number;
}

/** A map with the edit in it, as it is now. */
interface Read {
  readonly map: MapNode;
  readonly lexemes: number;
  /** Where it ends if that is the end of the text; null: as far before what follows as before. */
  readonly end: number | null;
}

/** Entries of a map that take the place of those from one to before another. */
interface Placing {
  readonly map: MapNode;
  readonly entries: readonly Named[];
  readonly from: number;
  readonly to: number;
  readonly read: readonly Named[];
  /** As in `Read`. */
  readonly end: number | null;
}

class Edit {
  readonly #old: Source;
  readonly #new: Source;
  readonly #lexemes: number;
  /** What is not the same, in the text before. */
  readonly #at: Stretch;
  /** By so much what follows has moved. */
  readonly #by: number;
  /** So many characters are worth a try: half of the text is read no faster than all. */
  #worth: number;

  constructor(before: Parsed, source: Source) {
    this.#old = before.source;
    this.#new = source;
    this.#lexemes = before.lexemes;
    const [old, now] = [before.source.text, source.text];
    const shorter = Math.min(old.length, now.length);
    let start = 0;
    while (start < shorter && old.charCodeAt(start) === now.charCodeAt(start)) start += 1;
    let rest = 0;
    while (rest < shorter - start && old.charCodeAt(old.length - 1 - rest) === now.charCodeAt(now.length - 1 - rest)) rest += 1;
    this.#at = { start, end: old.length - rest };
    this.#by = now.length - old.length;
    this.#worth = now.length / 2;
  }

  within(around: Around): Read | null {
    const run = this.#runOf(around.map);
    return run && (this.#inside(around, run) ?? this.#anew(around, run));
  }

  /** Null where not each entry of the map begins a line of its own. */
  #runOf({ entries: named, span }: MapNode): Run | null {
    const entries = [...named];
    const starts = entries.map(([, { key }]) => lineOf(this.#old, key));
    const first = starts.findLastIndex((start) => start <= this.#at.start);
    const last = starts.findLastIndex((start) => start < this.#at.end);
    // A flow map begins with its bracket, and not with a key: what stands on a line of it is no entry by itself.
    const column = span.start - (starts[0] ?? 0);
    const isLineEach = entries.every(([, { key }], index) => starts[index] !== -1 && key.start - column === starts[index]);
    return first < 0 || !isLineEach ? null : { entries, starts, first, last: Math.max(first, last) };
  }

  /** Where the edit is within one entry, which is a map. */
  #inside({ map, end, level }: Around, { entries, starts, first, last }: Run): Read | null {
    const [name, entry] = entries[first] ?? [];
    if (name === undefined || first !== last || entry?.value.kind !== 'map') return null;
    const inner = this.within({ map: entry.value, end: starts[last + 1] ?? end, level: level + 1 });
    if (!inner) return null;
    const read: Named[] = [[name, { key: this.#moved(entry.key, 0), value: inner.map }]];
    return { ...inner, map: this.#put({ map, entries, from: first, to: last + 1, read, end: inner.end }) };
  }

  /** The run together with who is before it, whose text could go on, and with who comes after it, where it has to be over. */
  #anew({ map, end, level }: Around, { entries, starts, first, last }: Run): Read | null {
    const { text } = this.#new;
    const from = Math.max(first - 1, 0);
    const next = entries[last + 1];
    const start = starts[from] ?? 0;
    const now = { start, end: (starts[last + 2] ?? end) + this.#by };
    if (!next && now.end !== text.length) return null;
    const part = this.#parse(now);
    if (!part) return null;
    const read = [...part.map.entries];
    // It begins as it did, with a key: what is before that could be a part of something above.
    const [was, is] = [entries[from]?.[1].key, read[0]?.[1].key];
    if (!was || !is || lineOf(this.#new, is) !== start || is.start !== was.start) return null;
    // One that is no longer there is a part of something now. A comment at the end may be within the maps around, or behind them.
    if (next && read.pop()?.[1].key.start !== next[1].key.start + this.#by) return null;
    if (!next && text.slice(part.map.span.end).includes('#')) return null;
    const names = new Set(read.map(([name]) => name));
    // Which of two of a name is wrong is for who reads all.
    if (entries.some(([name], index) => (index < from || index > last) && names.has(name))) return null;
    // What lies further in than this, and how much there is by now, only who reads all can say.
    const isFarFromLimits = this.#lexemes + part.lexemes <= LIMITS.values && level + depthOf(part.map) <= LIMITS.depth / 2;
    if (!isFarFromLimits) return null;
    const mapEnd = next ? null : part.map.span.end;
    return { map: this.#put({ map, entries, from, to: last + 1, read, end: mapEnd }), lexemes: part.lexemes, end: mapEnd };
  }

  /** As if there were nothing else. */
  #parse(now: Stretch): Omit<Read, 'end'> | null {
    this.#worth -= now.end - now.start;
    const parsed = this.#worth < 0 ? null : parse(this.#new, new Problems(), now);
    return parsed?.isPlain && parsed.root.kind === 'map' ? { map: parsed.root, lexemes: parsed.lexemes } : null;
  }

  #put({ map, entries, from, to, read, end }: Placing): MapNode {
    const all = [
      ...entries.slice(0, from).map((entry) => this.#movedEntry(entry, 0)),
      ...read,
      ...entries.slice(to).map((entry) => this.#movedEntry(entry, this.#by)),
    ];
    return { kind: 'map', entries: new Map(all), span: { source: this.#new, start: map.span.start, end: end ?? map.span.end + this.#by } };
  }

  #movedEntry([name, { key, value }]: Named, by: number): Named {
    return [name, { key: this.#moved(key, by), value: this.#movedNode(value, by) }];
  }

  #movedNode(node: Node, by: number): Node {
    const span = this.#moved(node.span, by);
    if (node.kind === 'scalar') return { ...node, span };
    if (node.kind === 'list') return { ...node, items: node.items.map((item) => this.#movedNode(item, by)), span };
    return { ...node, entries: new Map([...node.entries].map((entry) => this.#movedEntry(entry, by))), span };
  }

  #moved({ start, end }: Span, by: number): Span {
    return { source: this.#new, start: start + by, end: end + by };
  }
}

const BLANK = 0x20;
const NEWLINE = 0x0a;

/** Where the line begins that has nothing before this; -1 where it is not so. */
function lineOf({ text }: Source, { start }: Span): number {
  let at = start;
  while (at > 0 && text.charCodeAt(at - 1) === BLANK) at -= 1;
  return at === 0 || text.charCodeAt(at - 1) === NEWLINE ? at : -1;
}

const depthOf = (node: Node): number => {
  const children = node.kind === 'map' ? [...node.entries.values()].map(({ value }) => value) : node.kind === 'list' ? node.items : [];
  return 1 + Math.max(0, ...children.map(depthOf));
};
