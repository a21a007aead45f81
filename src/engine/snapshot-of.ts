/** What runs, as the views of `ps` (core/snapshot). */
import { formatAddress } from '../core/address.ts';
import type { Failure } from '../core/failure.ts';
import { nodeName, type Graph } from '../core/graph.ts';
import type { ErrorView, HostView, Snapshot, TunnelView } from '../core/snapshot.ts';
import type { Running } from './running.ts';
import type { SessionDriver } from './session.ts';
import type { TunnelDriver } from './tunnel.ts';

export function snapshotOf(running: Running, graph: Graph | null): Snapshot {
  const tunnels = [...(graph?.tunnels.keys() ?? [])].flatMap((name) => running.tunnels.get(name) ?? []);
  const sessions = [...(graph?.sessions.keys() ?? [])].flatMap((id) => running.sessions.get(id) ?? []);
  return {
    project: graph?.project.name ?? '',
    hosts: [...sessions, ...running.leaving.sessions].map(hostView),
    tunnels: [...tunnels, ...running.leaving.tunnels].map((driver) => tunnelView(driver, running)),
  };
}

const errorView = (failure: Failure | null): ErrorView | null =>
  failure ? { code: failure.code, message: failure.message, hint: failure.hint } : null;

function hostView(driver: SessionDriver): HostView {
  const { state, node, spec } = driver;
  return {
    name: node.id,
    host: node.host,
    address: `${spec.user}@${formatAddress({ kind: 'tcp', host: spec.hostname, port: spec.port })}`,
    state: state.name,
    via: node.via,
    waiting_on: state.name === 'waiting' ? state.on : [],
    rtt_ms: driver.rttMs,
    since: new Date(driver.since).toISOString(),
    restarts: driver.restarts,
    error: errorView(driver.failure),
  };
}

function tunnelView(driver: TunnelDriver, running: Running): TunnelView {
  const { node, state } = driver;
  const { spec } = node;
  const stats = driver.stats();
  const session = running.sessions.get(node.dialFrom ?? node.listenOn ?? node.runsOn ?? '');
  return {
    name: spec.name,
    type: spec.type,
    state: state.name === 'open' && driver.health === 'unhealthy' ? 'unhealthy' : state.name,
    health: driver.health,
    host: node.host,
    client: spec.client,
    ingress: formatAddress(driver.bound ?? spec.ingress),
    egress: spec.egress ? formatAddress(spec.egress) : null,
    pid: process.pid,
    connections: stats.connections,
    total_connections: stats.totalConnections,
    rx_bytes: stats.rxBytes,
    tx_bytes: stats.txBytes,
    rtt_ms: session?.rttMs ?? null,
    since: new Date(driver.since).toISOString(),
    restarts: driver.restarts,
    error: errorView(driver.failure ?? waitedFailure(driver, running)),
  };
}

/** What a waiting tunnel waits for may have failed: that is its error too. */
function waitedFailure({ state }: TunnelDriver, running: Running): Failure | null {
  if (state.name !== 'waiting') return null;
  for (const on of state.on) {
    const name = nodeName(on.replace(' ', ':'));
    const failure = on.startsWith('host ') ? running.sessions.get(name)?.failure : running.tunnels.get(name)?.failure;
    if (failure) return failure;
  }
  return null;
}
