/** The channels of forwarded connections over one SSH connection: opened from here or by the server, and found by their numbers. */
import { Duplex, type Writable } from 'node:stream';
import type { Client } from 'ssh2';
import type { Address } from '../core/address.ts';
import { BusyPoll } from './busy-poll.ts';
import type { ClosingChannels } from './closing-channels.ts';
import type { Origin } from './connection.ts';
import { sendPing, takeChannels, type ChannelEvents, type ChannelWire, type OpeningChannel } from './flow.ts';
import { ForwardStream } from './forward-stream.ts';
import type { LinkEstimate } from './link-estimate.ts';
import { Outbox } from './outbox.ts';
import { lenderOf, type Lender } from './read-buffer.ts';
import { ReceiveWindow } from './receive-window.ts';
import { SendWindow } from './send-window.ts';
import { WindowBudget } from './window-budget.ts';

/** How a request to open a channel ended: with a stream, or with the server's reason (RFC 4254 §5.1). */
export interface ChannelAnswer {
  opened(stream: ForwardStream): void;
  refused(reason: number, description: string): void;
}

/** A channel that the server wants to open: one of these is called, once. */
export interface Incoming {
  readonly channel: OpeningChannel;
  /** After the connection is lost: a destroyed stream. */
  accept(): Duplex;
  refuse(): void;
}

/** RFC 4254 §5.1: SSH_OPEN_CONNECT_FAILED, SSH_OPEN_RESOURCE_SHORTAGE. */
const CONNECT_FAILED = 2;
const RESOURCE_SHORTAGE = 4;
/** What every server takes in a packet (RFC 4253 §6.1): behind a larger one the other channels would wait. */
const MOST_PACKET_BYTES = 32 * 1024;

interface Peer {
  readonly id: number;
  readonly window: number;
  readonly packetSize: number;
}

interface Surroundings {
  readonly transport: Writable;
  readonly link: LinkEstimate;
  readonly closing: ClosingChannels;
}

interface Asked {
  readonly answer: ChannelAnswer;
  readonly toReceive: ReceiveWindow;
  readonly at: number;
}

/** What has a number: one after the other, then neither, since the Map's old tables keep it (core/bag.ts). */
interface Numbered {
  asked: Asked | null;
  stream: ForwardStream | null;
}

/** All connections are of one event loop. */
const poll = new BusyPoll();
const budget = new WindowBudget();

export class ForwardChannels implements ChannelEvents {
  /** Whether a listener of ours has this channel; it is then accepted or refused. */
  onOpening: (incoming: Incoming) => boolean = () => false;
  /** Confirmations, and window adjustments that nothing was waiting for: the server often has more to say right after them. */
  forerunners = 0;
  private wire!: ChannelWire;
  private outbox!: Outbox;
  private readonly client: Client;
  private readonly link: LinkEstimate;
  private readonly closing: ClosingChannels;
  private readonly lender: Lender | null;
  private lost = false;
  private readonly numbered = new Map<number, Numbered>();

  private constructor(client: Client, { transport, link, closing }: Surroundings) {
    this.client = client;
    this.link = link;
    this.closing = closing;
    this.lender = lenderOf(transport);
    this.lender?.readInTurns(() => link.hasInteractive(performance.now()));
  }

  /** Null where ssh2's internals are not as expected. */
  static over(client: Client, surroundings: Surroundings): ForwardChannels | null {
    const { transport, link } = surroundings;
    const channels = new ForwardChannels(client, surroundings);
    const wire = takeChannels(client, channels);
    if (!wire) return null;
    channels.wire = wire;
    channels.outbox = new Outbox(transport, link, {
      held: () => wire.exchangingKeys(),
      sent: (bytes) => {
        if (link.isShort) poll.went(bytes);
      },
    });
    // At the end of every key exchange.
    client.on('handshake', () => channels.outbox.resume());
    return channels;
  }

  /** Bytes of data sent so far, on all channels. */
  get sentBytes(): number {
    return this.outbox.sentBytes;
  }

  /** Messages sent so far, on all channels. */
  get sentMessages(): number {
    return this.wire.sent;
  }

  /** Sends something that changes nothing, where a channel is open; during a key exchange it would only wait. */
  answer(): void {
    if (this.wire.exchangingKeys()) return;
    for (const { stream } of this.numbered.values()) if (stream?.answer() === true) return;
  }

