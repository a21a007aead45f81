/** The rows of `ps`, for people. */
import type { TunnelView } from '../../core/snapshot.ts';
import { fittedTable, type Column } from './fitted-table.ts';
import { formatBytes, formatDuration } from './quantity.ts';
import { stateColour } from './state-colour.ts';
import type { Style } from './style.ts';
import { egressText, ingressText } from './summary.ts';

export interface PsTableOptions {
  readonly style: Style;
  /** Columns of the terminal; null does not cut. */
  readonly width: number | null;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export function psTable(tunnels: readonly TunnelView[], { style, width, now }: PsTableOptions): string[] {
  const columns: Column<TunnelView>[] = [
    { head: 'NAME', spare: 0, cell: ({ name }) => name },
    { head: 'STATE', spare: 0, cell: (tunnel) => style(stateColour(tunnel.state), stateOf(tunnel)) },
    { head: 'INGRESS', spare: 0, cell: ingressText },
    { head: '   EGRESS', spare: 2, cell: (tunnel) => `→  ${egressText(tunnel)}` },
    { head: 'HOST', spare: 3, cell: ({ host }) => host },
    { head: 'CONNS', spare: 4, cell: ({ connections }) => String(connections) },
    { head: 'IN', spare: 6, cell: ({ rx_bytes }) => formatBytes(rx_bytes) },
    { head: 'OUT', spare: 6, cell: ({ tx_bytes }) => formatBytes(tx_bytes) },
    { head: 'RTT', spare: 7, cell: ({ rtt_ms }) => (rtt_ms === null ? '-' : `${rtt_ms < 10 ? rtt_ms.toFixed(1) : Math.round(rtt_ms)} ms`) },
    { head: 'FOR', spare: 5, cell: ({ since }) => ageOf(since, now) },
  ];
  return fittedTable(
    columns.map((column) => ({ ...column, head: style('dim', column.head) })),
    tunnels,
    width,
  );
}

const stateOf = ({ state, health }: TunnelView): string =>
  health === 'none' || state === 'unhealthy' || state !== 'open' ? state : `${state} (${health})`;

/** How long ago; empty where the time is none. */
export function ageOf(since: string, now: number): string {
  const at = Date.parse(since);
  if (!Number.isFinite(at)) return '';
  const ms = Math.max(0, now - at);
  return ms < 60_000 ? `${Math.floor(ms / 1000)}s` : formatDuration(ms);
}
