/** Drives one tunnel: owns its ingress, its forwarder and its retry timer. What to do is decided in core/tunnel-state. */
import { formatAddress, type Address } from '../core/address.ts';
import { backoffDelay } from '../core/backoff.ts';
import type { EventBody } from '../core/event.ts';
import { retryClass, type Failure } from '../core/failure.ts';
import type { TunnelNode } from '../core/graph.ts';
import { heavier } from '../core/change.ts';
import type { How } from '../core/plan.ts';
import type { Verdict } from '../core/health-state.ts';
import type { HostSpec } from '../core/spec.ts';
import { initialTunnel, tunnelTransition, type TunnelCommand, type TunnelInput, type TunnelState } from '../core/tunnel-state.ts';
import type { Connection } from '../ssh/connection.ts';
import type { Clock } from './clock.ts';
import { Demand } from './demand.ts';
import { EgressWay } from './egress-way.ts';
import { HealthCheck } from './health-check.ts';
import type { Network } from './network.ts';
import type { PendingCloses } from './pending-closes.ts';
import { asFailure } from './session.ts';
import { Traffic, type TrafficStats } from './traffic.ts';
import { TunnelIngress } from './tunnel-ingress.ts';
import { probeTunnel } from './tunnel-probe.ts';

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
const REBIND = { minMs: 500, maxMs: 10_000, attempts: null };

export class TunnelDriver {
  #node: TunnelNode;
  readonly #deps: TunnelDeps;
  #state: TunnelState = initialTunnel;
  readonly #traffic: Traffic;
  readonly #demand: Demand;
  #health: HealthCheck | null = null;
  #sick: Failure | null = null;
  readonly #way: EgressWay;
  #ingress: TunnelIngress;
  #opening: AbortController | null = null;
  #retryTimer: unknown = null;
  #startedAt: number | null = null;
  #drainMs: number | null = null;
  #resolveEnded: () => void = () => undefined;
  readonly #ended = new Promise<void>((resolve) => (this.#resolveEnded = resolve));
  since: number;
  restarts = 0;

