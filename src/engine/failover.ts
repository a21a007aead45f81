/** Remembers by which of its hosts each tunnel goes, and says when that should change. Decided in core/failover. */
import { chooseHost, failBackIn, hostsWanted, type Candidate } from '../core/failover.ts';
import type { Edge, NodeId } from '../core/graph.ts';
import type { Clock } from './clock.ts';

export interface FailoverDeps {
  readonly clock: Clock;
  /** How the host behind the edge stands. */
  candidate(edge: Edge): Candidate;
  /** An earlier host may have become stable: look again. */
  readonly onDue: (tunnel: NodeId) => void;
}

export class Failover {
  readonly #deps: FailoverDeps;
  readonly #current = new Map<NodeId, number>();
  readonly #timers = new Map<NodeId, unknown>();

  constructor(deps: FailoverDeps) {
    this.#deps = deps;
  }

  /** The number of the host the tunnel goes by; 0 is the first. */
  current(tunnel: NodeId): number {
    return this.#current.get(tunnel) ?? 0;
  }

  /** What the tunnel needs now: of its alternative hosts only the one it goes by. */
  needed(tunnel: NodeId, edges: readonly Edge[]): readonly Edge[] {
    const current = this.current(tunnel);
    return edges.filter((edge) => edge.alternative === undefined || edge.alternative === current);
  }

  /** The hosts that are to be connected for it, the standbys that have their turn among them. */
  wanted(tunnel: NodeId, edges: readonly Edge[]): readonly Edge[] {
    const alternatives = edges.filter((edge) => edge.alternative !== undefined);
    if (alternatives.length === 0) return edges;
    const count = hostsWanted(alternatives.map((edge) => this.#deps.candidate(edge)));
    const current = this.current(tunnel);
    return edges.filter(({ alternative }) => alternative === undefined || alternative < count || alternative === current);
  }

  /** Looks at the hosts again. True where the tunnel is to go by another one from now on. */
  reckon(tunnel: NodeId, edges: readonly Edge[]): boolean {
    this.#cancel(tunnel);
    const candidates = edges.filter((edge) => edge.alternative !== undefined).map((edge) => this.#deps.candidate(edge));
    if (candidates.length === 0) return this.#current.delete(tunnel);
    const before = this.current(tunnel);
    const now = chooseHost(candidates, before);
    this.#current.set(tunnel, now);
    const wait = failBackIn(candidates, now);
    if (wait !== null)
      this.#timers.set(
        tunnel,
        this.#deps.clock.setTimeout(() => this.#deps.onDue(tunnel), wait),
      );
    return now !== before;
  }

  /** Forgets the tunnels that are no longer there. */
  keep(tunnels: ReadonlySet<NodeId>): void {
    for (const tunnel of [...this.#current.keys()]) {
      if (tunnels.has(tunnel)) continue;
      this.#cancel(tunnel);
      this.#current.delete(tunnel);
    }
  }

  #cancel(tunnel: NodeId): void {
    this.#deps.clock.clearTimeout(this.#timers.get(tunnel));
    this.#timers.delete(tunnel);
  }
}
