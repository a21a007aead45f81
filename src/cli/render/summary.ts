/** What is up, as a table: name, the way from ingress to egress, host. */
import { listensOnHost } from '../../core/spec.ts';
import { THIS_MACHINE } from '../../core/spec.ts';
import type { Snapshot, TunnelView } from '../../core/snapshot.ts';
import { counted } from './quantity.ts';
import type { Style } from './style.ts';
import { stateColour } from './state-colour.ts';
import { table } from './table.ts';

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

export function summaryTable(snapshot: Snapshot, { style, width }: SummaryOptions): string[] {
  if (snapshot.tunnels.length === 0) return [];
  const head = ['NAME', 'INGRESS', '', 'EGRESS', 'HOST', 'STATE'].map((text) => style('dim', text));
  const rows = snapshot.tunnels.map((tunnel) => [
    tunnel.name,
    ingressText(tunnel),
    '→',
    egressText(tunnel),
    tunnel.host,
    style(stateColour(tunnel.state), tunnel.state),
  ]);
  return table([head, ...rows], { width });
}

/** `3 tunnels are open`, `2 of 3 tunnels are open`. */
export function openCount(snapshot: Snapshot): { readonly open: number; readonly all: number; readonly text: string } {
  const all = snapshot.tunnels.length;
  const open = snapshot.tunnels.filter(isUp).length;
  const verb = all === 1 ? 'is' : 'are';
  const text = open === all ? `${counted(all, 'tunnel')} ${verb} open` : `${open} of ${counted(all, 'tunnel')} ${verb} open`;
  return { open, all, text };
}