  /** False where the connection has no number left for it. */
  open(target: Address, origin: Origin, answer: ChannelAnswer): boolean {
    const { wire } = this;
    const id = wire.reserve();
    if (id === -1) return false;
    const toReceive = this.newReceiveWindow();
    this.numbered.set(id, { asked: { answer, toReceive, at: performance.now() }, stream: null });
    if (target.kind === 'unix') wire.openUnix(id, toReceive.open, target.path);
    else {
      const dstIP = target.host === '*' ? 'localhost' : target.host;
      wire.openTcp(id, toReceive.open, { srcIP: origin.address, srcPort: origin.port, dstIP, dstPort: target.port });
    }
    return true;
  }

  /** The connection is gone. Requests without an answer are for the caller to end. */
  lose(error: Error): void {
    this.lost = true;
    for (const [id, entry] of [...this.numbered]) {
      this.take(id)?.toReceive.release();
      entry.stream?.lose(error);
    }
  }

  opening(channel: OpeningChannel): boolean {
    const { wire } = this;
    return this.onOpening({
      channel,
      accept: () => {
        if (this.lost) return new Duplex().destroy();
        const id = wire.reserve();
        if (id === -1) {
          wire.refuse(channel.sender, RESOURCE_SHORTAGE);
          return new Duplex().destroy();
        }
        const toReceive = this.newReceiveWindow();
        const stream = this.newStream(id, { id: channel.sender, window: channel.window, packetSize: channel.packetSize }, toReceive);
        wire.confirm(channel.sender, id, toReceive.open);
        return stream;
      },
      refuse: () => wire.refuse(channel.sender, CONNECT_FAILED),
    });
  }

  opened(id: number, peer: Peer): boolean {
    const asked = this.take(id);
    if (!asked) return false;
    this.forerunners += 1;
    // The round trip and the server's own dial: it can show that the link is shorter than was thought.
    this.link.atMost(performance.now() - asked.at);
    asked.answer.opened(this.newStream(id, peer, asked.toReceive));
    return true;
  }

  refused(id: number, reason: number, description: string): boolean {
    const asked = this.take(id);
    if (!asked) return false;
    asked.toReceive.release();
    this.wire.release(id);
    asked.answer.refused(reason, description);
    return true;
  }

  data(id: number, data: Buffer): boolean {
    const stream = this.numbered.get(id)?.stream;
    if (this.link.isShort) poll.came(data.length);
    else this.look();
    stream?.onData(data);
    return Boolean(stream);
  }

  extendedData(id: number, bytes: number): boolean {
    const stream = this.numbered.get(id)?.stream;
    stream?.onExtendedData(bytes);
    return Boolean(stream);
  }

  adjusted(id: number, bytes: number): boolean {
    const stream = this.numbered.get(id)?.stream;
    const { sent } = this.wire;
    stream?.onAdjust(bytes);
    if (this.wire.sent === sent) this.forerunners += 1;
    return Boolean(stream);
  }

  requested(id: number, wantsAnswer: boolean): boolean {
    const stream = this.numbered.get(id)?.stream;
    if (wantsAnswer) stream?.onRequest();
    return Boolean(stream);
  }

  ended(id: number): boolean {
    const stream = this.numbered.get(id)?.stream;
    stream?.onEof();
    return Boolean(stream);
  }

  closed(id: number): boolean {
    // A server that closes what it never opened has refused it.
    if (this.refused(id, CONNECT_FAILED, 'the server closed the channel')) return true;
    const stream = this.numbered.get(id)?.stream;
    stream?.onClose();
    return Boolean(stream);
  }

  /** Asks for the round trip in the middle of traffic, now and then. */
  private look(): void {
    const from = performance.now();
    // During a key exchange it would wait for the new keys.
    if (this.wire.exchangingKeys() || !this.link.takeLook(from)) return;
    sendPing(this.client, (answered) => {
      if (answered) this.link.atMost(performance.now() - from);
    });
  }

  private take(id: number): Asked | null {
    const entry = this.numbered.get(id);
    const asked = entry?.asked;
    if (!entry || !asked) return null;
    entry.asked = null;
    this.numbered.delete(id);
    return asked;
  }

  private newReceiveWindow(): ReceiveWindow {
    return new ReceiveWindow(this.link, budget, performance.now());
  }

  private newStream(id: number, peer: Peer, toReceive: ReceiveWindow): ForwardStream {
    const { wire, outbox, numbered, closing, lender } = this;
    const stream = new ForwardStream({
      wire,
      outbox,
      peer: peer.id,
      packetBytes: Math.min(peer.packetSize, MOST_PACKET_BYTES),
      toSend: new SendWindow(this.link, peer.window, performance.now()),
      toReceive,
      closing,
      lender,
      onFree: () => {
        entry.stream = null;
        numbered.delete(id);
        wire.release(id);
      },
    });
    const entry: Numbered = { asked: null, stream };
    numbered.set(id, entry);
    return stream;
  }
}
