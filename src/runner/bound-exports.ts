/** What the tunnels that are bound export, in the order of the file: others have nothing to export yet. */
import { parseAddress, type Address } from '../core/address.ts';
import { tunnelExports } from '../core/exports.ts';
import type { Graph } from '../core/graph.ts';
import type { Snapshot, TunnelView } from '../core/snapshot.ts';

export interface BoundExports {
  readonly tunnel: string;
  /** What was bound, `127.0.0.1:8080`. */
  readonly ingress: string;
  readonly exports: Readonly<Record<string, string>>;
}

export function boundExports(snapshot: Snapshot, graph: Graph | null): BoundExports[] {
  const specs = graph?.project.tunnels;
  return snapshot.tunnels.flatMap((tunnel) => {
    const spec = specs?.get(tunnel.name);
    const bound = boundAddress(tunnel);
    return spec && bound ? [{ tunnel: tunnel.name, ingress: tunnel.ingress, exports: tunnelExports(spec, bound) }] : [];
  });
}

/** Null: it listens nowhere now, and `ingress` is only what was asked for. */
export function boundAddress({ state, ingress }: Pick<TunnelView, 'state' | 'ingress'>): Address | null {
  if (state !== 'open' && state !== 'unhealthy' && state !== 'idle' && state !== 'reconnecting') return null;
  const parsed = parseAddress(ingress, 'localhost');
  return parsed.ok ? parsed.value.address : null;
}