  constructor(node: TunnelNode, deps: TunnelDeps) {
    this.#node = node;
    this.#deps = deps;
    this.since = deps.clock.now();
    this.#demand = new Demand({
      clock: deps.clock,
      busy: () => this.stats().connections + this.stats().waiting > 0,
      onChange: () => deps.changed(this.#node),
    });
    this.#traffic = this.#newTraffic();
    this.#way = new EgressWay({
      network: deps.network,
      traffic: this.#traffic,
      connection: (session) => deps.connection(session),
      egress: (tunnel) => deps.egress(tunnel),
      onRetarget: (egress) => deps.publish(this.#node, { type: 'retargeted', egress }),
    });
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
    if ('failure' in this.#state) return this.#state.failure;
    return this.health === 'unhealthy' ? this.#sick : null;
  }
  /** `none` without a healthcheck; `starting` until the first verdict after each opening. */
  get health(): 'none' | Verdict {
    if (this.#node.spec.healthcheck === null) return 'none';
    return this.#health?.verdict ?? 'starting';
  }

  /** Does it want its hosts to be connected? An eager one always, an on-demand one while clients need it. */
  get wanted(): boolean {
    if (this.#state.name === 'closing' || this.#state.name === 'closed') return false;
    return this.#node.spec.start === 'eager' || this.#demand.awake;
  }

  stats(): TrafficStats {
    return this.#traffic.stats();
  }

  input(input: TunnelInput): void {
    const before = this.#state;
    const { state, commands } = tunnelTransition(before, input);
    this.#state = state;
    if (state.name !== before.name) this.since = this.#deps.clock.now();
    if (state.name === 'open' && before.name === 'reconnecting') this.restarts += 1;
    for (const command of commands) this.#carryOut(command);
    this.#watchHealth();
    if (state === before || !announces(before, state)) return;
    this.#announce(before);
    if (state.name === 'closed') this.#resolveEnded();
    this.#deps.changed(this.#node);
  }

  /** Something it needs came up or went. */
  reconsider(): void {
    const { on, failure } = this.#deps.missing(this.#node);
    this.input({ type: 'needs', missing: on, failure, wanted: this.wanted });
    if (this.#state.name === 'open') this.#way.follow(this.#node);
  }

  /** `how` is the least it takes; another place to listen or to dial from asks for more. */
  update(node: TunnelNode, least: How): void {
    const how = heavier(least, moveOf(this.#node, node));
    this.#node = node;
    this.#traffic.update(node.spec);
    if (how === 'reopen') this.input({ type: 'reopen', missing: this.#deps.missing(node).on });
    else if (how === 'retarget') this.#openWay();
    // Its settings may be other ones: it begins anew.
    this.#health?.stop();
    this.#health = null;
    this.#watchHealth();
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

  /** Listens no more; what is open goes on until it is stopped. */
  release(): void {
    void this.#ingress.close();
  }

  /** Ends a drain that is under way. */
  hurry(): void {
    this.#drainMs = 0;
    this.#traffic.hurry();
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
        this.#way.suspend();
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
        this.#demand.stop();
        void this.#drain();
        return;
    }
  }

  async #open(controller: AbortController): Promise<void> {
    const { signal } = controller;
    try {
      const bound = await this.#ingress.bind(this.#node, signal);
      if (signal.aborted) return;
      this.#opening = null;
      this.#openWay();
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

  /** Asleep, the first client is parked, which wakes it. */
  #openWay(): void {
    if (this.wanted) this.#way.open(this.#node);
    else this.#way.suspend();
  }

  #considerSleep(): void {
    if (this.wanted && this.#node.spec.start === 'on-demand') this.#demand.restart(this.#node.spec.idleTimeoutMs);
  }

  /** Probes while it is open, and only then. */
  #watchHealth(): void {
    const check = this.#node.spec.healthcheck;
    const wanted = this.#state.name === 'open' && check !== null;
    if (wanted === (this.#health !== null)) return;
    this.#health?.stop();
    this.#health = null;
    if (!wanted) return;
    this.#health = new HealthCheck({
      clock: this.#deps.clock,
      check,
      probe: (signal) => probeTunnel(this.#node, { ...this.#way.probeWay, bound: this.bound }, signal),
      onVerdict: (verdict, failure) => {
        this.#sick = verdict === 'unhealthy' ? failure : null;
        this.#deps.publish(this.#node, { type: 'health', verdict, failure });
        this.#deps.changed(this.#node);
      },
    });
  }

  #unbind(): void {
    void this.#ingress.close();
    this.#ingress = this.#newIngress();
    this.#way.forget();
    this.#traffic.renew(this.#node.spec, this.#drainMs ?? this.#node.spec.drainMs);
  }

  async #drain(): Promise<void> {
    const limit = this.#drainMs ?? this.#node.spec.drainMs;
    await Promise.all([this.#ingress.close(), this.#traffic.drain(limit)]);
    this.input({ type: 'drained' });
  }

  #warnUnverified(reason: string): void {
    const message = `${this.#node.spec.name} listens, but where could not be checked: ${reason}`;
    this.#deps.publish(this.#node, { type: 'warning', message, hint: null });
  }

  #newTraffic(): Traffic {
    return new Traffic(this.#node.spec, {
      clock: this.#deps.clock,
      notify: (body: EventBody) => {
        this.#deps.publish(this.#node, body);
        if (body.type !== 'connection-opened') this.#considerSleep();
      },
      onParked: () => {
        if (this.#node.spec.start === 'on-demand') this.#demand.wake();
      },
    });
  }

  #newIngress(): TunnelIngress {
    return new TunnelIngress({
      clock: this.#deps.clock,
      network: this.#deps.network,
      closing: this.#deps.closing,
      connection: (session) => this.#deps.connection(session),
      egress: (node) => this.#deps.egress(node),
      launchTarget: (node) => this.#deps.launchTarget(node),
      onClient: (client) => this.#traffic.accept(client),
      onLost: (failure) => this.input({ type: 'lost', failure }),
      onUnverified: (reason) => this.#warnUnverified(reason),
    });
  }
}

const moveOf = (from: TunnelNode, to: TunnelNode): How =>
  from.listenOn !== to.listenOn ? 'reopen' : from.dialFrom !== to.dialFrom ? 'retarget' : 'in-place';

/** Is the step from one state to the next worth an event? A new name is, and so is other news within `waiting`, or a failed try. */
function announces(before: TunnelState, after: TunnelState): boolean {
  if (before.name !== after.name) return true;
  const on = (state: TunnelState): string => ('on' in state ? state.on.join() : '');
  const failed = 'retrying' in after && after.retrying && after.failure !== null && retryClass(after.failure.code) === 'backoff';
  return on(before) !== on(after) || (failed && 'attempt' in before && 'attempt' in after && before.attempt !== after.attempt);
}
