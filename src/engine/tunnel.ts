/** Drives one tunnel: its state, its retry timer and what it tells; the sockets are engine/tunnel-plumbing's. What to do is decided in core/tunnel-state. */
import type { Duplex } from 'node:stream';
import { formatAddress, type Address } from '../core/address.ts';
import { backoffDelay } from '../core/backoff.ts';
import type { EventBody } from '../core/event.ts';
import { FailureError, isLoss, retryClass, type Failure } from '../core/failure.ts';
import type { TunnelNode } from '../core/graph.ts';
import { heavier } from '../core/change.ts';
import type { How } from '../core/plan.ts';
import type { Verdict } from '../core/health-state.ts';
import type { HostName } from '../core/spec.ts';
import {
  announces,
  initialTunnel,
  tunnelTransition,
  type TunnelCommand,
  type TunnelInput,
  type TunnelState,
} from '../core/tunnel-state.ts';
import { untrustedTunnel } from '../core/trust.ts';
import { asFailure } from './as-failure.ts';
import { isOfHost, LaunchTurns } from './launch-turns.ts';
import type { TrafficStats } from './traffic.ts';
import { TunnelHealth } from './tunnel-health.ts';
import { TunnelPlumbing, type PlumbingDeps } from './tunnel-plumbing.ts';

export interface TunnelDeps extends PlumbingDeps {
  publish(tunnel: TunnelNode, body: EventBody): void;
  /** What is missing of what the tunnel needs, and why, where that is known. */
  missing(tunnel: TunnelNode): { readonly on: readonly string[]; readonly failure: Failure | null };
  changed(tunnel: TunnelNode): void;
  /** Resolves when no connection of the session is being found out about any more. */
  told(session: string): Promise<void>;
}

/** Waits between tries to bind, where no host's `reconnect` says otherwise; on_conflict: wait is to see a freed port within 2 s. */
const REBIND = { minMs: 500, maxMs: 10_000, attempts: null };

export class TunnelDriver {
  /** As the graph has it, and by the host it goes by: with `launch: ssh` that is found out here. */
  #given: TunnelNode;
  #node: TunnelNode;
  readonly #turns = new LaunchTurns();
  #carrier: HostName;
  readonly #deps: TunnelDeps;
  #state: TunnelState = initialTunnel;
  readonly #plumbing: TunnelPlumbing;
  readonly #health: TunnelHealth;
  #opening: AbortController | null = null;
  #retryTimer: unknown = null;
  #startedAt: number | null = null;
  #drainMs: number | null = null;
  #resolveEnded: () => void = () => undefined;
  readonly #ended = new Promise<void>((resolve) => (this.#resolveEnded = resolve));
  since: number;
  restarts = 0;

  constructor(node: TunnelNode, deps: TunnelDeps) {
    this.#given = node;
    this.#node = node;
    this.#carrier = node.host;
    this.#deps = deps;
    this.since = deps.clock.now();
    this.#plumbing = new TunnelPlumbing(node, deps, {
      publish: (body) => deps.publish(this.#node, body),
      held: (failure) => this.input({ type: 'held', failure }),
      lost: (failure) => {
        this.#turns.lost(this.#node.host);
        this.input({ type: 'lost', failure });
      },
      demandChanged: () => deps.changed(this.#node),
    });
    this.#health = new TunnelHealth({
      clock: deps.clock,
      way: () => this.#plumbing.probeWay,
      onVerdict: (body) => {
        deps.publish(this.#node, body);
        deps.changed(this.#node);
      },
    });
  }

  get node(): TunnelNode {
    return this.#node;
  }
  get state(): TunnelState {
    return this.#state;
  }
  /** Null until it is bound. */
  get bound(): Address | null {
    return this.#plumbing.bound;
  }
  get failure(): Failure | null {
    return 'failure' in this.#state ? this.#state.failure : this.#health.failure(this.#node);
  }
  get health(): 'none' | Verdict {
    return this.#health.verdict(this.#node);
  }

  /** Does it want its hosts to be connected? */
  get wanted(): boolean {
    return this.#plumbing.wanted;
  }

  stats(): TrafficStats {
    return this.#plumbing.stats();
  }

  input(input: TunnelInput): void {
    const before = this.#state;
    const { state, commands } = tunnelTransition(before, input);
    this.#state = state;
    if (state.name !== before.name) this.since = this.#deps.clock.now();
    if (state.name === 'open' && before.name === 'reconnecting') this.restarts += 1;
    for (const command of commands) this.#carryOut(command);
    this.#health.watch(this.#node, this.#state.name === 'open');
    if (state === before || !announces(before, state)) return;
    this.#announce(before);
    if (state.name === 'closed') this.#resolveEnded();
    this.#deps.changed(this.#node);
  }

