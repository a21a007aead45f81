/**
 * What runs, and the one way to change it: apply(desired) = reconcile → Plan → execute. Order is not decided here: each driver
 * waits for what it needs, and is told when that comes up or goes.
 */
import type { EventBody } from '../core/event.ts';
import { byHost, hostNode, tunnelNode, type Edge, type Graph, type NodeId, type SessionNode, type TunnelNode } from '../core/graph.ts';
import type { Candidate } from '../core/failover.ts';
import type { Plan } from '../core/plan.ts';
import { reconcile } from '../core/reconcile.ts';
import type { Snapshot } from '../core/snapshot.ts';
import type { Asker } from '../ssh/connect-request.ts';
import type { Clock } from './clock.ts';
import { DialSlots } from './dial-slots.ts';
import { EventBus } from './event-bus.ts';
import { execute } from './execute.ts';
import { Failover } from './failover.ts';
import type { Network } from './network.ts';
import { PendingCloses } from './pending-closes.ts';
import { launchTarget, realEgress, realPort } from './real-address.ts';
import type { Running } from './running.ts';
import { SessionDriver } from './session.ts';
import { snapshotOf } from './snapshot-of.ts';
import { isDown, missingOf, outcome, wantedHosts, type Outcome } from './standing.ts';
import { TunnelDriver } from './tunnel.ts';

export type { Asker, HostKeyQuestion, SecretRequest } from '../ssh/connect-request.ts';

/** Twenty to a hundred logins at once trip sshd's MaxStartups. */
const DIALS_AT_ONCE = 8;

export interface EngineOptions {
  readonly clock: Clock;
  readonly network: Network;
  readonly asker: Asker;
  readonly verbosity: 0 | 1 | 2 | 3;
}

