/**
 * Owns the clients of one tunnel, from their arrival at the ingress to their last byte.
 *
 *   arrived ─▶ (waiting for a connection) ─▶ dialling ─▶ open ─▶ over
 *      │                  │                      └─ target refused: a failure of this client only
 *      └─ allow, max      └─ park timeout, drain: turned away
 */
import { formatAddress, type Address, type TcpAddress } from '../core/address.ts';
import type { EventBody } from '../core/event.ts';
import { failure, isFailureError, FailureError, type Failure } from '../core/failure.ts';
import { AllowedSources } from './allowed-sources.ts';
import type { Client, Dial } from './client.ts';
import { negotiateProxy } from './dynamic.ts';
import { Parking, type ForwarderClock } from './parking.ts';
import { resetStream } from './reset-stream.ts';
import { splice, type Splice } from './splice.ts';
import { compileTargets, type TargetRule } from './target-pattern.ts';
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

/** One client. `stop` ends whatever it is waiting for. */
interface Visit {
  readonly client: Client;
  readonly from: string;
  readonly stop: AbortController;
  /** Why it is turned away after it was taken on. */
  refusedAs: RefusalReason | null;
  stream: Duplex | null;
  joined: Splice | null;
}

interface Pair {
  readonly near: Duplex;
  readonly far: Duplex;
}

export class Forwarder {
  readonly name: string;
  readonly #options: ForwarderOptions;
  #settings: ForwarderSettings;
  #sources: AllowedSources;
  #targets: TargetRule;
  #egress: Address | null;
  readonly #parking: Parking;
  #draining = false;
  readonly #visits = new Set<Visit>();
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
  }

  /** Takes a client on, or turns it away. Never throws; what happens to it is told by notify. */
  accept(client: Client): void {
    const from = client.origin ? formatAddress({ kind: 'tcp', host: client.origin.address, port: client.origin.port }) : 'unix socket';
    const why = this.#draining
      ? 'draining'
      : client.origin && !this.#sources.has(client.origin.address)
        ? 'allow'
        : this.#visits.size >= this.#settings.maxConnections
          ? 'max-connections'
          : null;
    if (why) {
      client.refuse();
      this.#countRefusal(from, why);
      return;
    }
    const visit: Visit = { client, from, stop: new AbortController(), refusedAs: null, stream: null, joined: null };
    this.#visits.add(visit);
    void this.#serve(visit).finally(() => {
      this.#visits.delete(visit);
      if (this.#visits.size === 0) for (const told of [...this.#idle]) told();
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
    for (const { joined } of this.#visits) {
      if (!joined) continue;
      sums.connections += 1;
      sums.rxBytes += joined.rxBytes;
      sums.txBytes += joined.txBytes;
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
   * Closes every open connection, with a reset where bytes may be missing. When the connection that carried them died, call this in
   * the same turn as its `closed` resolves: that keeps a cut stream from looking like one that ended well.
   */
  closeConnections(reset: boolean): void {
    for (const { joined, stream, stop } of this.#visits) {
      if (this.#draining) stop.abort();
      if (joined && reset) joined.reset();
      else if (joined) joined.close();
      else if (stream) resetStream(stream);
    }
  }

  async #serve(visit: Visit): Promise<void> {
    const target = { text: this.#egress ? formatAddress(this.#egress) : '' };
    try {
      if (this.#options.mode === 'proxy') await this.#serveProxy(visit, target);
      else await this.#serveDirect(visit, target);
    } catch (error) {
      if (visit.stream) resetStream(visit.stream);
      else visit.client.refuse();
      if (visit.refusedAs) this.#countRefusal(visit.from, visit.refusedAs);
      else this.#countFailure(visit.from, target.text, asFailure(error));
    }
  }

  async #serveDirect(visit: Visit, target: { text: string }): Promise<void> {
    const far = await this.#dialTarget(visit, () => {
      const egress = this.#egress;
      if (!egress) throw new FailureError({ code: 'target-unreachable', message: 'there is no egress yet' });
      target.text = formatAddress(egress);
      return egress;
    });
    // Accepted only now: a refused target is then a refused connection for a client behind a channel, too.
    await this.#join(visit, { near: visit.client.accept(), far }, target.text);
  }

  async #serveProxy(visit: Visit, target: { text: string }): Promise<void> {
    await this.#whenUp(visit, null);
    const near = visit.client.accept();
    visit.stream = near;
    near.on('error', () => {});
    const outcome = await negotiateProxy(near, {
      clock: this.#options.clock,
      signal: visit.stop.signal,
      connect: (asked: TcpAddress) => {
        target.text = formatAddress(asked);
        if (!this.#targets(asked)) return Promise.reject(new FailureError(forbidden(asked)));
        return this.#dialTarget(visit, () => asked);
      },
    });
    if (outcome.ok) return this.#join(visit, outcome, target.text);
    this.#countFailure(visit.from, target.text, outcome.failure);
  }

  /** Dials when and as soon as there is a connection; one that is lost while dialling sends the client back to waiting. */
  async #dialTarget(visit: Visit, target: () => Address): Promise<Duplex> {
    let tried: Dial | null = null;
    for (;;) {
      const dial = await this.#whenUp(visit, tried);
      tried = dial;
      try {
        const far = await dial(target(), visit.client.origin, visit.stop.signal);
        if (!visit.stop.signal.aborted) return far;
        resetStream(far);
        throw stopped();
      } catch (error) {
        if (visit.stop.signal.aborted || asFailure(error).code !== 'connection-lost') throw error;
      }
    }
  }

  async #whenUp(visit: Visit, tried: Dial | null): Promise<Dial> {
    const dial = await this.#parking.whenUp(this.#settings.parkMs, tried);
    if (visit.stop.signal.aborted) throw stopped();
    if (typeof dial === 'function') return dial;
    visit.refusedAs = dial;
    throw stopped();
  }

  async #join(visit: Visit, { near, far }: Pair, target: string): Promise<void> {
    const joined = splice(near, far);
    visit.stream = near;
    visit.joined = joined;
    this.#past.opened += 1;
    this.#options.notify({ type: 'connection-opened', from: visit.from, target });
    const { rxBytes, txBytes } = await joined.done;
    visit.joined = null;
    this.#past.rx += rxBytes;
    this.#past.tx += txBytes;
    this.#options.notify({ type: 'connection-closed', from: visit.from, target, rxBytes, txBytes });
  }

  #countRefusal(from: string, why: RefusalReason): void {
    this.#past.refused += 1;
    this.#options.notify({ type: 'connection-refused', from, why });
  }

  #countFailure(from: string, target: string, problem: Failure): void {
    this.#past.failed += 1;
    this.#options.notify({ type: 'connection-failed', from, target, failure: problem });
  }
}

const stopped = (): FailureError => new FailureError({ code: 'connection-lost', message: 'the tunnel is closing' });

const forbidden = (asked: TcpAddress) =>
  ({
    code: 'target-forbidden',
    message: `${formatAddress(asked)} is not in allow_targets`,
    hint: 'add it to `allow_targets`, or ask for another target',
  }) as const;

/** Anything but a FailureError is a bug of a dial; the client's connection is where it ends. */
const asFailure = (error: unknown): Failure =>
  isFailureError(error)
    ? error.failure
    : failure({ code: 'target-unreachable', message: error instanceof Error ? error.message : String(error) });