  /** Something it needs came up or went. */
  reconsider(): void {
    const { on, failure } = this.#deps.missing(this.#node);
    this.input({ type: 'needs', missing: on, failure, wanted: this.wanted });
    if (this.#state.name !== 'open') return;
    if (this.#plumbing.adrift) this.input({ type: 'adrift' });
    else this.#plumbing.followEgress();
  }

  /** `how` is the least it takes; another place to listen or to dial from asks for more. */
  update(node: TunnelNode, least: How): void {
    const how = heavier(least, moveOf(this.#node, node));
    this.#take(node);
    this.#plumbing.update(this.#node);
    if (how === 'reopen') this.input({ type: 'reopen', missing: this.#deps.missing(node).on });
    else if (how === 'retarget') this.#plumbing.openWay();
    // Its settings may be other ones: it begins anew.
    this.#health.stop();
    this.#health.watch(this.#node, this.#state.name === 'open');
    this.kick();
  }

  /** Another node of the same meaning: a new graph in which nothing of this tunnel changed. */
  adopt(node: TunnelNode): void {
    this.#take(node);
    this.#plumbing.adopt(this.#node);
  }

  #take(node: TunnelNode): void {
    this.#given = node;
    this.#node = this.#turns.keep(node, this.#node.host);
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

  /** These channels went with their connection: what they carried is reset. */
  cut(channels: ReadonlySet<Duplex>): void {
    this.#plumbing.cut(channels);
  }

  /** Listens no more; what is open goes on until it is stopped. */
  release(): void {
    this.#plumbing.release();
  }

  /** Ends a drain that is under way. */
  hurry(): void {
    this.#drainMs = 0;
    this.#plumbing.hurry();
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
        this.#plumbing.suspend();
        return;
      case 'unbind':
        this.#plumbing.unbind(this.#drainLimit);
        return;
      case 'schedule-retry': {
        const { clock } = this.#deps;
        const window = backoffDelay(command.attempt, REBIND, { random: clock.random(), floorMs: command.floorMs });
        const ms = this.#node.spec.onConflict === 'fail' ? window : Math.min(window, 1_500);
        this.#retryTimer = clock.setTimeout(() => this.input({ type: 'retry-due' }), ms);
        return;
      }
      case 'cancel-retry':
        this.#deps.clock.clearTimeout(this.#retryTimer);
        return;
      case 'drain':
        void this.#drain();
        return;
    }
  }

  async #open(controller: AbortController): Promise<void> {
    const { signal } = controller;
    try {
      const bound = await this.#bind(signal);
      if (signal.aborted) return;
      this.#opening = null;
      this.#plumbing.openWay();
      this.input({ type: 'opened', bound: formatAddress(bound), wanted: this.wanted });
      this.#plumbing.considerSleep();
    } catch (error) {
      const failure = asFailure(error, this.#node.spec.name);
      if (isLoss(failure.code)) await this.#hostFirst();
      if (signal.aborted) return;
      this.#opening = null;
      const final = failure.code === 'bind-in-use' && this.#node.spec.onConflict === 'fail';
      this.input({ type: 'open-failed', failure, final });
    }
  }

  /** The connection it was to listen through went: where that is all of the host, the host tells it, and this try is given up. */
  async #hostFirst(): Promise<void> {
    const through = this.#node.runsOn ?? this.#node.listenOn;
    if (through === null) return;
    await new Promise((resolve) => setImmediate(resolve));
    await this.#deps.told(through);
  }

  async #bind(signal: AbortSignal): Promise<Address> {
    const refused = untrustedTunnel(this.#node.spec);
    if (refused) throw new FailureError(refused);
    const bound = await this.#bindBy(this.#turns.order(this.#given), signal);
    const { host } = this.#node;
    if (this.#node.runsOn !== null && host !== this.#carrier)
      this.#deps.publish(this.#node, { type: 'failover', from: this.#carrier, to: host });
    this.#carrier = host;
    return bound;
  }

  async #bindBy([way, ...rest]: readonly [TunnelNode, ...TunnelNode[]], signal: AbortSignal): Promise<Address> {
    this.#node = way;
    this.#plumbing.adopt(way);
    try {
      return await this.#plumbing.bind(signal);
    } catch (error) {
      const failure = asFailure(error, way.spec.name);
      const [next, ...others] = rest;
      if (next === undefined || signal.aborted || !isOfHost(failure.code)) throw error;
      this.#deps.publish(way, { type: 'warning', message: `${failure.message}; trying ${next.host}`, hint: failure.hint });
      return this.#bindBy([next, ...others], signal).catch((later: unknown) => {
        // As long as one of them can be tried again, the tunnel is.
        throw retryClass(failure.code) === 'backoff' ? error : later;
      });
    }
  }

  async #drain(): Promise<void> {
    this.#health.stop();
    await Promise.all([this.#plumbing.drain(this.#drainLimit), this.#health.ended()]);
    this.input({ type: 'drained' });
  }

  get #drainLimit(): number {
    return this.#drainMs ?? this.#node.spec.drainMs;
  }
}

const moveOf = (from: TunnelNode, to: TunnelNode): How =>
  from.listenOn !== to.listenOn ? 'reopen' : from.dialFrom !== to.dialFrom ? 'retarget' : 'in-place';
