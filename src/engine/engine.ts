/**
 * What runs, and the one way to change it: apply(desired) = reconcile → Plan → execute. Order is not decided here: each driver
 * waits for what it needs, and is told when that comes up or goes.
 */
import { nodeName, tunnelNode, type Graph, type NodeId } from '../core/graph.ts';
import type { Plan } from '../core/plan.ts';
import { reconcile } from '../core/reconcile.ts';
import type { Snapshot } from '../core/snapshot.ts';
import { Drivers, type DriverOptions } from './drivers.ts';
import { EventBus } from './event-bus.ts';
import { execute } from './execute.ts';
import { Needs } from './needs.ts';
import type { Running } from './running.ts';
import { snapshotOf } from './snapshot-of.ts';
import type { Outcome } from './standing.ts';

export type { Asker, SecretRequest } from '../ssh/connect-request.ts';

export class Engine {
  readonly bus: EventBus;
  readonly #running: Running = { sessions: new Map(), tunnels: new Map(), leaving: { sessions: new Set(), tunnels: new Set() } };
  readonly #needs: Needs;
  readonly #drivers: Drivers;
  #graph: Graph | null = null;
  #drainMs: number | null = null;

  constructor(options: DriverOptions) {
    this.bus = new EventBus(options.clock);
    const shared = { running: this.#running, bus: this.bus };
    this.#needs = new Needs({ clock: options.clock, ...shared });
    this.#drivers = new Drivers({
      ...options,
      ...shared,
      needs: this.#needs,
      graph: () => this.#graph,
      drainLimit: () => this.#drainLimit(),
    });
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
    this.#needs.follow(desired);
    announce?.(plan);
    const gone = execute(plan, {
      running: this.#running,
      desired,
      before,
      drainMs: this.#drainMs,
      newSession: (node, graph) => this.#drivers.session(node, graph),
      newTunnel: (node) => this.#drivers.tunnel(node),
      byItsHost: (node) => this.#needs.byItsHost(node),
    });
    this.#needs.settle();
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

  /**
   * Closes tunnels that stay part of what is applied, as `closed`, until they are resumed. Resolves when they are. Calling it again with
   * 0 hurries what is draining.
   */
  async halt(names: readonly string[], drainMs: number | null): Promise<void> {
    const drivers = names.flatMap((name) => this.#running.tunnels.get(name) ?? []);
    const stopped = drivers.map((driver) => driver.stop(drainMs));
    if (drainMs === 0) for (const driver of drivers) driver.hurry();
    await Promise.all(stopped);
  }

  /** Opens again what was halted, and tries again what has failed, also of what it needs. */
  resume(names: readonly string[]): void {
    for (const id of neededBy(this.#graph, names)) {
      if (id.startsWith('host:')) this.#running.sessions.get(nodeName(id))?.retryFailed();
      else if (this.#running.tunnels.get(nodeName(id))?.state.name === 'failed') this.#running.tunnels.get(nodeName(id))?.kick();
    }
    for (const name of names) {
      const driver = this.#running.tunnels.get(name);
      if (driver?.state.name === 'closed') {
        this.#running.tunnels.set(name, this.#drivers.tunnel(driver.node));
        this.#needs.changed(tunnelNode(name));
      } else driver?.kick();
    }
    this.#needs.look(names.map(tunnelNode));
  }

  /** The machine slept, or its network changed: every connection is probed, every wait for a retry ends. */
  async probe(): Promise<void> {
    await Promise.all([...this.#running.sessions.values()].map((session) => session.probe()));
  }

  snapshot(): Snapshot {
    for (const session of this.#running.sessions.values()) session.refreshRtt();
    return snapshotOf(this.#running, this.#graph, new Set(this.stuck()));
  }

  outcome(): Outcome {
    return this.#needs.outcome();
  }

  stuck(): readonly string[] {
    return this.#needs.stuck();
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

  /** How long a retiring connection's channels may go on: as long as the most patient tunnel. */
  #drainLimit(): number {
    if (this.#drainMs !== null) return this.#drainMs;
    const all = [...this.#running.tunnels.values(), ...this.#running.leaving.tunnels];
    return Math.max(0, ...all.map((tunnel) => tunnel.node.spec.drainMs));
  }
}

/** Without the tunnels themselves. */
function neededBy(graph: Graph | null, names: readonly string[]): NodeId[] {
  const own = new Set(names.map(tunnelNode));
  const all = new Set<NodeId>(own);
  for (const id of all) for (const edge of graph?.edges ?? []) if (edge.from === id) all.add(edge.to);
  return [...all].filter((id) => !own.has(id));
}
