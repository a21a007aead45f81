/** Drives one tunnel: owns its ingress, its forwarder and its retry timer. What to do is decided in core/tunnel-state. */
import { formatAddress, type Address } from '../core/address.ts';
import { backoffDelay } from '../core/backoff.ts';
import type { EventBody } from '../core/event.ts';
import { retryClass, type Failure } from '../core/failure.ts';
import type { TunnelNode } from '../core/graph.ts';
import { same } from '../core/change.ts';
import type { How } from '../core/plan.ts';
import { isProxy, type HostSpec, type TunnelSpec } from '../core/spec.ts';
import { initialTunnel, tunnelTransition, type TunnelCommand, type TunnelInput, type TunnelState } from '../core/tunnel-state.ts';
import type { Dial } from '../forward/client.ts';
import { Forwarder } from '../forward/forwarder.ts';
import type { Connection } from '../ssh/connection.ts';
import type { Clock } from './clock.ts';
import type { Network } from './network.ts';
import type { PendingCloses } from './pending-closes.ts';
import { asFailure } from './session.ts';
import { TunnelIngress } from './tunnel-ingress.ts';

export interface TunnelDeps {
  readonly clock: Clock;
  readonly network: Network;
  readonly closing: PendingCloses;
  publish(tunnel: TunnelNode, body: EventBody): void;
  /** The live connection of a session; null while it is down. */
  connection(session: string): Connection | null;
  /** What is missing of what the tunnel needs, and why, where that is known. */
  missing(tunnel: TunnelNode): { readonly on: readonly string[]; readonly failure: Failure | null };
  /** The egress with its real port, where it is another tunnel's ingress. */
  egress(tunnel: TunnelNode): Address | null;
  /** For `launch: ssh`: the host and the hops between the client and it. */
  launchTarget(tunnel: TunnelNode): { readonly host: HostSpec; readonly jumps: readonly HostSpec[] } | null;
  changed(tunnel: TunnelNode): void;
}

/** Waits between tries to bind, where no host's `reconnect` says otherwise; on_conflict: wait is to see a freed port within 2 s. */
const REBIND = { minMs: 500, maxMs: 30_000, attempts: null };

export class TunnelDriver {
  #node: TunnelNode;
  readonly #deps: TunnelDeps;
  #state: TunnelState = initialTunnel;
  #forwarder: Forwarder;
  #ingress: TunnelIngress;
  #egress: Address | null = null;
  #awake = false;
  #sleepTimer: unknown = null;
  readonly #carrier: { dial: Connection | null; listen: Connection | null } = { dial: null, listen: null };
  #opening: AbortController | null = null;
  #retryTimer: unknown = null;
  #startedAt: number | null = null;
  /** Forwarders of before a reopen, whose connections may end in peace. */
  readonly #leaving = new Map<Forwarder, Promise<void>>();
  #drainMs: number | null = null;
  #resolveEnded: () => void = () => undefined;
  readonly #ended = new Promise<void>((resolve) => (this.#resolveEnded = resolve));
  #past = { totalConnections: 0, rxBytes: 0, txBytes: 0 };
  since: number;
  restarts = 0;

  constructor(node: TunnelNode, deps: TunnelDeps) {
    this.#node = node;
    this.#deps = deps;
    this.since = deps.clock.now();
    this.#forwarder = this.#newForwarder();
    this.#ingress = this.#newIngress();
  }

  get node(): TunnelNode {
    return this.#node;
  }
  get state(): TunnelState {
    return this.#state;
  }
  /** Null until it is bound. */
  get bound(): Address | null {
    return this.#ingress.bound;
  }
  get failure(): Failure | null {
    return 'failure' in this.#state ? this.#state.failure : null;
  }

