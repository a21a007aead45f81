/** placeholder, replaced in the next commit */
import type { HostName, Project, TunnelName, TunnelSpec, Dependency } from './spec.ts';

/** `bastion`; or `test-server via bastion` where the way is not the host's own. */
export type SessionId = string;

/** A way to reach a host: one SSH connection. */
export interface SessionNode {
  readonly id: SessionId;
  readonly host: HostName;
  /** The session it is dialled through; null from this machine. */
  readonly via: SessionId | null;
}

/** A machine that can listen and dial: a session, or null for this machine. */
export type Machine = SessionId | null;

export interface TunnelNode {
  readonly spec: TunnelSpec;
  readonly listenOn: Machine;
  readonly dialFrom: Machine;
  /** With `launch: ssh`, the client's session that runs it. */
  readonly runsOn: SessionId | null;
}

/** `host:SESSION-ID` or `tunnel:NAME`. */
export type NodeId = string;

export interface Edge {
  readonly from: NodeId;
  /** What `from` needs. */
  readonly to: NodeId;
  readonly why: 'via' | 'host' | 'client' | 'address' | 'egress' | 'depends_on';
  readonly condition: Dependency['condition'];
}

export interface Graph {
  readonly project: Project;
  readonly sessions: ReadonlyMap<SessionId, SessionNode>;
  readonly tunnels: ReadonlyMap<TunnelName, TunnelNode>;
  readonly edges: readonly Edge[];
}

export declare function buildGraph(project: Project): Graph;
/** Each cycle as the path of node ids, the first repeated at the end. */
export declare function findCycles(graph: Graph): NodeId[][];
/** Pairs of tunnels that would listen on the same place of the same machine. */
export declare function duplicateIngresses(graph: Graph): { readonly first: TunnelName; readonly second: TunnelName }[];
/** Waves of the bring-up: everything in a wave can come up at the same time. */
export declare function bringUpOrder(graph: Graph): NodeId[][];
