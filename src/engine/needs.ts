/** Who needs what of what runs, and who hears when that comes up or goes. Order comes of it: each driver waits for what it needs. */
import type { Candidate } from '../core/failover.ts';
import { byHost, tunnelNode, type Edge, type Graph, type NodeId, type TunnelNode } from '../core/graph.ts';
import { indexEdges, type EdgeIndex } from '../core/edge-index.ts';
import type { Clock } from './clock.ts';
import type { EventBus } from './event-bus.ts';
import { Failover } from './failover.ts';
import type { Running } from './running.ts';
import type { SessionDriver } from './session.ts';
import { isDown, missingOf, outcome, reach, stuckTunnels, wantedHosts, type Outcome } from './standing.ts';
import type { TunnelDriver } from './tunnel.ts';

export interface NeedsDeps {
  readonly clock: Clock;
  readonly bus: EventBus;
  readonly running: Running;
}

export class Needs {
  readonly #deps: NeedsDeps;
  readonly #failover: Failover;
  #graph: Graph | null = null;
  #edges: EdgeIndex = indexEdges(null);
  /** Has any tunnel several hosts? */
  #standbys = false;
  /** Tunnels that want their hosts, and the hosts that are wanted. */
  #wanting = new Set<NodeId>();
  #wanted: ReadonlySet<NodeId> = new Set();
  #dirty = new Set<NodeId>();
  #turning = false;

