/** What runs, as the views of `ps` (core/snapshot). */
import { formatAddress } from '../core/address.ts';
import type { Failure } from '../core/failure.ts';
import type { Graph } from '../core/graph.ts';
import type { ErrorView, HostView, Snapshot, TunnelView } from '../core/snapshot.ts';
import type { Running } from './running.ts';
import { rootFailure } from './standing.ts';
import type { SessionDriver } from './session.ts';
import type { TunnelDriver } from './tunnel.ts';

/** `stuck`: the tunnels that never come up without the user. */
export function snapshotOf(running: Running, graph: Graph | null, stuck: ReadonlySet<string>): Snapshot {
  const tunnels = [...(graph?.tunnels.keys() ?? [])].flatMap((name) => running.tunnels.get(name) ?? []);
  const sessions = [...(graph?.sessions.keys() ?? [])].flatMap((id) => running.sessions.get(id) ?? []);
  return {
    project: graph?.project.name ?? '',
    hosts: [...sessions, ...running.leaving.sessions].map(hostView),
    tunnels: [...tunnels, ...running.leaving.tunnels].map((driver) => tunnelView(driver, running, stuck)),
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
    connections: driver.live,
    connections_wanted: spec.connections,
    waiting_on: state.name === 'waiting' ? state.on : [],
    rtt_ms: driver.rttMs,
    since: new Date(driver.since).toISOString(),
    restarts: driver.restarts,
    error: errorView(driver.failure),
  };
}

function tunnelView(driver: TunnelDriver, running: Running, stuck: ReadonlySet<string>): TunnelView {
  const { node, state } = driver;
  const { spec } = node;
  const stats = driver.stats();
  const session = running.sessions.get(node.dialFrom ?? node.listenOn ?? node.runsOn ?? '');
  return {
    name: spec.name,
    type: spec.type,
    state: shownState(driver, stuck),
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
    // What it waits for may have failed, or what that waits for: that is its error too.
    error: errorView(('on' in state ? rootFailure(state.on, running) : null) ?? driver.failure),
    ...('on' in state && state.on.length > 0 ? { waiting_on: state.on } : {}),
  };
}

/** Nobody reconnects a tunnel that waits for a host that was given up: it is failed, though its own part is not. */
function shownState({ node, state, health }: TunnelDriver, stuck: ReadonlySet<string>): TunnelView['state'] {
  if ((state.name === 'waiting' || state.name === 'reconnecting') && stuck.has(node.spec.name)) return 'failed';
  return state.name === 'open' && health === 'unhealthy' ? 'unhealthy' : state.name;
}
