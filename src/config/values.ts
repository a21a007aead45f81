/** Reads values out of a map of the tree. What is not there, or was refused by the schema, is undefined: it was reported already. */
import { parseDuration, MAX_DURATION_MS } from './duration.ts';
import { child, type Entry, type MapNode, type Node, type ScalarNode } from './node.ts';
import type { Problems } from './problems.ts';
import type { Span } from './source.ts';

export class Values {
  readonly map: MapNode;
  readonly #problems: Problems;

  constructor(map: MapNode, problems: Problems) {
    this.map = map;
    this.#problems = problems;
  }

  has(key: string): boolean {
    return this.map.entries.has(key);
  }

  node(key: string): Node | undefined {
    const node = child(this.map, key);
    return node && !this.#problems.refused(node.span) ? node : undefined;
  }

  /** Of the value; of the map where there is none. */
  at(key: string): Span {
    return child(this.map, key)?.span ?? this.map.span;
  }

  #scalar(key: string): ScalarNode | undefined {
    const node = this.node(key);
    return node?.kind === 'scalar' ? node : undefined;
  }

  /** As written: `0600` stays `0600`. */
  written(key: string): string | undefined {
    const node = this.#scalar(key);
    return node && node.value !== null ? node.written : undefined;
  }

  text(key: string): string | undefined {
    const value = this.#scalar(key)?.value;
    return typeof value === 'string' ? value : undefined;
  }

  number(key: string): number | undefined {
    const value = this.#scalar(key)?.value;
    return typeof value === 'number' ? value : undefined;
  }

  flag(key: string): boolean | undefined {
    const value = this.#scalar(key)?.value;
    return typeof value === 'boolean' ? value : undefined;
  }

  /** One of a few words; anything else was refused by the schema. */
  choice<const T extends string>(key: string, choices: readonly T[]): T | undefined {
    const value = this.text(key);
    return choices.find((choice) => choice === value);
  }

  /** Milliseconds. */
  duration(key: string, { least = 0 }: { readonly least?: number } = {}): number | undefined {
    const node = this.#scalar(key);
    const ms = node && parseDuration(node.written);
    if (node === undefined || ms === undefined || ms === null) return undefined;
    if (ms >= least && ms <= MAX_DURATION_MS) return ms;
    const message = ms < least ? `${key} must be at least ${least} ms` : `${key} must be at most 24 days`;
    this.#problems.add({ code: 'schema', message, at: node.span });
    return undefined;
  }

  inner(key: string): Values | undefined {
    const node = this.node(key);
    return node?.kind === 'map' ? new Values(node, this.#problems) : undefined;
  }

  /** A list, or one value in place of it. */
  items(key: string): readonly ScalarNode[] | undefined {
    const node = this.node(key);
    if (!node || node.kind === 'map') return undefined;
    const all = node.kind === 'list' ? node.items : [node];
    return all.filter((item): item is ScalarNode => item.kind === 'scalar' && !this.#problems.refused(item.span));
  }

  texts(key: string): readonly string[] | undefined {
    return this.items(key)?.map((item) => String(item.value ?? ''));
  }
}

/** What `own` leaves out, from `defaults`; maps are completed key by key, except those that are one choice. */
export function withDefaults(own: MapNode, defaults: Node | undefined): MapNode {
  if (defaults?.kind !== 'map') return own;
  const entries = new Map<string, Entry>(own.entries);
  for (const [key, entry] of defaults.entries) {
    const mine = entries.get(key);
    if (!mine) entries.set(key, entry);
    else if (mine.value.kind === 'map' && entry.value.kind === 'map' && COMPLETED.includes(key)) {
      entries.set(key, { key: mine.key, value: withDefaults(mine.value, entry.value) });
    }
  }
  return { ...own, entries };
}

const COMPLETED: readonly string[] = ['keepalive', 'reconnect', 'env'];
