/** What fell with a host or a tunnel, as a sentence has it: by name while they are few. */
import { counted, listed } from './quantity.ts';

/** As many as are told by name. */
const NAMED = 3;

/** `host test-server and tunnels git and web`; `9 tunnels and 2 hosts`. */
export function nodesText(nodes: readonly string[]): string {
  const of = (kind: 'host' | 'tunnel'): string[] =>
    nodes.flatMap((node) => (node.startsWith(`${kind} `) ? [node.slice(kind.length + 1)] : []));
  const kinds = [
    { noun: 'tunnel', names: of('tunnel') },
    { noun: 'host', names: of('host') },
  ].filter(({ names }) => names.length > 0);
  const parts = kinds.map(({ noun, names }) =>
    nodes.length > NAMED ? counted(names.length, noun) : `${noun}${names.length === 1 ? '' : 's'} ${listed(names)}`,
  );
  return parts.join(' and ');
}

/** `; 9 tunnels and 2 hosts wait for it`; empty where nothing fell. */
export const fellText = (fell: readonly string[] = []): string =>
  fell.length === 0 ? '' : `; ${nodesText(fell)} ${fell.length === 1 ? 'waits' : 'wait'} for it`;
