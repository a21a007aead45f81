/** The keys of the language whose behaviour is not built: using one is an error, never silently ignored. The only such list. */
import type { Node } from './node.ts';
import type { Problems } from './problems.ts';
import type { Span } from './source.ts';
import type { Values } from './values.ts';

interface Unsupported {
  readonly of: 'host' | 'tunnel';
  readonly key: string;
  /** Where only some values are: what of the value is meant; null where it is none of them. Absent: any value. */
  readonly part?: (node: Node, values: Values) => { readonly text: string; readonly at: Span } | null;
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
    // The ssh on the client is given one host, and nothing here would see that it ought to be another one.
    part: (node, values) =>
      node.kind === 'list' && node.items.length > 1 && values.text('launch') === 'ssh' && values.has('client')
        ? { text: 'a list of hosts with launch: ssh', at: node.span }
        : null,
    hint: 'name one host, or write launch: relay',
  },
  {
    of: 'tunnel',
    key: 'healthcheck',
    part: command,
    message: 'a healthcheck that runs a command is refused: commands of a project cannot be trusted yet',
    hint: 'write tcp: true or http: /PATH',
  },
];

export function reportUnsupported(of: 'host' | 'tunnel', values: Values, problems: Problems): void {
  for (const each of UNSUPPORTED) {
    const entry = each.of === of ? values.map.entries.get(each.key) : undefined;
    if (!entry || !values.node(each.key)) continue;
    const found = each.part ? each.part(entry.value, values) : { text: each.key, at: entry.key };
    if (found)
      problems.add({ code: 'unsupported', message: each.message ?? `not supported yet: ${found.text}`, at: found.at, hint: each.hint });
  }
}
