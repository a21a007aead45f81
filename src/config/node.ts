/**
 * A configuration as a tree in which everything knows its place. Nodes never change: a YAML alias is the same node again,
 * and merging makes new maps of old nodes, so each value keeps the file and line it was written in.
 */
import type { Span } from './source.ts';

export type Scalar = string | number | boolean | null;

/** A piece of interpolated text: `fixed` came out of a variable, so no quote, blank or dash in it means anything. */
export interface Piece {
  readonly text: string;
  readonly fixed: boolean;
}

interface Base {
  readonly span: Span;
  /** Compose's `!reset` (drop what the file before says) and `!override` (replace it). */
  readonly directive?: 'reset' | 'override';
}

export interface ScalarNode extends Base {
  readonly kind: 'scalar';
  readonly value: Scalar;
  /** As written, without quotes: `0600`, where the value is the number 600. */
  readonly written: string;
  /** Null until it is interpolated. */
  readonly pieces: readonly Piece[] | null;
}

export interface ListNode extends Base {
  readonly kind: 'list';
  readonly items: readonly Node[];
}

export interface Entry {
  readonly key: Span;
  readonly value: Node;
}

export interface MapNode extends Base {
  readonly kind: 'map';
  readonly entries: ReadonlyMap<string, Entry>;
}

export type Node = ScalarNode | ListNode | MapNode;

export const emptyMap = (span: Span): MapNode => ({ kind: 'map', entries: new Map(), span });

export const child = (node: Node | undefined, key: string): Node | undefined =>
  node?.kind === 'map' ? node.entries.get(key)?.value : undefined;

/** Keys that begin with x- are the user's. */
export const isUsers = (key: string): boolean => key.startsWith('x-');

export function toPlain(node: Node): unknown {
  if (node.kind === 'scalar') return node.value;
  if (node.kind === 'list') return node.items.map(toPlain);
  const plain: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const [key, entry] of node.entries) if (!isUsers(key)) plain[key] = toPlain(entry.value);
  return plain;
}

export interface Found {
  readonly node: Node;
  /** Where the key that leads to it is. */
  readonly key: Span | null;
}

/** What a JSON pointer (RFC 6901) leads to; where it leads nowhere, the last place on the way. */
export function atPointer(root: Node, pointer: string): Found {
  let found: Found = { node: root, key: null };
  for (const part of pointer.split('/').slice(1)) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~');
    if (found.node.kind === 'list') {
      const item = found.node.items[Number(name)];
      if (!item) return found;
      found = { node: item, key: found.key };
    } else if (found.node.kind === 'map') {
      const entry = found.node.entries.get(name);
      if (!entry) return found;
      found = { node: entry.value, key: entry.key };
    } else return found;
  }
  return found;
}
