/** Replaces every short form of the tree by its long form. What one says of its host becomes a host of its own. */
import { expandShortForm, type Expanded } from './expand-short-form.ts';
import type { Interpolation } from './interpolate.ts';
import { child, isUsers, type Entry, type MapNode, type Node } from './node.ts';

/** `before`: those that were written out to be merged. A short form that cannot be read is left out: it was reported. */
export function writeOut(tree: Node, before: readonly Expanded[], interpolation: Interpolation): Node {
  const tunnels = child(tree, 'tunnels');
  if (tree.kind !== 'map' || tunnels?.kind !== 'map') return tree;
  const expanded = [...before];
  const entries = new Map<string, Entry>();
  for (const [name, entry] of tunnels.entries) {
    if (isUsers(name) || entry.value.kind !== 'scalar' || typeof entry.value.value !== 'string') {
      entries.set(name, entry);
      continue;
    }
    const written = expandShortForm(entry.value, interpolation);
    if (!written) continue;
    expanded.push(written);
    entries.set(name, { key: entry.key, value: written.tunnel });
  }
  return withHosts(replace(tree, 'tunnels', { ...tunnels, entries }), expanded);
}

function withHosts(tree: MapNode, expanded: readonly Expanded[]): Node {
  const added = expanded.flatMap(({ host }) => (host ? [host] : []));
  const hosts = child(tree, 'hosts');
  const [first] = added;
  if (!first || (hosts && hosts.kind !== 'map' && !(hosts.kind === 'scalar' && hosts.value === null))) return tree;
  const entries = new Map<string, Entry>(hosts?.kind === 'map' ? hosts.entries : []);
  for (const { name, entry } of added) if (!entries.has(name)) entries.set(name, entry);
  return replace(tree, 'hosts', { kind: 'map', entries, span: hosts?.span ?? first.entry.key });
}

function replace(tree: MapNode, key: string, value: Node): MapNode {
  const at = tree.entries.get(key)?.key ?? value.span;
  return { ...tree, entries: new Map([...tree.entries, [key, { key: at, value }]]) };
}
