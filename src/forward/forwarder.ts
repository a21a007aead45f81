/** Owns the clients of one tunnel: who is let in, how many, what they carried, and their end. What becomes of each is visit.ts. */
import { formatAddress, type Address } from '../core/address.ts';
import { Bag } from '../core/bag.ts';
import type { EventBody } from '../core/event.ts';
import { AllowedSources } from './allowed-sources.ts';
import type { Client, Dial } from './client.ts';
import { Parking, type ForwarderClock } from './parking.ts';
import { compileTargets, type TargetRule } from './target-pattern.ts';
import { Visit, type VisitEnd, type VisitWay } from './visit.ts';
import type { Duplex } from 'node:stream';

/** What a reload may change without touching a connection. */
export interface ForwarderSettings {
  /** How long a client may wait for the connection to come back, in milliseconds. */
  readonly parkMs: number;
  /** Clients at one time, waiting ones included. */
  readonly maxConnections: number;
  /** CIDRs of the clients; empty: all. A client without an address (unix socket) always passes. */
  readonly allow: readonly string[];
  /** `host:port` patterns the clients of a proxy may ask for; empty: all. */
  readonly allowTargets: readonly string[];
  /** The default of drain(), in milliseconds. */
  readonly drainMs: number;
}

export interface ForwarderOptions extends ForwarderSettings {
  readonly name: string;
  /** `direct` dials the egress, `proxy` what the client asks for by SOCKS or HTTP CONNECT. */
  readonly mode: 'direct' | 'proxy';
  /** Null in proxy mode. */
  readonly egress: Address | null;
  readonly clock: ForwarderClock;
  readonly notify: (body: EventBody) => void;
  /** A client arrived, or is still there, and there is no connection to serve it: what wakes an on-demand tunnel. */
  readonly onParked?: () => void;
}

export interface ForwarderStats {
  /** Open ones: both ends joined. */
  readonly connections: number;
  /** Clients that are parked or being dialled for. */
  readonly waiting: number;
  /** Ever opened. */
  readonly totalConnections: number;
  /** Clients whose target could not be reached, ever. */
  readonly failedConnections: number;
  /** Clients turned away (allow, max_connections, park timeout, draining), ever. */
  readonly refusedConnections: number;
  /** From the egress to the clients; open connections included. */
  readonly rxBytes: number;
  /** From the clients to the egress; open connections included. */
  readonly txBytes: number;
}

type RefusalReason = Extract<EventBody, { type: 'connection-refused' }>['why'];

export class Forwarder {
  readonly name: string;
  readonly #options: ForwarderOptions;
  #settings: ForwarderSettings;
  #sources: AllowedSources;
  #targets: TargetRule;
  #egress: Address | null;
  readonly #parking: Parking;
  readonly #way: VisitWay;
  #draining = false;
  readonly #visits = new Bag<Visit>();
  /** Told when the last visit is over, for drain(). */
  readonly #idle = new Set<() => void>();
  readonly #past = { opened: 0, failed: 0, refused: 0, rx: 0, tx: 0 };