  /** Does it want its hosts to be connected? An eager one always, an on-demand one while clients need it. */
  get wanted(): boolean {
    if (this.#state.name === 'closing' || this.#state.name === 'closed') return false;
    return this.#node.spec.start === 'eager' || this.#awake;
  }

  stats(): { connections: number; totalConnections: number; rxBytes: number; txBytes: number } {
    const all = [this.#forwarder, ...this.#leaving.keys()].map((each) => each.stats());
    return all.reduce(
      (sum, each) => ({
        connections: sum.connections + each.connections,
        totalConnections: sum.totalConnections + each.totalConnections,
        rxBytes: sum.rxBytes + each.rxBytes,
        txBytes: sum.txBytes + each.txBytes,
      }),
      { connections: 0, ...this.#past },
    );
  }

  input(input: TunnelInput): void {
    const before = this.#state;
    const { state, commands } = tunnelTransition(before, input);
    this.#state = state;
    if (state.name !== before.name) this.since = this.#deps.clock.now();
    if (state.name === 'open' && before.name === 'reconnecting') this.restarts += 1;
    for (const command of commands) this.#carryOut(command);
    if (state === before || !announces(before, state)) return;
    this.#announce(before);
    if (state.name === 'closed') this.#resolveEnded();
    this.#deps.changed(this.#node);
  }

  /** Something it needs came up or went. */
  reconsider(): void {
    const { on, failure } = this.#deps.missing(this.#node);
    this.input({ type: 'needs', missing: on, failure, wanted: this.wanted });
    if (this.#state.name === 'open') this.#pointAtEgress();
  }

  update(node: TunnelNode, how: How): void {
    this.#node = node;
    this.#forwarder.update(forwarderSettings(node.spec));
    if (how === 'reopen') this.input({ type: 'reopen', missing: this.#deps.missing(node).on });
    else if (how === 'retarget') this.#setDial();
    this.kick();
  }

  /** Another node of the same meaning: a new graph in which nothing of this tunnel changed. */
  adopt(node: TunnelNode): void {
    this.#node = node;
  }

  kick(): void {
    this.input({ type: 'kick', missing: this.#deps.missing(this.#node).on });
  }

  /** Stops listening, lets open connections finish for `drainMs` (null: the tunnel's own), then closes them. Resolves when closed. */
  async stop(drainMs: number | null): Promise<void> {
    this.#drainMs = drainMs;
    this.input({ type: 'stop' });
    await this.#ended;
  }

  /** Ends a drain that is under way. */
  hurry(): void {
    this.#drainMs = 0;
    for (const each of [this.#forwarder, ...this.#leaving.keys()]) each.closeConnections(true);
  }

  #announce(before: TunnelState): void {
    const state = this.#state;
    if (state.name === 'opening' && this.#startedAt === null) this.#startedAt = this.#deps.clock.now();
    this.#deps.publish(this.#node, {
      type: 'tunnel-state',
      from: before.name,
      to: state.name,
      waitingOn: 'on' in state ? state.on : [],
      failure: 'failure' in state ? state.failure : null,
      ingress: this.bound ? formatAddress(this.bound) : null,
      tookMs: state.name === 'open' && this.#startedAt !== null ? this.#deps.clock.now() - this.#startedAt : null,
    });
    if (state.name === 'open') this.#startedAt = null;
  }

  #carryOut(command: TunnelCommand): void {
    switch (command.do) {
      case 'open':
        this.#opening = new AbortController();
        void this.#open(this.#opening);
        return;
      case 'abort-open':
        this.#opening?.abort();
        this.#opening = null;
        return;
      case 'suspend':
        this.#forwarder.setDial(null);
        this.#ingress.forsake();
        return;
      case 'unbind':
        this.#unbind();
        return;
      case 'schedule-retry': {
        const { clock } = this.#deps;
        const window = backoffDelay(command.attempt, REBIND, { random: clock.random(), floorMs: command.floorMs });
        const ms = this.#node.spec.onConflict === 'wait' ? Math.min(window, 1_500) : window;
        this.#retryTimer = clock.setTimeout(() => this.input({ type: 'retry-due' }), ms);
        return;
      }
      case 'cancel-retry':
        this.#deps.clock.clearTimeout(this.#retryTimer);
        return;
      case 'drain':
        this.#deps.clock.clearTimeout(this.#sleepTimer);
        void this.#drain();
        return;
    }
  }

  async #open(controller: AbortController): Promise<void> {
    const { signal } = controller;
    try {
      const bound = await this.#ingress.bind(this.#node, signal);
      if (this.#node.listenOn !== null) this.#carriedBy('listen', this.#deps.connection(this.#node.listenOn));
      if (signal.aborted) return;
      this.#opening = null;
      this.#setDial();
      this.input({ type: 'opened', bound: formatAddress(bound), wanted: this.wanted });
      this.#considerSleep();
    } catch (error) {
      if (signal.aborted) return;
      this.#opening = null;
      const failure = asFailure(error, this.#node.spec.name);
      const final = failure.code === 'bind-in-use' && this.#node.spec.onConflict === 'fail';
      this.input({ type: 'open-failed', failure, final });
    }
  }

  /** Points new connections at the present egress, by the present way. Without one they are parked. */
  #setDial(): void {
    this.#pointAtEgress();
    const { dialFrom, runsOn } = this.#node;
    // A launched ssh carries the connections itself.
    if (runsOn !== null) return;
    // Asleep: the first client is parked, which wakes it.
    if (!this.wanted) return this.#forwarder.setDial(null);
    let dial: Dial | null = this.#deps.network.dialHere;
    if (dialFrom !== null) {
      const connection = this.#deps.connection(dialFrom);
      dial = connection ? this.#deps.network.dialFromHost(connection) : null;
      this.#carriedBy('dial', connection);
    }
    this.#forwarder.setDial(dial);
  }

  /** When what carries the open connections dies, they are reset in the same turn: a cut stream must not look like one that ended. */
  #carriedBy(end: 'dial' | 'listen', connection: Connection | null): void {
    if (!connection || this.#carrier[end] === connection) return;
    this.#carrier[end] = connection;
    void connection.closed.then((cause) => {
      // One that retired has been replaced, and connections may be open on its successor.
      if (cause && this.#carrier[end] === connection) this.#forwarder.closeConnections(true);
    });
  }

  #pointAtEgress(): void {
    const egress = this.#deps.egress(this.#node);
    if (same(egress, this.#egress)) return;
    const first = this.#egress === null;
    this.#egress = egress;
    if (!egress) return;
    this.#forwarder.retarget(egress);
    if (!first) this.#deps.publish(this.#node, { type: 'retargeted', egress: formatAddress(egress) });
  }

  #wake(): void {
    if (this.#awake) return;
    this.#awake = true;
    if (this.#node.spec.start === 'on-demand') this.#deps.changed(this.#node);
  }

  /** Asleep again after `idle_timeout` without a client. */
  #considerSleep(): void {
    const { clock } = this.#deps;
    clock.clearTimeout(this.#sleepTimer);
    if (!this.#awake || !this.wanted || this.#node.spec.start !== 'on-demand') return;
    this.#sleepTimer = clock.setTimeout(() => {
      const { connections, waiting } = this.#forwarder.stats();
      if (connections + waiting > 0) return this.#considerSleep();
      this.#awake = false;
      this.#deps.changed(this.#node);
    }, this.#node.spec.idleTimeoutMs);
  }

  #unbind(): void {
    void this.#ingress.close();
    this.#ingress = this.#newIngress();
    const old = this.#forwarder;
    this.#forwarder = this.#newForwarder();
    const drained = old.drain(this.#drainMs ?? this.#node.spec.drainMs).then(() => this.#forget(old));
    this.#leaving.set(old, drained);
  }

  /** Keeps the sums of a forwarder that is gone, so that counters never go back. */
  #forget(old: Forwarder): void {
    const { totalConnections, rxBytes, txBytes } = old.stats();
    this.#past = {
      totalConnections: this.#past.totalConnections + totalConnections,
      rxBytes: this.#past.rxBytes + rxBytes,
      txBytes: this.#past.txBytes + txBytes,
    };
    this.#leaving.delete(old);
  }

  async #drain(): Promise<void> {
    const limit = this.#drainMs ?? this.#node.spec.drainMs;
    await Promise.all([this.#ingress.close(), this.#forwarder.drain(limit), ...this.#leaving.values()]);
    this.input({ type: 'drained' });
  }

  #warnUnverified(reason: string): void {
    const message = `${this.#node.spec.name} listens, but where could not be checked: ${reason}`;
    this.#deps.publish(this.#node, { type: 'warning', message, hint: null });
  }

  #newForwarder(): Forwarder {
    const { spec } = this.#node;
    this.#egress = null;
    return new Forwarder({
      name: spec.name,
      mode: isProxy(spec.type) ? 'proxy' : 'direct',
      egress: spec.egress,
      ...forwarderSettings(spec),
      clock: this.#deps.clock,
      notify: (body: EventBody) => {
        this.#deps.publish(this.#node, body);
        if (body.type !== 'connection-opened') this.#considerSleep();
      },
      onParked: () => this.#wake(),
    });
  }

  #newIngress(): TunnelIngress {
    return new TunnelIngress({
      network: this.#deps.network,
      closing: this.#deps.closing,
      connection: (session) => this.#deps.connection(session),
      egress: (node) => this.#deps.egress(node),
      launchTarget: (node) => this.#deps.launchTarget(node),
      onClient: (client) => this.#forwarder.accept(client),
      onLost: (failure) => this.input({ type: 'lost', failure }),
      onUnverified: (reason) => this.#warnUnverified(reason),
    });
  }
}

const forwarderSettings = (spec: TunnelSpec) => ({
  parkMs: spec.parkMs,
  maxConnections: spec.maxConnections,
  allow: spec.allow,
  allowTargets: spec.allowTargets,
  drainMs: spec.drainMs,
});

/** Is the step from one state to the next worth an event? A new name is, and so is other news within `waiting`, or a failed try. */
function announces(before: TunnelState, after: TunnelState): boolean {
  if (before.name !== after.name) return true;
  const on = (state: TunnelState): string => ('on' in state ? state.on.join() : '');
  const failed = 'retrying' in after && after.retrying && after.failure !== null && retryClass(after.failure.code) === 'backoff';
  return on(before) !== on(after) || (failed && 'attempt' in before && 'attempt' in after && before.attempt !== after.attempt);
}
