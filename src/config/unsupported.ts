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
  readonly message?: string;
  readonly hint?: string;
}

const exactly = (wanted: string, key: string) => (node: Node) =>
  node.kind === 'scalar' && node.value === wanted ? { text: `${key}: ${wanted}`, at: node.span } : null;

const command = (node: Node): { text: string; at: Span } | null => {
  const entry = node.kind === 'map' ? node.entries.get('command') : undefined;
  return entry ? { text: 'command', at: entry.key } : null;
};

const COMMAND_REFUSED = {
  message: 'a secret that a command prints is refused: commands of a project cannot be trusted yet',
  hint: 'write {env: NAME} or {prompt: true}',
};

const UNSUPPORTED: readonly Unsupported[] = [
  { of: 'host', key: 'certificate_file' },
  { of: 'host', key: 'proxy_command' },
  { of: 'host', key: 'proxy' },
  { of: 'host', key: 'transport', part: exactly('openssh', 'transport') },
  {
    of: 'host',
    key: 'connections',
    part: (node) => (node.kind === 'scalar' && Number(node.value) > 1 ? { text: `connections: ${node.value}`, at: node.span } : null),
  },
  { of: 'host', key: 'password', part: command, ...COMMAND_REFUSED },
  { of: 'host', key: 'passphrase', part: command, ...COMMAND_REFUSED },
  {
    of: 'tunnel',
    key: 'host',
    part: (node) => (node.kind === 'list' && node.items.length > 1 ? { text: 'a list of hosts (failover)', at: node.span } : null),
  },
  { of: 'tunnel', key: 'healthcheck' },
  { of: 'tunnel', key: 'start', part: exactly('on-demand', 'start') },
  { of: 'tunnel', key: 'idle_timeout' },
  {
    of: 'tunnel',
    key: 'depends_on',
    part: (node) => {
      const conditions =
        node.kind === 'map'
          ? [...node.entries.values()].flatMap(({ value }) => (value.kind === 'map' ? (value.entries.get('condition') ?? []) : []))
          : [];
      const healthy = conditions.find(({ value }) => value.kind === 'scalar' && value.value === 'healthy');
      return healthy ? { text: 'condition: healthy', at: healthy.value.span } : null;
    },
  },
];

export function reportUnsupported(of: 'host' | 'tunnel', values: Values, problems: Problems): void {
  for (const each of UNSUPPORTED) {
    const entry = each.of === of ? values.map.entries.get(each.key) : undefined;
    if (!entry || !values.node(each.key)) continue;
    const found = each.part ? each.part(entry.value) : { text: each.key, at: entry.key };
    if (found)
      problems.add({ code: 'unsupported', message: each.message ?? `not supported yet: ${found.text}`, at: found.at, hint: each.hint });
  }
}
