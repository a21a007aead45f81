/** From a document of the YAML library to a tree with places: aliases and merge keys are written out. */
import { isAlias, isMap, isPair, isScalar, isSeq, type Document } from 'yaml';
import { LIMITS } from './limits.ts';
import { emptyMap, type Entry, type MapNode, type Node, type Scalar } from './node.ts';
import type { Problems } from './problems.ts';
import type { Source, Span } from './source.ts';

const isPlainScalar = (value: unknown): value is Scalar =>
  value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';

/** How much a node is once its aliases are written out. */
interface Size {
  readonly values: number;
  readonly depth: number;
}

const ONE: Size = { values: 1, depth: 1 };

/** Reads a document that has no syntax error. What is wrong with what it says is a problem. */
export class DocumentReader {
  readonly #source: Source;
  readonly #problems: Problems;
  /** Aliases refer back: reading in order, the last one of a name is the one that is meant. */
  readonly #anchors = new Map<string, Node>();
  readonly #open = new Set<string>();
  readonly #sizes = new Map<Node, Size>();

  constructor(source: Source, problems: Problems) {
    this.#source = source;
    this.#problems = problems;
  }

  read(document: Document.Parsed): Node {
    return this.#node(document.contents, this.#span(0, 0));
  }

  #node(raw: unknown, fallback: Span): Node {
    if (isAlias(raw)) return this.#alias(raw.source, this.#spanOf(raw, fallback));
    const anchor = (isMap(raw) || isSeq(raw) || isScalar(raw)) && raw.anchor ? raw.anchor : null;
    if (anchor !== null) this.#open.add(anchor);
    const node = this.#plain(raw, fallback);
    if (anchor !== null) {
      this.#open.delete(anchor);
      this.#anchors.set(anchor, node);
    }
    return node;
  }

  #plain(raw: unknown, fallback: Span): Node {
    const span = this.#spanOf(raw, fallback);
    const directive = this.#directive(raw, span);
    const extra = directive ? { directive } : {};
    if (isMap(raw)) return this.#sized({ kind: 'map', entries: this.#entries(raw.items), span, ...extra });
    if (isSeq(raw)) return this.#sized({ kind: 'list', items: raw.items.map((item) => this.#node(item, span)), span, ...extra });
    const value: unknown = isScalar(raw) ? raw.value : null;
    const scalar = isPlainScalar(value) ? value : null;
    const plain = isScalar(raw) && raw.type === 'PLAIN' && typeof raw.source === 'string';
    return { kind: 'scalar', value: scalar, written: plain ? String(raw.source) : String(scalar ?? ''), pieces: null, span, ...extra };
  }

  #entries(items: readonly unknown[]): Map<string, Entry> {
    const entries = new Map<string, Entry>();
    const merged: MapNode[] = [];
    for (const item of items) {
      if (!isPair(item)) continue;
      const key = this.#keySpan(item.key);
      if (!isScalar(item.key) || item.key.value === null) {
        this.#problems.add({ code: 'yaml-syntax', message: 'a key must be text', at: key, hint: 'quote it' });
        continue;
      }
      const name = typeof item.key.value === 'string' ? item.key.value : (item.key.source ?? JSON.stringify(item.key.value));
      if (name === '<<' && item.key.type === 'PLAIN') {
        merged.push(...this.#mergeSources(this.#node(item.value, key), this.#spanOf(item.value, key)));
        continue;
      }
      const before = entries.get(name);
      if (before) {
        const line = this.#source.text.slice(0, before.key.start).split('\n').length;
        this.#problems.add({ code: 'yaml-syntax', message: `the key "${name}" is here twice`, at: key, hint: `it is on line ${line} too` });
      }
      const value = this.#node(item.value, key);
      if (!before) entries.set(name, { key, value });
    }
    // What the map says itself wins, then the first of the merged ones (YAML merge keys).
    for (const map of merged) for (const [name, entry] of map.entries) if (!entries.has(name)) entries.set(name, entry);
    return entries;
  }

  #mergeSources(node: Node, at: Span): MapNode[] {
    const nodes = node.kind === 'list' ? node.items : [node];
    return nodes.flatMap((each) => {
      if (each.kind === 'map') return [each];
      this.#problems.add({ code: 'yaml-syntax', message: '<< takes a map, or a list of maps', at });
      return [];
    });
  }

  #alias(name: string, span: Span): Node {
    const node = this.#anchors.get(name);
    if (node && !this.#open.has(name)) return node;
    const looksLikeAddress = /^:?\d+(-\d+)?$/.test(name);
    const message = this.#open.has(name)
      ? `the alias *${name} is inside what it stands for`
      : `the alias *${name} stands for nothing: there is no &${name} before it`;
    this.#problems.add({ code: 'yaml-syntax', message, at: span, hint: looksLikeAddress ? `quote it: "*${name}"` : null });
    return emptyMap(span);
  }

  #directive(raw: unknown, span: Span): 'reset' | 'override' | undefined {
    const tag = isMap(raw) || isSeq(raw) || isScalar(raw) ? raw.tag : undefined;
    if (tag === '!reset') return 'reset';
    if (tag === '!override') return 'override';
    if (tag && !tag.startsWith('tag:yaml.org,2002:')) this.#unknownTag(tag, span);
    else if (tag && !/:(?:map|seq|str|int|float|bool|null)$/.test(tag)) this.#unknownTag(`!!${tag.slice(18)}`, span);
    return undefined;
  }

  #unknownTag(tag: string, at: Span): void {
    this.#problems.add({ code: 'yaml-syntax', message: `the tag ${tag} means nothing here`, at, hint: 'only !reset and !override do' });
  }

  /** Aliases share nodes, so this is cheap even where writing them out would never end. */
  #sized<T extends Node>(node: T): Node {
    const children = node.kind === 'map' ? [...node.entries.values()].map((entry) => entry.value) : node.kind === 'list' ? node.items : [];
    let values = 1;
    let depth = 0;
    for (const each of children) {
      const size = this.#sizes.get(each) ?? ONE;
      values += size.values;
      depth = Math.max(depth, size.depth);
    }
    if (values > LIMITS.values || depth >= LIMITS.depth) {
      this.#problems.add({ code: 'yaml-syntax', message: 'its aliases write out to more than a configuration can hold', at: node.span });
      return emptyMap(node.span);
    }
    this.#sizes.set(node, { values, depth: depth + 1 });
    return node;
  }

  /** Also of a key that is not there: `: value`. */
  #keySpan(raw: unknown): Span {
    const start = (isMap(raw) || isSeq(raw) || isScalar(raw) || isAlias(raw)) && raw.range ? raw.range[0] : 0;
    return this.#spanOf(raw, this.#span(start, start + 1));
  }

  #spanOf(raw: unknown, fallback: Span): Span {
    const range = isMap(raw) || isSeq(raw) || isScalar(raw) || isAlias(raw) ? raw.range : null;
    // A value that is not there (`host:`) is best shown by its key.
    if (!range || range[1] <= range[0]) return fallback;
    return this.#span(range[0], range[1]);
  }

  #span(start: number, end: number): Span {
    return { source: this.#source, start, end };
  }
}