  constructor(deps: NeedsDeps) {
    this.#deps = deps;
    this.#failover = new Failover({
      clock: deps.clock,
      candidate: (edge) => this.#candidate(edge),
      onDue: (tunnel) => this.look([tunnel]),
    });
  }

  /** From now on these are the edges; nobody hears of it before `settle`. */
  follow(graph: Graph | null): void {
    this.#graph = graph;
    this.#edges = indexEdges(graph);
    this.#standbys = [...this.#edges.needs.values()].some((edges) => edges.some((edge) => edge.alternative !== undefined));
  }

  /** The drivers are those of the graph now: all are told how they stand. */
  settle(): void {
    const all = [...this.#edges.needs.keys()];
    this.#failover.keep(new Set(all));
    this.#wanting = new Set(all.filter((id) => this.#tunnel(id)?.wanted));
    this.#wanted = this.#wantedNow();
    this.look(all);
  }

  /** Tells these how they stand, and whoever that moves, until nothing moves. */
  look(ids: Iterable<NodeId>): void {
    for (const id of ids) this.#dirty.add(id);
    this.#turn();
  }

  /** It came up, went, or wants its hosts from now on or no longer. */
  changed(id: NodeId): void {
    const dependants = this.#edges.dependants.get(id) ?? [];
    const wants = this.#tunnel(id)?.wanted ?? false;
    if (this.#tunnel(id) && wants !== this.#wanting.has(id)) {
      if (wants) this.#wanting.add(id);
      else this.#wanting.delete(id);
      this.#dirty.add(id);
      this.#reckonWanted();
    }
    // What went down, or brings down the hosts behind it, may give a standby its turn.
    if (this.#standbys && (id.startsWith('host:') || dependants.some((each) => each.startsWith('host:')))) this.#reckonWanted();
    this.look([...dependants, ...this.#hostsBehind(dependants)]);
  }

  /** All that is derived; with several hosts, the alternatives too. */
  all(id: NodeId): readonly Edge[] {
    return this.#edges.needs.get(id) ?? [];
  }

  /** With several hosts, only the one it goes by. */
  now(id: NodeId): readonly Edge[] {
    return this.#failover.needed(id, this.all(id));
  }

  /** What is missing of what it needs. A host may not have heard yet that the one before it is lost: its way counts to the end. */
  missing(id: NodeId): ReturnType<typeof missingOf> {
    const near = missingOf(this.now(id), this.#deps.running);
    return near.on.length > 0 || !id.startsWith('host:') ? near : missingOf(this.#way(id), this.#deps.running);
  }

  /** The hosts it goes over, outermost first. */
  carriers(id: NodeId): readonly NodeId[] {
    const over = this.#way(id).map((edge) => edge.to);
    return [...new Set(over)].filter((each) => each.startsWith('host:')).toReversed();
  }

  /** Who goes down with it. */
  reach(id: NodeId): readonly NodeId[] {
    const dependants = (each: NodeId): readonly NodeId[] => this.#edges.dependants.get(each) ?? [];
    return reach(id, this.#deps.running, { dependants, needs: (each) => this.now(each) });
  }

  /** The node by the one of its hosts that carries it now. */
  byItsHost(node: TunnelNode): TunnelNode {
    return byHost(node, this.#failover.current(tunnelNode(node.spec.name)));
  }

  outcome(): Outcome {
    return outcome(this.#deps.running, (id) => this.all(id));
  }

  stuck(): readonly string[] {
    return stuckTunnels(this.#deps.running, (id) => this.all(id));
  }

  /** All that its bytes go over, nearest first. */
  #way(id: NodeId): readonly Edge[] {
    const way: Edge[] = [];
    const below = new Set([id]);
    for (const each of below)
      for (const edge of this.now(each)) {
        if (edge.why === 'depends_on') continue;
        way.push(edge);
        below.add(edge.to);
      }
    return way;
  }

  /** Hosts wait for their whole way (see `missing`), of which those in between may not move: one that reopens leaves what it carries up. */
  #hostsBehind(dependants: readonly NodeId[]): readonly NodeId[] {
    const behind = new Set(dependants);
    for (const each of behind) for (const next of this.#edges.dependants.get(each) ?? []) behind.add(next);
    return [...behind].filter((each) => each.startsWith('host:'));
  }

  /** Hosts that are wanted from now on, or no longer, hear of it. */
  #reckonWanted(): void {
    const before = this.#wanted;
    this.#wanted = this.#wantedNow();
    for (const host of [...before, ...this.#wanted]) if (before.has(host) !== this.#wanted.has(host)) this.#dirty.add(host);
  }

  #wantedNow(): ReadonlySet<NodeId> {
    return wantedHosts(this.#wanting, (id) => this.#failover.wanted(id, this.all(id)));
  }

  /** A tunnel with several hosts may have to go by another one. */
  #reckonHost(id: NodeId, driver: TunnelDriver): void {
    const node = this.#graph?.tunnels.get(driver.node.spec.name);
    if (!node || node.others.length === 0 || !this.#failover.reckon(id, this.all(id))) return;
    const from = driver.node.host;
    driver.update(this.byItsHost(node), 'in-place');
    this.#reckonWanted();
    this.#deps.bus.publish({ kind: 'tunnel', name: node.spec.name }, { type: 'failover', from, to: driver.node.host });
  }

  /** Not re-entrant: a change made meanwhile joins the round. */
  #turn(): void {
    if (this.#turning) return;
    this.#turning = true;
    for (const id of this.#dirty) {
      this.#dirty.delete(id);
      this.#session(id)?.input({ type: 'needs', missing: this.missing(id).on, wanted: this.#wanted.has(id) });
      const tunnel = this.#tunnel(id);
      if (!tunnel) continue;
      this.#reckonHost(id, tunnel);
      tunnel.reconsider();
    }
    this.#turning = false;
  }

  #session(id: NodeId): SessionDriver | undefined {
    return id.startsWith('host:') ? this.#deps.running.sessions.get(id.slice(5)) : undefined;
  }

  #tunnel(id: NodeId): TunnelDriver | undefined {
    return id.startsWith('tunnel:') ? this.#deps.running.tunnels.get(id.slice(7)) : undefined;
  }

  #candidate({ to }: Edge): Candidate {
    const session = this.#session(to);
    const up = session?.state.name === 'connected';
    const down = isDown(to, this.#deps.running, (id) => this.all(id));
    return { up, down, upForMs: up && session ? this.#deps.clock.now() - session.since : 0 };
  }
}
