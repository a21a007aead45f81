/**
 * Merges one file over another as compose does: maps by key, scalars replace, lists are appended to; but a list whose order is a
 * choice, or which is one command, is replaced. `!reset` drops what was there, `!override` replaces it whole.
 */
import type { Entry, MapNode, Node, ScalarNode } from './node.ts';

/** An order of preference, a pin, or a command: two of them joined would be neither. */
const REPLACED: readonly string[] = ['via', 'host', 'ciphers', 'kex', 'macs', 'known_hosts', 'host_key', 'command', 'proxy_command'];
/** One choice of several keys: what the file before chose does not stay beside it. */
const CHOICES: readonly string[] = ['password', 'passphrase'];
const PROBES: readonly string[] = ['tcp', 'http', 'command'];

export interface Merging {
  /** The short form as a map; null where it cannot be read. */
  readonly expand: (node: ScalarNode) => MapNode | null;
}

/** `over` over `base`; without a base only the tags are settled. */
export function merge(base: Node | undefined, over: Node, merging: Merging): Node {
  return join(base, over, { ...merging, path: [] });
}

interface Place extends Merging {
  readonly path: readonly string[];
}

function join(base: Node | undefined, over: Node, place: Place): Node {
  if (base === undefined || over.directive === 'override') return settle(over);
  const key = place.path.at(-1) ?? '';
  if (isTunnel(place.path) && base.kind !== over.kind) return joinTunnel(base, over, place);
  if (key === 'depends_on' && base.kind !== over.kind && base.kind !== 'scalar' && over.kind !== 'scalar') {
    return join(asMap(base), asMap(over), place);
  }
  if (base.kind === 'map' && over.kind === 'map') return CHOICES.includes(key) ? settle(over) : joinMaps(base, over, place);
  // `bastion:` with nothing after it says nothing.
  if (base.kind === 'map' && over.kind === 'scalar' && over.value === null) return base;
  if ((base.kind === 'list' || over.kind === 'list') && base.kind !== 'map' && over.kind !== 'map' && !REPLACED.includes(key)) {
    return { kind: 'list', items: [...itemsOf(base), ...itemsOf(settle(over))], span: over.span };
  }
  return settle(over);
}

const isTunnel = (path: readonly string[]): boolean => path.length === 2 && path[0] === 'tunnels';

const itemsOf = (node: Node): readonly Node[] => (node.kind === 'list' ? node.items : [node]);

function joinTunnel(base: Node, over: Node, place: Place): Node {
  const written = (node: Node): Node | null => (node.kind === 'scalar' && typeof node.value === 'string' ? place.expand(node) : node);
  const [left, right] = [written(base), written(over)];
  // One that cannot be read stays as it is, and is left out with the others of its kind.
  if (!left) return base;
  if (left.kind !== 'map' || right?.kind !== 'map') return settle(over);
  return joinMaps(left, right, place);
}

function joinMaps(base: MapNode, over: MapNode, place: Place): MapNode {
  const entries = new Map<string, Entry>(base.entries);
  if (place.path.at(-1) === 'healthcheck' && PROBES.some((probe) => over.entries.has(probe))) {
    for (const probe of PROBES) entries.delete(probe);
  }
  for (const [key, entry] of over.entries) {
    if (entry.value.directive === 'reset') {
      entries.delete(key);
      continue;
    }
    const before = entries.get(key);
    entries.set(key, { key: entry.key, value: join(before?.value, entry.value, { ...place, path: [...place.path, key] }) });
  }
  return { kind: 'map', entries, span: over.span };
}

/** `[a, b]` of depends_on as the map it stands for. */
function asMap(node: Node): Node {
  if (node.kind !== 'list') return node;
  const entries = new Map<string, Entry>();
  for (const item of node.items) {
    if (item.kind === 'scalar') entries.set(String(item.value), { key: item.span, value: { ...item, value: null, written: '' } });
  }
  return { kind: 'map', entries, span: node.span };
}

/** Takes the tags off: `!reset` with nothing before it is nothing. */
function settle(node: Node): Node {
  if (node.kind === 'scalar') return node.directive ? withoutDirective(node) : node;
  if (node.kind === 'list')
    return { kind: 'list', items: node.items.filter((item) => item.directive !== 'reset').map(settle), span: node.span };
  const entries = new Map<string, Entry>();
  for (const [key, entry] of node.entries) {
    if (entry.value.directive !== 'reset') entries.set(key, { key: entry.key, value: settle(entry.value) });
  }
  return { kind: 'map', entries, span: node.span };
}

const withoutDirective = ({ kind, value, written, pieces, span }: ScalarNode): ScalarNode => ({ kind, value, written, pieces, span });
