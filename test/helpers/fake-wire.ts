/** A channel without a connection: what is said on the wire is kept, and the queue of the connection is emptied when the test says so. */
import { Writable } from 'node:stream';
import { ClosingChannels } from '../../src/ssh/closing-channels.ts';
import type { ChannelWire } from '../../src/ssh/flow.ts';
import { ForwardStream } from '../../src/ssh/forward-stream.ts';
import { LinkEstimate } from '../../src/ssh/link-estimate.ts';
import { Outbox } from '../../src/ssh/outbox.ts';
import type { Lender } from '../../src/ssh/read-buffer.ts';
import { ReceiveWindow } from '../../src/ssh/receive-window.ts';
import { SendWindow } from '../../src/ssh/send-window.ts';
import { WindowBudget } from '../../src/ssh/window-budget.ts';

export interface Said {
  readonly what: Exclude<keyof ChannelWire, 'exchangingKeys' | 'sent'>;
  /** The server's number of the channel; of what opens one, ours. */
  readonly id: number;
  readonly data: Buffer;
  /** Of an adjustment, how much; of a confirmation our number; of a refusal the reason; of what opens a channel, the window. */
  readonly value: number;
  /** Where to. */
  readonly to: unknown;
}

export interface FakeWire extends ChannelWire {
  readonly said: Said[];
  readonly reserved: Set<number>;
  /** Numbers that are left. */
  numbers: number;
  keys: boolean;
}

/** Numbers are 100, 101 … */
export function fakeWire(link: Writable): FakeWire {
  const said: Said[] = [];
  let next = 100;
  const say = (what: Said['what'], id: number, rest: Partial<Said> = {}): void => {
    said.push({ what, id, data: Buffer.alloc(0), value: 0, to: null, ...rest });
  };
  const wire: FakeWire = {
    said,
    reserved: new Set(),
    numbers: 1_000_000,
    keys: false,
    get sent() {
      return said.length;
    },
    exchangingKeys: () => wire.keys,
    reserve: () => {
      if (wire.reserved.size >= wire.numbers) return -1;
      wire.reserved.add(next);
      return next++;
    },
    release: (id) => {
      if (!wire.reserved.delete(id)) throw new Error(`${id} is not reserved`);
    },
    openTcp: (id, value, to) => say('openTcp', id, { value, to }),
    openUnix: (id, value, to) => say('openUnix', id, { value, to }),
    confirm: (id, value, window) => say('confirm', id, { value, to: window }),
    refuse: (id, value) => say('refuse', id, { value }),
    data: (id, data) => {
      say('data', id, { data: Buffer.from(data) });
      link.write(data);
    },
    eof: (id) => say('eof', id),
    close: (id) => say('close', id),
    adjust: (id, value) => say('adjust', id, { value }),
    deny: (id) => say('deny', id),
  };
  return wire;
}

/** A connection's queue: a packet leaves when it is taken. */
export class FakeLink extends Writable {
  private done: (() => void) | null = null;
  private stopped: boolean;

  constructor({ stopped = false }: { readonly stopped?: boolean } = {}) {
    super({ highWaterMark: 16 * 1024 });
    this.stopped = stopped;
  }

  override _write(_packet: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (this.stopped) this.done = done;
    else done();
  }

  /** What is queued goes nowhere. */
  stop(): void {
    this.stopped = true;
  }

  /** What is queued goes, and what comes. */
  go(): void {
    this.stopped = false;
    const { done } = this;
    this.done = null;
    done?.();
  }
}

/** Of which the test can see how much is taken. */
export class OpenBudget extends WindowBudget {
  taken = 0;

  override take(bytes: number): boolean {
    const may = super.take(bytes);
    if (may) this.taken += bytes;
    return may;
  }

  override give(bytes: number): void {
    this.taken -= bytes;
    super.give(bytes);
  }
}

export interface Scene {
  readonly stream: ForwardStream;
  readonly wire: FakeWire;
  readonly link: FakeLink;
  readonly budget: OpenBudget;
  /** An exchange of keys begins, or has ended. */
  readonly exchangeKeys: (under: boolean) => void;
  /** What the server may send at first. */
  readonly window: number;
  freed: number;
  /** What was said, shortly: data as its text. */
  readonly words: () => string[];
  readonly sent: () => Buffer;
}

export const PEER = 7;

/** A channel that is open. The server allows `window` bytes, in packets of `packetBytes`. */
export function fakeChannel({
  window = 1 << 21,
  packetBytes = 32 * 1024,
  rttMs = 0,
  stopped = false,
  lender = null as Lender | null,
} = {}): Scene {
  const link = new FakeLink({ stopped });
  const wire = fakeWire(link);
  const estimate = new LinkEstimate();
  if (rttMs > 0) estimate.sample(rttMs, 0);
  const budget = new OpenBudget(256 << 20);
  const toReceive = new ReceiveWindow(estimate, budget, performance.now());
  const outbox = new Outbox(link, estimate, { held: () => wire.keys, sent: () => undefined });
  const scene: Scene = {
    wire,
    exchangeKeys: (under) => {
      wire.keys = under;
      if (!under) outbox.resume();
    },
    link,
    budget,
    window: toReceive.open,
    freed: 0,
    words: () => wire.said.map(({ what, data, value }) => (what === 'data' ? data.toString() : value ? `${what} ${value}` : what)),
    sent: () => Buffer.concat(wire.said.map(({ data }) => data)),
    stream: new ForwardStream({
      wire,
      outbox,
      peer: PEER,
      packetBytes,
      toSend: new SendWindow(estimate, window, performance.now()),
      toReceive,
      closing: new ClosingChannels(),
      lender,
      onFree: () => void (scene.freed += 1),
    }),
  };
  return scene;
}
