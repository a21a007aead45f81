/**
 * Who writes to the connection next: ssh2 ignores what its socket's write() answers, so the sources of all channels are held back
 * here once enough is queued. Channels take turns packet by packet, those that have sent little before those that have sent much
 * (as fq_codel does with flows, RFC 8290 §4.2), so that a keystroke does not wait behind a download.
 */
import type { Writable } from 'node:stream';
import type { LinkEstimate } from './link-estimate.ts';

export interface Sender {
  /** What of the present round it has used: kept for the outbox, a new Turn at first. */
  readonly turn: Turn;
  /** Sends one packet and tells its size; 0 where nothing may be sent (nothing left, or no window). */
  sendOne(): number;
}

export interface OutboxHooks {
  /** While it says so nothing is sent: what the transport's queue does not show would be queued elsewhere. Then call `resume`. */
  held(): boolean;
  /** So many bytes were sent on end. */
  sent(bytes: number): void;
}

export class Turn {
  queued = false;
  round = 0;
  bytes = 0;
}

/** Little enough that who waits for answers does not wait for it. Bytes. */
const HIGH_WATER_BYTES = 64 * 1024;
/** Enough to keep a fast link busy, where nobody does. Bytes. */
const FAST_BYTES = 512 * 1024;
/** A link is fast that has taken all within so long; milliseconds. */
const FAST_MS = 2;
/** A channel that has sent less than this in the present round goes before the others. Bytes. */
const QUANTUM_BYTES = 16 * 1024;

export class Outbox {
  /** All that was sent. */
  sentBytes = 0;
  private readonly transport: Writable;
  private readonly link: Pick<LinkEstimate, 'hasInteractive'>;
  private readonly hooks: OutboxHooks;
  /** Those that have sent little in this round; they go before the rest. */
  private readonly first: Sender[] = [];
  private readonly rest: Sender[] = [];
  private round = 1;
  /** How many of the rest have not had their turn in this round. */
  private leftInRound = 0;
  private pumping = false;
  /** Since when it is full; null where it is not. */
  private fullSince: number | null = null;
  private isFast = false;

  constructor(transport: Writable, link: Pick<LinkEstimate, 'hasInteractive'>, hooks: OutboxHooks) {
    this.transport = transport;
    this.link = link;
    this.hooks = hooks;
    transport.on('drain', () => {
      this.isFast = this.fullSince !== null && performance.now() - this.fullSince < FAST_MS;
      this.fullSince = null;
      this.pump();
    });
  }

  resume(): void {
    this.pump();
  }

  /** `sender` has something to send; it is asked for it now, or in its turn. */
  submit(sender: Sender): void {
    const { turn } = sender;
    if (turn.queued) return;
    turn.queued = true;
    this.count(turn, 0);
    (turn.bytes < QUANTUM_BYTES ? this.first : this.rest).push(sender);
    this.pump();
  }

  private pump(): void {
    if (this.pumping) return;
    this.pumping = true;
    const before = this.sentBytes;
    while (!this.full()) {
      const sender = this.next();
      if (!sender) break;
      const sent = sender.sendOne();
      sender.turn.queued = false;
      this.sentBytes += sent;
      this.count(sender.turn, sent);
      if (sent > 0) this.submit(sender);
    }
    this.pumping = false;
    if (this.sentBytes > before) this.hooks.sent(this.sentBytes - before);
  }

  private count(turn: Turn, bytes: number): void {
    if (turn.round !== this.round) {
      turn.round = this.round;
      turn.bytes = 0;
    }
    turn.bytes += bytes;
  }

  private next(): Sender | undefined {
    if (this.first.length > 0) return this.first.shift();
    if (this.leftInRound === 0) {
      // Everybody had a turn: a new round begins. Not before, or many that send little each would starve one that sends much.
      this.round += 1;
      this.leftInRound = this.rest.length;
    }
    if (this.leftInRound > 0) this.leftInRound -= 1;
    return this.rest.shift();
  }

  private full(): boolean {
    const { transport } = this;
    if (transport.destroyed) return false;
    if (this.hooks.held()) return true;
    const waits = transport.writableLength;
    if (waits < HIGH_WATER_BYTES || !transport.writableNeedDrain) return false;
    const now = performance.now();
    this.fullSince ??= now;
    return !this.isFast || waits >= FAST_BYTES || this.link.hasInteractive(now);
  }
}
