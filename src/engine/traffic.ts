/** The connections of one tunnel: those of its present forwarder, and of earlier ones, which may end in peace after a reopen. */
import type { Duplex } from 'node:stream';
import type { Address } from '../core/address.ts';
import type { EventBody } from '../core/event.ts';
import { isProxy, type TunnelSpec } from '../core/spec.ts';
import type { Client, Dial } from '../forward/client.ts';
import { Forwarder } from '../forward/forwarder.ts';
import type { Clock } from './clock.ts';

export interface TrafficOptions {
  readonly clock: Clock;
  readonly notify: (body: EventBody) => void;
  /** A client arrived and there is no way to serve it yet. */
  readonly onParked: () => void;
}

export interface TrafficStats {
  readonly connections: number;
  readonly waiting: number;
  readonly totalConnections: number;
  readonly rxBytes: number;
  readonly txBytes: number;
}

const NONE: TrafficStats = { connections: 0, waiting: 0, totalConnections: 0, rxBytes: 0, txBytes: 0 };

export class Traffic {
  readonly #options: TrafficOptions;
  #forwarder: Forwarder;
  readonly #leaving = new Map<Forwarder, Promise<void>>();
  /** What forwarders that are gone have counted, so that counters never go back. */
  #past = NONE;

  constructor(spec: TunnelSpec, options: TrafficOptions) {
    this.#options = options;
    this.#forwarder = this.#newForwarder(spec);
  }

  accept(client: Client): void {
    this.#forwarder.accept(client);
  }

  setDial(dial: Dial | null): void {
    this.#forwarder.setDial(dial);
  }

  retarget(egress: Address): void {
    this.#forwarder.retarget(egress);
  }

  update(spec: TunnelSpec): void {
    this.#forwarder.update(settings(spec));
  }

  /** These channels went with their connection: what they carried is reset in the same turn, a cut stream must not look like one that ended. */
  cut(channels: ReadonlySet<Duplex>): void {
    for (const each of [this.#forwarder, ...this.#leaving.keys()]) each.cut(channels);
  }

  /** Begins anew: what is open goes on for up to `drainMs`, and counts on. */
  renew(spec: TunnelSpec, drainMs: number): void {
    const old = this.#forwarder;
    this.#forwarder = this.#newForwarder(spec);
    const drained = old.drain(drainMs).then(() => {
      this.#past = sum(this.#past, { ...old.stats(), connections: 0, waiting: 0 });
      this.#leaving.delete(old);
    });
    this.#leaving.set(old, drained);
  }

  async drain(drainMs: number): Promise<void> {
    await Promise.all([this.#forwarder.drain(drainMs), ...this.#leaving.values()]);
  }

  /** Ends a drain that is under way. */
  hurry(): void {
    for (const each of [this.#forwarder, ...this.#leaving.keys()]) each.closeConnections(true);
  }

  stats(): TrafficStats {
    return [this.#forwarder, ...this.#leaving.keys()].reduce((total, each) => sum(total, each.stats()), this.#past);
  }

  #newForwarder(spec: TunnelSpec): Forwarder {
    const mode = isProxy(spec.type) ? 'proxy' : 'direct';
    return new Forwarder({ name: spec.name, mode, egress: spec.egress, ...settings(spec), ...this.#options });
  }
}

const settings = ({ parkMs, maxConnections, allow, allowTargets, drainMs }: TunnelSpec) => ({
  parkMs,
  maxConnections,
  allow,
  allowTargets,
  drainMs,
});

const sum = (a: TrafficStats, b: TrafficStats): TrafficStats => ({
  connections: a.connections + b.connections,
  waiting: a.waiting + b.waiting,
  totalConnections: a.totalConnections + b.totalConnections,
  rxBytes: a.rxBytes + b.rxBytes,
  txBytes: a.txBytes + b.txBytes,
});
