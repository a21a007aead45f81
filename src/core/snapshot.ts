/** What is up, at one moment: the rows of `ps` (DESIGN section 3 fixes the names) and the hosts behind them. */
import type { SessionStateName } from './session-state.ts';
import type { TunnelStateName } from './tunnel-state.ts';
import type { TunnelType } from './spec.ts';

export interface ErrorView {
  readonly code: string;
  readonly message: string;
  readonly hint: string | null;
}

export interface TunnelView {
  readonly name: string;
  readonly type: TunnelType;
  readonly state: TunnelStateName;
  readonly health: 'none' | 'starting' | 'healthy' | 'unhealthy';
  readonly host: string;
  readonly client: string;
  /** What was really bound, `127.0.0.1:8080`; before that, what was asked for. */
  readonly ingress: string;
  /** Null for the proxies. */
  readonly egress: string | null;
  /** The runner's process id. */
  readonly pid: number;
  readonly connections: number;
  readonly total_connections: number;
  /** Bytes from the egress to the clients, and from the clients to the egress. */
  readonly rx_bytes: number;
  readonly tx_bytes: number;
  readonly rtt_ms: number | null;
  /** ISO 8601, when the present state began. */
  readonly since: string;
  readonly restarts: number;
  readonly error: ErrorView | null;
  /** While it waits: `host bastion`, `tunnel git-inner`. For people: no field of `ps --format json`; a runner of an older build has none. */
  readonly waiting_on?: readonly string[];
}

export interface HostView {
  /** The session's id: the host's name, or `name via hop…` where it is reached another way. */
  readonly name: string;
  readonly host: string;
  readonly address: string;
  readonly state: SessionStateName;
  readonly via: string | null;
  /** SSH connections that are up, of as many as the file asks for (`connections`). */
  readonly connections: number;
  readonly connections_wanted: number;
  readonly waiting_on: readonly string[];
  readonly rtt_ms: number | null;
  readonly since: string;
  readonly restarts: number;
  readonly error: ErrorView | null;
}

export interface Snapshot {
  readonly project: string;
  readonly hosts: readonly HostView[];
  readonly tunnels: readonly TunnelView[];
}
