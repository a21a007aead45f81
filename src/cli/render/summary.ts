/** What is up, as a table: name, the way from ingress to egress, host. */
import { listensOnHost } from '../../core/spec.ts';
import { THIS_MACHINE } from '../../core/spec.ts';
import type { Snapshot, TunnelView } from '../../core/snapshot.ts';
import { fittedTable, type Column } from './fitted-table.ts';
import { counted } from './quantity.ts';
import type { Style } from './style.ts';
import { stateColour } from './state-colour.ts';

const isUp = (tunnel: TunnelView): boolean => tunnel.state === 'open' || tunnel.state === 'idle' || tunnel.state === 'unhealthy';

export interface SummaryOptions {
  readonly style: Style;
  readonly width: number | null;
}

/** `127.0.0.1:8080`, or `localhost:2999 on bastion` where it is not this machine that listens. */
export function ingressText(tunnel: Pick<TunnelView, 'type' | 'host' | 'client' | 'ingress'>): string {
  const machine = listensOnHost(tunnel.type) ? tunnel.host : tunnel.client;
  return machine === THIS_MACHINE ? tunnel.ingress : `${tunnel.ingress} on ${machine}`;
}

export const egressText = (tunnel: Pick<TunnelView, 'egress'>): string => tunnel.egress ?? 'SOCKS and HTTP proxy';

/** Where there is no room for all of it, where a tunnel listens and its state stay. */
export function summaryTable(snapshot: Snapshot, { style, width }: SummaryOptions): string[] {
  if (snapshot.tunnels.length === 0) return [];
  const columns: Column<TunnelView>[] = [
    { head: 'NAME', spare: 0, cell: ({ name }) => name },
    { head: 'INGRESS', spare: 0, cell: ingressText },
    { head: '   EGRESS', spare: 2, cell: (tunnel) => `→  ${egressText(tunnel)}` },
    { head: 'HOST', spare: 3, cell: ({ host }) => host },
    { head: 'STATE', spare: 0, cell: ({ state }) => style(stateColour(state), state) },
  ];
  return fittedTable(
    columns.map((column) => ({ ...column, head: style('dim', column.head) })),
    snapshot.tunnels,
    width,
  );
}

/** `3 tunnels are open`, `2 of 3 tunnels are open`; or, as not all that are up are open, `3 tunnels are up: 1 open, 2 idle until a client comes`. */
export function openCount(snapshot: Snapshot): { readonly open: number; readonly all: number; readonly text: string } {
  const all = snapshot.tunnels.length;
  const up = snapshot.tunnels.filter(isUp);
  const of = up.length === all ? counted(all, 'tunnel') : `${up.length} of ${counted(all, 'tunnel')}`;
  return { open: up.length, all, text: `${of} ${all === 1 ? 'is' : 'are'} ${upWords(up)}` };
}

function upWords(up: readonly TunnelView[]): string {
  const count = (state: TunnelView['state']): number => up.filter((tunnel) => tunnel.state === state).length;
  const kinds: readonly (readonly [number, string])[] = [
    [count('open'), 'open'],
    [count('idle'), 'idle until a client comes'],
    [count('unhealthy'), 'unhealthy'],
  ];
  if (count('open') === up.length) return 'open';
  return `up: ${kinds.flatMap(([many, kind]) => (many > 0 ? `${many} ${kind}` : [])).join(', ')}`;
}
