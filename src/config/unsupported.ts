/** The keys of the language whose behaviour is not built: using one is an error, never silently ignored. The only such list. */
import type { Node } from './node.ts';
import type { Problems } from './problems.ts';
import type { Span } from './source.ts';
import type { Values } from './values.ts';

interface Unsupported {
  readonly of: 'host' | 'tunnel';
  readonly key: string;
  /** Where only some values are: what of the value is meant; null where it is none of them. Absent: any value. */
  readonly part?: (node: Node) => { readonly text: string; readonly at: Span } | null;
}

const exactly = (wanted: string, key: string) => (node: Node) =>
  node.kind === 'scalar' && node.value === wanted ? { text: `${key}: ${wanted}`, at: node.span } : null;

const UNSUPPORTED: readonly Unsupported[] = [
  { of: 'host', key: 'certificate_file' },
  { of: 'host', key: 'proxy_command' },
  { of: 'host', key: 'proxy' },
  { of: 'host', key: 'transport', part: exactly('openssh', 'transport') },
];

export function reportUnsupported(of: 'host' | 'tunnel', values: Values, problems: Problems): void {
  for (const each of UNSUPPORTED) {
    const entry = each.of === of ? values.map.entries.get(each.key) : undefined;
    if (!entry || !values.node(each.key)) continue;
    const found = each.part ? each.part(entry.value) : { text: each.key, at: entry.key };
    if (found) problems.add({ code: 'unsupported', message: `not supported yet: ${found.text}`, at: found.at });
  }
}