export class Engine {
  readonly bus: EventBus;
  readonly #options: EngineOptions;
  readonly #closing = new PendingCloses();
  readonly #failover: Failover;
  readonly #slots = new DialSlots(DIALS_AT_ONCE);
  readonly #running: Running = { sessions: new Map(), tunnels: new Map(), leaving: { sessions: new Set(), tunnels: new Set() } };
  #graph: Graph | null = null;
  #needs = new Map<NodeId, readonly Edge[]>();
  #dependants = new Map<NodeId, readonly NodeId[]>();
  /** Tunnels that want their hosts, and the hosts that are wanted. */
  #wanting = new Set<NodeId>();
  #wanted: ReadonlySet<NodeId> = new Set();
  #dirty = new Set<NodeId>();
  #turning = false;
  #drainMs: number | null = null;

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#failover = new Failover({
      clock: options.clock,
      candidate: (edge) => this.#candidate(edge),
      onDue: (tunnel) => {
        this.#dirty.add(tunnel);
        this.#turn();
      },
    });
    this.bus = new EventBus(options.clock);
  }

  get graph(): Graph | null {
    return this.#graph;
  }

  /**
   * Makes what runs be what is desired; null is nothing. `announce` hears of the plan before anything moves. Returns at once;
   * `gone` resolves when what was removed has closed.
   */
  apply(desired: Graph | null, announce?: (plan: Plan) => void): { readonly plan: Plan; readonly gone: Promise<void> } {
    const before = this.#graph;
    const plan = reconcile(desired, before);
    this.#graph = desired;
    this.#index();
    announce?.(plan);
    const gone = execute(plan, {
      running: this.#running,
      desired,
      before,
      drainMs: this.#drainMs,
      newSession: (node, graph) => this.#newSession(node, graph),
      newTunnel: (node) => this.#newTunnel(node),
      byItsHost: (node) => byHost(node, this.#failover.current(tunnelNode(node.spec.name))),
    });
    this.#failover.keep(new Set(this.#needs.keys()));
    this.#wanting = new Set([...this.#needs.keys()].filter((id) => this.#tunnel(id)?.wanted));
    this.#wanted = this.#wantedNow();
    for (const id of this.#needs.keys()) this.#dirty.add(id);
    this.#turn();
    return { plan, gone };
  }

  /** `drainMs` null: each tunnel's own limit. Calling it again with a shorter one hurries what is draining. */
  async stop(drainMs: number | null): Promise<void> {
    this.#drainMs = drainMs;
    const { gone } = this.apply(null);
    if (drainMs === 0) this.#hurry();
    await gone;
    const { leaving } = this.#running;
    await Promise.all([...leaving.tunnels].map((driver) => driver.stop(drainMs)));
    await Promise.all([...leaving.sessions].map((driver) => driver.stop()));
  }

  /** Closes tunnels that stay part of what is applied, as `closed`, until they are resumed. Resolves when they are. */
  async halt(names: readonly string[], drainMs: number | null): Promise<void> {
    await Promise.all(names.map(async (name) => this.#running.tunnels.get(name)?.stop(drainMs)));
  }

  /** Opens again what was halted, and tries again what has failed. */
  resume(names: readonly string[]): void {
    for (const name of names) {
      const driver = this.#running.tunnels.get(name);
      if (driver?.state.name === 'closed') {
        this.#running.tunnels.set(name, this.#newTunnel(driver.node));
        this.#changed(tunnelNode(name));
        this.#dirty.add(tunnelNode(name));
      } else driver?.kick();
    }
    this.#turn();
  }

  /** The machine slept, or its network changed: every connection is probed, every wait for a retry ends. */
  async probe(): Promise<void> {
    await Promise.all([...this.#running.sessions.values()].map((session) => session.probe()));
  }

  snapshot(): Snapshot {
    for (const session of this.#running.sessions.values()) session.refreshRtt();
    return snapshotOf(this.#running, this.#graph);
  }

  outcome(): Outcome {
    return outcome(this.#running, (id) => this.#edges(id));
  }

  /** Open connections that a stop would drain. */
  openConnections(): number {
    const all = [...this.#running.tunnels.values(), ...this.#running.leaving.tunnels];
    return all.reduce((sum, tunnel) => sum + tunnel.stats().connections, 0);
  }

  #hurry(): void {
    for (const tunnel of this.#running.leaving.tunnels) tunnel.hurry();
    for (const session of this.#running.leaving.sessions) session.hurry();
    for (const session of this.#running.sessions.values()) session.hurry();
  }

  #index(): void {
    this.#needs = new Map();
    this.#dependants = new Map();
    const graph = this.#graph;
    if (!graph) return;
    for (const id of graph.sessions.keys()) this.#needs.set(hostNode(id), []);
    for (const name of graph.tunnels.keys()) this.#needs.set(tunnelNode(name), []);
    const needs = groupBy(graph.edges, (edge) => edge.from);
    const dependants = groupBy(graph.edges, (edge) => edge.to);
    for (const [id, edges] of needs) this.#needs.set(id, edges);
    for (const [id, edges] of dependants) this.#dependants.set(id, [...new Set(edges.map((edge) => edge.from))]);
  }

  #changed(id: NodeId): void {
    const dependants = this.#dependants.get(id) ?? [];
    const wants = this.#tunnel(id)?.wanted ?? false;
    if (this.#tunnel(id) && wants !== this.#wanting.has(id)) {
      if (wants) this.#wanting.add(id);
      else this.#wanting.delete(id);
      this.#dirty.add(id);
      this.#reckonWanted();
    }
    // A host that went down may give its standby its turn.
    if (dependants.some((each) => this.#edges(each).some((edge) => edge.alternative !== undefined))) this.#reckonWanted();
    for (const dependant of dependants) this.#dirty.add(dependant);
    this.#turn();
  }

  /** Hosts that are wanted from now on, or no longer, hear of it. */
  #reckonWanted(): void {
    const before = this.#wanted;
    this.#wanted = this.#wantedNow();
    for (const host of [...before, ...this.#wanted]) if (before.has(host) !== this.#wanted.has(host)) this.#dirty.add(host);
  }

  #wantedNow(): ReadonlySet<NodeId> {
    return wantedHosts(this.#wanting, (id) => this.#failover.wanted(id, this.#edges(id)));
  }

  /** A tunnel with several hosts may have to go by another one. */
  #reckonHost(id: NodeId, driver: TunnelDriver): void {
    const node = this.#graph?.tunnels.get(driver.node.spec.name);
    if (!node || node.others.length === 0 || !this.#failover.reckon(id, this.#edges(id))) return;
    const from = driver.node.host;
    driver.update(byHost(node, this.#failover.current(id)), 'in-place');
    this.#reckonWanted();
    this.bus.publish({ kind: 'tunnel', name: node.spec.name }, { type: 'failover', from, to: driver.node.host });
  }

  /** Tells those whose needs changed, until nothing moves. Not re-entrant: a change made meanwhile joins the round. */
  #turn(): void {
    if (this.#turning) return;
    this.#turning = true;
    for (const id of this.#dirty) {
      this.#dirty.delete(id);
      this.#session(id)?.input({ type: 'needs', missing: this.#missing(id).on, wanted: this.#wanted.has(id) });
      const tunnel = this.#tunnel(id);
      if (!tunnel) continue;
      this.#reckonHost(id, tunnel);
      tunnel.reconsider();
    }
    this.#turning = false;
  }

  #session(id: NodeId): SessionDriver | undefined {
    return id.startsWith('host:') ? this.#running.sessions.get(id.slice(5)) : undefined;
  }

  #tunnel(id: NodeId): TunnelDriver | undefined {
    return id.startsWith('tunnel:') ? this.#running.tunnels.get(id.slice(7)) : undefined;
  }

  #missing(id: NodeId): ReturnType<typeof missingOf> {
    return missingOf(this.#needsNow(id), this.#running);
  }

  /** All that is derived; with several hosts, the alternatives too. */
  #edges(id: NodeId): readonly Edge[] {
    return this.#needs.get(id) ?? [];
  }

  #needsNow(id: NodeId): readonly Edge[] {
    return this.#failover.needed(id, this.#edges(id));
  }

  #candidate({ to }: Edge): Candidate {
    const session = this.#session(to);
    const up = session?.state.name === 'connected';
    const down = isDown(to, this.#running, (id) => this.#edges(id));
    return { up, down, upForMs: up && session ? this.#options.clock.now() - session.since : 0 };
  }

  #newSession(node: SessionNode, graph: Graph): SessionDriver {
    const { clock, network, asker, verbosity } = this.#options;
    const spec = graph.project.hosts.get(node.host);
    if (!spec) throw new Error(`no spec for host ${node.host}`);
    return new SessionDriver(node, spec, {
      clock,
      network,
      asker,
      verbosity,
      slots: this.#slots,
      publish: (from, body) => this.#publishHost(from, body),
      hop: (from) => (from.via === null ? null : { connection: this.#running.sessions.get(from.via)?.connection ?? null }),
      port: (from, current) => realPort(current, this.#edges(hostNode(from.id)), this.#running),
      missing: (from) => this.#missing(hostNode(from.id)).on,
      drainMs: () => this.#drainLimit(),
      changed: (from) => this.#changed(hostNode(from.id)),
    });
  }

  #newTunnel(node: TunnelNode): TunnelDriver {
    const { clock, network } = this.#options;
    const needs = (tunnel: TunnelNode): readonly Edge[] => this.#needsNow(tunnelNode(tunnel.spec.name));
    return new TunnelDriver(node, {
      clock,
      network,
      closing: this.#closing,
      publish: (from, body) => this.bus.publish({ kind: 'tunnel', name: from.spec.name }, body),
      connection: (session) => this.#running.sessions.get(session)?.connection ?? null,
      missing: (from) => missingOf(needs(from), this.#running),
      egress: (from) => realEgress(from, needs(from), this.#running),
      launchTarget: (from) => launchTarget(from, this.#graph),
      changed: (from) => this.#changed(tunnelNode(from.spec.name)),
    });
  }

  #publishHost(session: SessionNode, body: EventBody): void {
    this.bus.publish({ kind: 'host', name: session.id }, body);
  }

  /** How long a retiring connection's channels may go on: as long as the most patient tunnel. */
  #drainLimit(): number {
    if (this.#drainMs !== null) return this.#drainMs;
    const all = [...this.#running.tunnels.values(), ...this.#running.leaving.tunnels];
    return Math.max(0, ...all.map((tunnel) => tunnel.node.spec.drainMs));
  }
}

function groupBy<T, K>(items: readonly T[], key: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group) group.push(item);
    else groups.set(key(item), [item]);
  }
  return groups;
}
