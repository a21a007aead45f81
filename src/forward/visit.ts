/**
 * One client of a tunnel, from when it is taken on to its last byte.
 *
 *   (waiting for a connection) ─▶ dialling ─▶ joined ─▶ over
 *        │                           └─ target refused: a failure of this client only
 *        └─ park timeout, drain: turned away
 */
import { formatAddress, type Address, type TcpAddress } from '../core/address.ts';
import { failure, isFailureError, isLoss, FailureError, type Failure } from '../core/failure.ts';
import { Stop } from '../core/stop.ts';
import type { Client, Dial } from './client.ts';
import { negotiateProxy } from './dynamic.ts';
import type { ForwarderClock, ParkingEnd } from './parking.ts';
import { resetStream } from './reset-stream.ts';
import { splice, type Splice } from './splice.ts';
import type { Duplex } from 'node:stream';

/** What the tunnel is now, for each client anew: it may change while one waits. */
export interface VisitWay {
  /** `direct` dials the egress, `proxy` what the client asks for by SOCKS or HTTP CONNECT. */
  readonly mode: 'direct' | 'proxy';
  readonly clock: ForwarderClock;
  egress(): Address | null;
  mayAsk(target: TcpAddress): boolean;
  /** A dial that is not `tried`, which is known to be dead; null where there is none now. */
  dialNow(tried: Dial | null): Dial | null;
  /** As `dialNow`, when there is one; or why there is none. */
  whenUp(tried: Dial | null): Promise<Dial | ParkingEnd>;
  onJoined(from: string, target: string): void;
}

export type VisitEnd =
  | { readonly how: 'over'; readonly target: string; readonly rxBytes: number; readonly txBytes: number }
  | { readonly how: 'turned-away'; readonly why: ParkingEnd }
  | { readonly how: 'failed'; readonly target: string; readonly failure: Failure };

export class Visit {
  readonly from: string;
  readonly #client: Client;
  readonly #way: VisitWay;
  /** Ends whatever it is waiting for. */
  readonly #stop = new Stop();
  #near: Duplex | null = null;
  #far: Duplex | null = null;
  #joined: Splice | null = null;
  /** What it asks for, as far as it is known. */
  #target: string;
  #turnedAway: ParkingEnd | null = null;

  constructor(client: Client, from: string, way: VisitWay) {
    this.from = from;
    this.#client = client;
    this.#way = way;
    const egress = way.egress();
    this.#target = egress ? formatAddress(egress) : '';
  }

  /** The bytes carried so far; null unless both ends are joined. */
  get traffic(): Pick<Splice, 'rxBytes' | 'txBytes'> | null {
    return this.#joined;
  }

  /** Never rejects. */
  async serve(): Promise<VisitEnd> {
    try {
      if (this.#way.mode === 'direct') {
        const far = await this.#dial(() => this.#egress());
        // Accepted only now: a refused target is then a refused connection for a client behind a channel, too.
        return await this.#join(this.#client.accept(), far);
      }
      const pair = await this.#meetAsProxy();
      return 'how' in pair ? pair : await this.#join(pair.near, pair.far);
    } catch (error) {
      if (this.#near) resetStream(this.#near);
      else this.#client.refuse();
      if (this.#turnedAway) return { how: 'turned-away', why: this.#turnedAway };
      return this.#failed(asFailure(error));
    }
  }

  /** Ends its waiting. */
  stop(): void {
    this.#stop.abort();
  }

  /** Resets what these channels carry at either end. */
  cut(channels: ReadonlySet<Duplex>): void {
    if ((this.#near && channels.has(this.#near)) || (this.#far && channels.has(this.#far))) this.close(true);
  }

  /** `reset`: bytes may be missing. */
  close(reset: boolean): void {
    if (this.#joined && reset) this.#joined.reset();
    else if (this.#joined) this.#joined.close();
    else if (this.#near) resetStream(this.#near);
  }

  #egress(): Address {
    const egress = this.#way.egress();
    if (!egress) throw new FailureError({ code: 'target-unreachable', message: 'there is no egress yet' });
    this.#target = formatAddress(egress);
    return egress;
  }

  async #meetAsProxy(): Promise<Pair | VisitEnd> {
    await this.#whenUp(null);
    const near = this.#client.accept();
    this.#near = near;
    near.on('error', () => {});
    const stop = new AbortController();
    if (this.#stop.aborted) stop.abort();
    else this.#stop.addEventListener('abort', () => stop.abort());
    const outcome = await negotiateProxy(near, {
      clock: this.#way.clock,
      signal: stop.signal,
      connect: (asked: TcpAddress) => {
        this.#target = formatAddress(asked);
        if (!this.#way.mayAsk(asked)) return Promise.reject(new FailureError(forbidden(asked)));
        return this.#dial(() => asked);
      },
    });
    return outcome.ok ? outcome : this.#failed(outcome.failure);
  }

  /** Dials when and as soon as there is a connection; one that is lost while dialling sends the client back to waiting. */
  async #dial(target: () => Address): Promise<Duplex> {
    const stop = this.#stop;
    let tried: Dial | null = null;
    // What happens to the tunnel in the turn of the arrival counts.
    await Promise.resolve();
    for (;;) {
      if (stop.aborted) throw stopped();
      const dial: Dial = this.#way.dialNow(tried) ?? (await this.#whenUp(tried));
      tried = dial;
      try {
        const far = await dial(target(), this.#client.origin, stop);
        if (!stop.aborted) return far;
        resetStream(far);
        throw stopped();
      } catch (error) {
        if (stop.aborted || !isLoss(asFailure(error).code)) throw error;
      }
    }
  }

  async #whenUp(tried: Dial | null): Promise<Dial> {
    const dial = await this.#way.whenUp(tried);
    if (this.#stop.aborted) throw stopped();
    if (typeof dial === 'function') return dial;
    this.#turnedAway = dial;
    throw stopped();
  }

  #join(near: Duplex, far: Duplex): Promise<VisitEnd> {
    this.#near = near;
    this.#far = far;
    const joined = splice(near, far);
    this.#joined = joined;
    this.#way.onJoined(this.from, this.#target);
    // It stays joined until the end has been counted: sums of bytes never go back.
    return joined.done.then(({ rxBytes, txBytes }) => ({ how: 'over', target: this.#target, rxBytes, txBytes }));
  }

  #failed(problem: Failure): VisitEnd {
    return { how: 'failed', target: this.#target, failure: problem };
  }
}

interface Pair {
  readonly near: Duplex;
  readonly far: Duplex;
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