  constructor(options: ForwarderOptions) {
    this.name = options.name;
    this.#options = options;
    this.#settings = options;
    this.#egress = options.egress;
    this.#parking = new Parking(options.clock, options.onParked);
    this.#sources = new AllowedSources(options.allow);
    this.#targets = compileTargets(options.allowTargets);
    this.#way = {
      mode: options.mode,
      clock: options.clock,
      egress: () => this.#egress,
      mayAsk: (target) => this.#targets(target),
      dialNow: (tried) => this.#parking.now(tried),
      whenUp: (tried) => this.#parking.whenUp(this.#settings.parkMs, tried),
      onJoined: (from, target) => {
        this.#past.opened += 1;
        options.notify({ type: 'connection-opened', from, target });
      },
    };
  }

  /** Takes a client on, or turns it away. Never throws; what happens to it is told by notify. */
  accept(client: Client): void {
    const from = client.origin ? formatAddress({ kind: 'tcp', host: client.origin.address, port: client.origin.port }) : 'unix socket';
    const why = this.#whyNot(client);
    if (why) {
      client.refuse();
      this.#countRefusal(from, why);
      return;
    }
    const visit = new Visit(client, from, this.#way);
    const entry = this.#visits.add(visit);
    void visit.serve().then((end) => {
      this.#count(visit, end);
      this.#visits.delete(entry);
      if (this.#visits.size === 0 && this.#idle.size > 0) for (const told of [...this.#idle]) told();
    });
  }

  /** Null while the connection is down: clients are parked until there is a dial again, or their time is over. */
  setDial(dial: Dial | null): void {
    this.#parking.setDial(dial);
  }

  /** New connections go to `egress`, open ones stay where they are. */
  retarget(egress: Address): void {
    this.#egress = egress;
  }

  /** Takes effect for clients that arrive from now on. */
  update(settings: Partial<ForwarderSettings>): void {
    this.#settings = { ...this.#settings, ...settings };
    this.#sources = new AllowedSources(this.#settings.allow);
    this.#targets = compileTargets(this.#settings.allowTargets);
  }

  stats(): ForwarderStats {
    const { opened, failed, refused, rx, tx } = this.#past;
    const sums = { connections: 0, rxBytes: rx, txBytes: tx };
    for (const { traffic } of this.#visits.values()) {
      if (!traffic) continue;
      sums.connections += 1;
      sums.rxBytes += traffic.rxBytes;
      sums.txBytes += traffic.txBytes;
    }
    return {
      ...sums,
      waiting: this.#visits.size - sums.connections,
      totalConnections: opened,
      failedConnections: failed,
      refusedConnections: refused,
    };
  }

  /**
   * Turns away new and parked clients, gives open connections up to `ms` milliseconds (default: drainMs) to end, then resets what is
   * left. Resolves when none is left. A second call with a shorter time cuts the first one short.
   */
  async drain(ms: number = this.#settings.drainMs): Promise<void> {
    this.#draining = true;
    this.#parking.close();
    if (this.#visits.size === 0) return;
    const { clock } = this.#options;
    await new Promise<void>((resolve) => {
      const cut = (): void => this.closeConnections(true);
      const timer = ms <= 0 ? null : clock.setTimeout(cut, ms);
      const told = (): void => {
        if (timer !== null) clock.clearTimeout(timer);
        this.#idle.delete(told);
        resolve();
      };
      this.#idle.add(told);
      if (timer === null) cut();
    });
  }

  /**
   * Resets what these channels carry at either end. Called when the connection that carried them died, in the same turn as its `closed`
   * resolves: that keeps a cut stream from looking like one that ended well.
   */
  cut(channels: ReadonlySet<Duplex>): void {
    if (channels.size > 0) for (const visit of this.#visits.values()) visit.cut(channels);
  }

  /** Closes every open connection, with a reset where bytes may be missing. */
  closeConnections(reset: boolean): void {
    for (const visit of this.#visits.values()) {
      if (this.#draining) visit.stop();
      visit.close(reset);
    }
  }

  #whyNot({ origin }: Client): RefusalReason | null {
    if (this.#draining) return 'draining';
    if (origin && !this.#sources.has(origin.address)) return 'allow';
    return this.#visits.size >= this.#settings.maxConnections ? 'max-connections' : null;
  }

  #count({ from }: Visit, end: VisitEnd): void {
    const { notify } = this.#options;
    switch (end.how) {
      case 'over': {
        const { target, rxBytes, txBytes } = end;
        this.#past.rx += rxBytes;
        this.#past.tx += txBytes;
        notify({ type: 'connection-closed', from, target, rxBytes, txBytes });
        return;
      }
      case 'turned-away':
        this.#countRefusal(from, end.why);
        return;
      case 'failed':
        this.#past.failed += 1;
        notify({ type: 'connection-failed', from, target: end.target, failure: end.failure });
        return;
    }
  }

  #countRefusal(from: string, why: RefusalReason): void {
    this.#past.refused += 1;
    this.#options.notify({ type: 'connection-refused', from, why });
  }
}
