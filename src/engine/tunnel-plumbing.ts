/** The moving parts of one tunnel: its ingress, its connections, their way to the egress, and whether anybody needs it. */
import type { Duplex } from 'node:stream';
import type { Address } from '../core/address.ts';
import type { EventBody } from '../core/event.ts';
import type { Failure } from '../core/failure.ts';
import type { TunnelNode } from '../core/graph.ts';
import type { HostSpec, TunnelSpec } from '../core/spec.ts';
import type { Connection } from '../ssh/connection.ts';
import type { Clock } from './clock.ts';
import { Demand } from './demand.ts';
import { EgressWay } from './egress-way.ts';
import type { Network, Passage } from './network.ts';
import type { LostBinds } from './lost-bind.ts';
import type { PendingCloses } from './pending-closes.ts';
import { Traffic, type TrafficStats } from './traffic.ts';
import { TunnelIngress } from './tunnel-ingress.ts';
import type { ProbeWay } from './tunnel-probe.ts';

export interface PlumbingDeps {
  readonly clock: Clock;
  readonly network: Network;
  readonly closing: PendingCloses;
  readonly lost: LostBinds;
  /** The connection a session's listeners and processes are on, and the way through it; null while it is down. */
  lead(session: string): Connection | null;
  passage(session: string): Passage | null;
  /** The egress with its real port, where it is another tunnel's ingress. */
  egress(tunnel: TunnelNode): Address | null;
  /** For `launch: ssh`: the host and the hops between the client and it. */
  launchTarget(tunnel: TunnelNode): { readonly host: HostSpec; readonly jumps: readonly HostSpec[] } | null;
}

export interface PlumbingEvents {
  publish(body: EventBody): void;
  /** The ingress went by itself. */
  lost(failure: Failure): void;
  /** Its place on a host is still held, by what may be ours, and is waited for. */
  held(failure: Failure): void;
  /** It is needed from now on, or no longer. */
  demandChanged(): void;
}

export class TunnelPlumbing {
  #node: TunnelNode;
  readonly #deps: PlumbingDeps;
  readonly #events: PlumbingEvents;
  readonly #traffic: Traffic;
  readonly #demand: Demand;
  readonly #way: EgressWay;
  #ingress: TunnelIngress;
  #draining = false;

  constructor(node: TunnelNode, deps: PlumbingDeps, events: PlumbingEvents) {
    this.#node = node;
    this.#deps = deps;
    this.#events = events;
    this.#demand = new Demand({
      clock: deps.clock,
      busy: () => this.stats().connections + this.stats().waiting > 0,
      onChange: () => events.demandChanged(),
    });
    this.#traffic = this.#newTraffic(node.spec);
    this.#way = new EgressWay({
      network: deps.network,
      traffic: this.#traffic,
      passage: (session) => deps.passage(session),
      egress: (tunnel) => deps.egress(tunnel),
      onRetarget: (egress) => events.publish({ type: 'retargeted', egress }),
    });
    this.#ingress = this.#newIngress();
  }

  /** Null until it is bound. */
  get bound(): Address | null {
    return this.#ingress.bound;
  }
  /** Its ingress is on a connection that went, and the host goes on by another one. */
  get adrift(): boolean {
    return this.#ingress.adrift;
  }
  /** Does it want its hosts to be connected? An eager one until it ends, an on-demand one while clients need it. */
  get wanted(): boolean {
    return !this.#draining && (this.#node.spec.start === 'eager' || this.#demand.awake);
  }
  get probeWay(): ProbeWay {
    return { ...this.#way.probeWay, bound: this.bound, runCommand: this.#deps.network.runCommand };
  }

  stats(): TrafficStats {
    return this.#traffic.stats();
  }

  /** Another node of the same meaning. */
  adopt(node: TunnelNode): void {
    this.#node = node;
  }

  /** Clients that arrive from now on are treated as `node` says. */
  update(node: TunnelNode): void {
    this.#node = node;
    this.#traffic.update(node.spec);
  }

  /** Rejects with a FailureError; when `signal` fires, what was bound is let go. */
  bind(signal: AbortSignal): Promise<Address> {
    return this.#ingress.bind(this.#node, signal);
  }

  /** New connections go their present way. Asleep, the first client is parked, which wakes it. */
  openWay(): void {
    if (this.wanted) this.#way.open(this.#node);
    else this.#way.suspend();
  }

  /** The egress may be another one now. */
  followEgress(): void {
    this.#way.follow(this.#node);
  }

  considerSleep(): void {
    if (this.wanted && this.#node.spec.start === 'on-demand') this.#demand.restart(this.#node.spec.idleTimeoutMs);
  }

  /** Keeps what is bound here, parks arriving clients. */
  suspend(): void {
    this.#way.suspend();
    this.#ingress.forsake();
  }

  /** Lets go of the ingress; what is open goes on for up to `drainMs`. */
  unbind(drainMs: number): void {
    void this.#ingress.close();
    this.#ingress = this.#newIngress();
    this.#way.forget();
    this.#traffic.renew(this.#node.spec, drainMs);
  }

  /** These channels went with their connection. */
  cut(channels: ReadonlySet<Duplex>): void {
    this.#traffic.cut(channels);
  }

  /** Listens no more; what is open goes on. */
  release(): void {
    void this.#ingress.close();
  }

  async drain(limitMs: number): Promise<void> {
    this.#draining = true;
    this.#demand.stop();
    await Promise.all([this.#ingress.close(), this.#traffic.drain(limitMs)]);
  }

  /** Ends a drain that is under way. */
  hurry(): void {
    this.#traffic.hurry();
  }

  #newTraffic(spec: TunnelSpec): Traffic {
    return new Traffic(spec, {
      clock: this.#deps.clock,
      notify: (body) => {
        this.#events.publish(body);
        if (body.type !== 'connection-opened') this.considerSleep();
      },
      onParked: () => {
        if (this.#node.spec.start === 'on-demand') this.#demand.wake();
      },
    });
  }

  #newIngress(): TunnelIngress {
    return new TunnelIngress({
      network: this.#deps.network,
      closing: this.#deps.closing,
      lost: this.#deps.lost,
      lead: (session) => this.#deps.lead(session),
      egress: (node) => this.#deps.egress(node),
      launchTarget: (node) => this.#deps.launchTarget(node),
      onClient: (client) => this.#traffic.accept(client),
      onLost: (failure) => this.#events.lost(failure),
      onHeld: (failure) => this.#events.held(failure),
      onUnverified: (reason) =>
        this.#events.publish({
          type: 'warning',
          message: `${this.#node.spec.name} listens, but where could not be checked: ${reason}`,
          hint: null,
        }),
    });
  }
}
