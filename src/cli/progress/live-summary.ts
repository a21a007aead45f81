/** What the frame shows of a project with more hosts and tunnels than the terminal has rows. */
import type { NodeId } from '../../core/graph.ts';
import { nodeName } from '../../core/graph.ts';
import { fit } from '../render/table.ts';
import type { Subjects } from './standing.ts';

interface Room {
  /** Of the terminal. */
  readonly rows: number;
  readonly columns: number;
}

/** The prompt, the line before and the cursor's own: a frame that scrolls cannot be cleared. */
const SPARE_ROWS = 4;
/** The icon, the blank after it and what listr2 leaves free. */
const SPARE_COLUMNS = 6;

type Kind = 'host' | 'tunnel';

/** All subjects where they fit; else a line for all tunnels, and where the hosts alone are too many, one for all of them. */
export function summarised(all: Subjects, { rows, columns }: Room): Subjects {
  const room = Math.max(2, rows - SPARE_ROWS);
  if (all.order.length <= room) return all;
  const hosts = all.order.filter((id) => id.startsWith('host:'));
  const tunnels = all.order.filter((id) => id.startsWith('tunnel:'));
  const shownHosts = hosts.length < room ? hosts : [];
  const groups = new Map<NodeId, { kind: Kind; ids: readonly NodeId[] }>();
  if (shownHosts.length < hosts.length) groups.set('host:', { kind: 'host', ids: hosts });
  if (tunnels.length > 0) groups.set('tunnel:', { kind: 'tunnel', ids: tunnels });
  const order: NodeId[] = [...shownHosts, ...groups.keys()];
  const failureRows = Math.floor((room - order.length) / groups.size);
  const width = Math.max(8, columns - SPARE_COLUMNS);
  const cut = (text: string): string => fit(text, width);
  const firstLine = (id: NodeId): string => cut(all.title(id).split('\n', 1)[0] ?? '');

  return {
    order,
    outcome(id) {
      const group = groups.get(id);
      if (!group) return all.outcome(id);
      const outcomes = new Set(group.ids.map((each) => all.outcome(each)));
      if (outcomes.has('pending')) return 'pending';
      return outcomes.has('failed') ? 'failed' : 'up';
    },
    title(id) {
      const group = groups.get(id);
      // A hint has a second line, for which there is no room; it stands in what is left behind at the end.
      if (!group) return firstLine(id);
      const { kind, ids } = group;
      const failed = ids.filter((each) => all.outcome(each) === 'failed');
      const lines = failed.slice(0, failureRows).map(firstLine);
      return [cut(summary(kind, ids, all)), ...lines].join('\n');
    },
  };
}

function summary(kind: Kind, ids: readonly NodeId[], all: Subjects): string {
  const by = { up: 0, failed: 0, pending: 0 };
  const waiting: string[] = [];
  for (const id of ids) {
    const outcome = all.outcome(id);
    by[outcome] += 1;
    // More names than this are on no line.
    if (outcome === 'pending' && waiting.length < 20) waiting.push(nodeName(id));
  }
  const failed = by.failed === 0 ? '' : `, ${String(by.failed)} failed`;
  const names = waiting.length === 0 ? '' : `, waiting: ${waiting.join(', ')}${by.pending > waiting.length ? ', …' : ''}`;
  return `${kind}s: ${String(by.up)} of ${String(ids.length)} ${kind === 'host' ? 'connected' : 'open'}${failed}${names}`;
}
