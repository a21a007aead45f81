/**
 * The one place that touches what ssh2 does not publish. The version is pinned in package.json; each function says what
 * happens where the internals are not as expected.
 */
import { createSecretKey } from 'node:crypto';
import type { Channel, Client } from 'ssh2';
import { pad } from './padding.ts';

interface Internals {
  readonly _callbacks?: ((error: unknown) => void)[];
  readonly _protocol?: {
    ping?(): void;
    _handlers?: Record<string, unknown>;
    _decipher?: {
      _onPayload?: unknown;
      _packet?: unknown;
      readonly _len?: unknown;
      readonly _lenBytes?: unknown;
      readonly _pktLen?: unknown;
      readonly _tagPos?: unknown;
    };
    readonly _kexinit?: unknown;
    _cipher?: { allocPacket?: unknown };
  };
}

const inside = (client: Client): Internals => client as unknown as Internals;

/**
 * Sends keepalive@openssh.com (PROTOCOL §1) and calls back at the answer, which is a refusal from most servers and as good as a
 * yes. False, and no call, where the connection or the internals are not there.
 */
export function sendPing(client: Client, onAnswer: (answered: boolean) => void): boolean {
  const { _callbacks: callbacks, _protocol: protocol } = inside(client);
  if (!Array.isArray(callbacks) || typeof protocol?.ping !== 'function') return false;
  try {
    protocol.ping();
  } catch {
    // The connection is gone (see takeChannels).
    return false;
  }
  // At the end of a connection every callback is given an Error; an answer is a boolean.
  callbacks.push((error) => onAnswer(!(error instanceof Error)));
  return true;
}

/**
 * Tells of every USERAUTH_FAILURE (RFC 4252 §5.1) before ssh2 acts on it: for keys of an agent ssh2 keeps the server's list and
 * its "partial success" to itself. Without the internals nothing is told, and the lists given to authHandler must do.
 */
export function onAuthFailure(client: Client, listener: (methods: readonly string[], partial: boolean) => void): void {
  const handlers = inside(client)._protocol?._handlers;
  const original = handlers?.['USERAUTH_FAILURE'];
  if (!handlers || typeof original !== 'function') return;
  handlers['USERAUTH_FAILURE'] = (protocol: unknown, methods: unknown, partial: unknown): void => {
    if (Array.isArray(methods)) listener(methods.map(String), partial === true);
    Reflect.apply(original, undefined, [protocol, methods, partial]);
  };
}

/** Deciphers whose output is copied where somebody may keep it. */
const copying = new WeakSet<object>();
/** Clients whose channel data goes to takeChannels, which sees to that itself. */
const taken = new WeakSet<Client>();
/** What ssh2 takes for the length of a packet. */
export const MOST_PACKET_BYTES = 35_000;
/** SSH_MSG_CHANNEL_DATA (RFC 4254 §9). */
const CHANNEL_DATA = 94;

/**
 * Whether what is read from the socket may be overwritten once ssh2 was given it: so it is with AES-GCM by node's own crypto, which
 * decrypts into memory of its own. The native addon decrypts in place: from now on what it gives is copied, save the data of channels that
 * are taken, so that the answer is yes the next time. False where unknown.
 */
export function keepsNoInput(client: Client): boolean {
  const decipher = inside(client)._protocol?._decipher;
  if (decipher?.constructor.name === 'AESGCMDecipherNative') return true;
  if (decipher?.constructor.name !== 'AESGCMDecipherBinding') return false;
  if (copying.has(decipher)) {
    // A packet that came whole, without its tag, would be decrypted where it lies once that has come. One that came in part was copied.
    const isWhole = decipher._pktLen === undefined || decipher._pktLen === decipher._len;
    if (isWhole && decipher._packet instanceof Uint8Array) decipher._packet = Buffer.from(decipher._packet);
    return true;
  }
  const give = decipher._onPayload;
  if (typeof give !== 'function') return false;
  copying.add(decipher);
  decipher._onPayload = (payload: Uint8Array): unknown =>
    Reflect.apply(give, undefined, [payload[0] === CHANNEL_DATA && taken.has(client) ? payload : Buffer.from(payload)]);
  return false;
}

/** Of a packet that is not encrypted: its length, before it (RFC 5647 §7.2); and the tag behind it. */
const LENGTH_BYTES = 4;
const GCM_TAG_BYTES = 16;
/** No packet is shorter than a block. */
const LEAST_PACKET_BYTES = 16;

/**
 * How many bytes of `data`, which is read next, make whole packets, so that the rest may be given together with what comes after it: of a
 * packet that comes in two pieces the addon makes a copy. All of them where that cannot be told: the cipher is another, the packets are
 * not as they should be, or the keys are being exchanged, after which it could be another.
 */
export function wholePackets(client: Client, data: Buffer): number {
  const { _decipher: decipher, _kexinit: kexinit } = inside(client)._protocol ?? {};
  const all = data.length;
  if (decipher?.constructor.name !== 'AESGCMDecipherBinding' || kexinit !== undefined) return all;
  const { _lenBytes: begun, _len: length, _pktLen: had, _tagPos: tagged } = decipher;
  if (typeof begun !== 'number' || typeof length !== 'number' || typeof had !== 'number' || typeof tagged !== 'number') return all;
  let at = 0;
  if (begun > 0) {
    if (begun < LENGTH_BYTES) return all;
    at = length - had + GCM_TAG_BYTES - tagged;
  }
  while (at + LENGTH_BYTES <= all) {
    const next = data.readUInt32BE(at);
    if (next < LEAST_PACKET_BYTES || next > MOST_PACKET_BYTES) return all;
    const end = at + LENGTH_BYTES + next + GCM_TAG_BYTES;
    if (end > all) break;
    at = end;
  }
  return Math.min(at, all);
}

/**
 * Makes ssh2's AES-GCM cheaper until the next key exchange. It asks the system for the random padding of each packet, which is had from a pool
 * instead, and gives node's crypto its keys as bytes, of which that makes a key for each packet. Nothing happens where the ciphers are
 * others, or unknown.
 */
export function tuneCiphers(client: Client, packets: Packets): void {
  const { _cipher: cipher, _decipher: decipher } = inside(client)._protocol ?? {};
  const tagBytes = cipher && TAG_BYTES[cipher.constructor.name];
  if (tagBytes !== undefined && typeof cipher?.allocPacket === 'function') cipher.allocPacket = gcmPacket(packets, tagBytes);
  if (cipher?.constructor.name === 'AESGCMCipherNative') keyOnce(cipher, '_encKey');
  if (decipher?.constructor.name === 'AESGCMDecipherNative') keyOnce(decipher, '_decipherKey');
}

/** Where the memory of a packet comes from, which is written in the same turn. */
export interface Packets {
  take(bytes: number): Buffer;
}

function keyOnce(holder: object, name: string): void {
  const key: unknown = Reflect.get(holder, name);
  if (Buffer.isBuffer(key)) Reflect.set(holder, name, createSecretKey(key));
}

/** A packet of RFC 5647 §7.2 to be encrypted: its length, which stays plain, then whole blocks of 16 bytes, at least 4 of them padding. */
const gcmPacket =
  (packets: Packets, tagBytes: number) =>
  (payloadBytes: number): Buffer => {
    let padding = 16 - ((1 + payloadBytes) % 16);
    if (padding < 4) padding += 16;
    const packet = packets.take(4 + 1 + payloadBytes + padding + tagBytes);
    packet.writeUInt32BE(1 + payloadBytes + padding, 0);
    packet[4] = padding;
    pad(packet, 5 + payloadBytes, padding);
    return packet;
  };

/** The addon encrypts in place, and wants room for the tag. */
const TAG_BYTES: Readonly<Record<string, number>> = { AESGCMCipherNative: 0, AESGCMCipherBinding: 16 };

/** Whether the peer said that it has no more to send, or closed, though what it sent may not all be read yet. False where unknown. */
export function peerFinished(channel: Channel): boolean {
  const { incoming } = channel as unknown as { readonly incoming?: { readonly state?: unknown } };
  return incoming?.state === 'eof' || incoming?.state === 'closed';
}

/**
 * On channels of ssh2's own (sessions, and all where takeChannels gives null) a server could send more than its window allows, without
 * a bound, and one that takes no byte in a packet would hang the process. From now on either is an error of the connection. Without the
 * internals it is as ssh2 has it.
 */
export function holdToWindows(client: Client): void {
  const { _chanMgr: numbers, _protocol: protocol } = client as unknown as {
    readonly _chanMgr?: { get?(id: number): { readonly incoming?: { readonly window?: unknown } } | undefined };
    readonly _protocol?: { readonly _handlers?: Record<string, unknown> };
  };
  const handlers = protocol?._handlers;
  if (!handlers || typeof numbers?.get !== 'function') return;
  const hold = (name: string, broken: (what: unknown, data: Buffer) => boolean, words: string): void => {
    const original = handlers[name];
    if (typeof original !== 'function') return;
    handlers[name] = (...args: readonly unknown[]): void => {
      if (broken(args[1], args[2] as Buffer)) client.emit('error', new Error(words));
      else Reflect.apply(original, undefined, args);
    };
  };
  const tooMuch = (id: unknown, { length }: Buffer): boolean => {
    const window = numbers.get?.(id as number)?.incoming?.window;
    return typeof window === 'number' && length > window;
  };
  for (const name of ['CHANNEL_DATA', 'CHANNEL_EXTENDED_DATA']) hold(name, tooMuch, 'the server sent more than it was allowed to');
  const takesNone = (channel: unknown): boolean => (channel as { packetSize?: unknown }).packetSize === 0;
  for (const name of ['CHANNEL_OPEN', 'CHANNEL_OPEN_CONFIRMATION']) hold(name, takesNone, 'the server takes no data');
}

/** What a server asks a new channel for, as ssh2 has read it: forwarded-tcpip (RFC 4254 §7.2) or forwarded-streamlocal@openssh.com (PROTOCOL §2.4). */
export interface OpeningChannel {
  readonly type: string;
  /** The server's number of it. */
  readonly sender: number;
  readonly window: number;
  readonly packetSize: number;
  readonly data: {
    readonly destIP?: string;
    readonly destPort?: number;
    readonly srcIP?: string;
    readonly srcPort?: number;
    readonly socketPath?: string;
  };
}

/** What the server says of channels. Each answers whether the channel is one of ours; ssh2 has the others. */
export interface ChannelEvents {
  opening(channel: OpeningChannel): boolean;
  opened(id: number, peer: { readonly id: number; readonly window: number; readonly packetSize: number }): boolean;
  refused(id: number, reason: number, description: string): boolean;
  data(id: number, data: Buffer): boolean;
  extendedData(id: number, bytes: number): boolean;
  adjusted(id: number, bytes: number): boolean;
  /** A request of the server on the channel, to which it wants an answer or not. */
  requested(id: number, wantsAnswer: boolean): boolean;
  ended(id: number): boolean;
  closed(id: number): boolean;
}

/** The messages of RFC 4254 §5 to the server. None throws; on a connection that is gone they are lost. */
export interface ChannelWire {
  /** How many messages went this way. */
  readonly sent: number;
  /** While keys are exchanged ssh2 queues what it is given, without a bound. */
  exchangingKeys(): boolean;
  /** Reserves a number; -1 where there is none left. */
  reserve(): number;
  release(id: number): void;
  openTcp(id: number, window: number, to: { srcIP: string; srcPort: number; dstIP: string; dstPort: number }): void;
  openUnix(id: number, window: number, socketPath: string): void;
  confirm(peer: number, id: number, window: number): void;
  refuse(peer: number, reason: number): void;
  data(peer: number, data: Buffer): void;
  eof(peer: number): void;
  close(peer: number): void;
  adjust(peer: number, bytes: number): void;
  /** The answer no to a request. */
  deny(peer: number): void;
}

/** Not taken apart as a list, which costs more: there are four a connection. */
type Args = readonly unknown[];

/** The largest packet of data we take: what every implementation must be able to send (RFC 4253 §6.1). */
const PACKET_BYTES = 32 * 1024;

interface ChannelInternals {
  readonly _chanMgr: { add(): number; remove(id: number): void };
  readonly _protocol: {
    /** Our KEXINIT, until the new keys are in use. */
    readonly _kexinit: Buffer | undefined;
    readonly _handlers: Record<string, ((...args: never[]) => void) | undefined>;
    directTcpip(id: number, window: number, packet: number, to: object): void;
    openssh_directStreamLocal(id: number, window: number, packet: number, to: object): void;
    channelOpenConfirm(peer: number, id: number, window: number, packet: number): void;
    channelOpenFail(peer: number, reason: number, description: string): void;
    channelData(peer: number, data: Buffer): void;
    channelEOF(peer: number): void;
    channelClose(peer: number): void;
    channelWindowAdjust(peer: number, bytes: number): void;
    channelFailure(peer: number): void;
  };
}

const METHODS = [
  'directTcpip',
  'openssh_directStreamLocal',
  'channelOpenConfirm',
  'channelOpenFail',
  'channelData',
  'channelEOF',
  'channelClose',
  'channelWindowAdjust',
  'channelFailure',
] as const;
const HANDLERS = [
  'CHANNEL_OPEN',
  'CHANNEL_OPEN_CONFIRMATION',
  'CHANNEL_OPEN_FAILURE',
  'CHANNEL_DATA',
  'CHANNEL_EXTENDED_DATA',
  'CHANNEL_WINDOW_ADJUST',
  'CHANNEL_REQUEST',
  'CHANNEL_EOF',
  'CHANNEL_CLOSE',
] as const;

function channelInternals(client: Client): ChannelInternals | null {
  const found = client as unknown as Partial<ChannelInternals>;
  const { _chanMgr: numbers, _protocol: protocol } = found;
  const handlers: Readonly<Record<string, unknown>> | undefined = protocol?._handlers;
  const whole =
    typeof numbers?.add === 'function' &&
    typeof numbers.remove === 'function' &&
    METHODS.every((name) => typeof protocol?.[name] === 'function') &&
    HANDLERS.every((name) => typeof handlers?.[name] === 'function');
  return whole ? (found as ChannelInternals) : null;
}

/**
 * Takes the channels of forwarded connections over from ssh2, whose streams have fixed windows, two stream layers a connection and no
 * backpressure; sessions and the rest stay with it. Null where the internals are not as expected: then ssh2's own channels must do.
 */
export function takeChannels(client: Client, events: ChannelEvents): ChannelWire | null {
  const internals = channelInternals(client);
  if (!internals) return null;
  const { _chanMgr: numbers, _protocol: protocol } = internals;
  taken.add(client);
  /** `ours` answers whether it has taken the message. The first argument of each is the protocol. */
  const handle = (name: (typeof HANDLERS)[number], ours: (args: Args) => boolean, theirs = (args: Args): Args => args): void => {
    const original = protocol._handlers[name];
    protocol._handlers[name] = (...args: Args): void => {
      if (!ours(args) && original) Reflect.apply(original, undefined, theirs(args));
    };
  };
  // ssh2's own channels keep what they are given.
  const kept = ([protocolOf, id, data]: Args): Args => [protocolOf, id, Buffer.from(data as Buffer)];
  handle('CHANNEL_OPEN', (args) => events.opening(args[1] as OpeningChannel));
  handle('CHANNEL_OPEN_CONFIRMATION', (args) => {
    const { recipient, sender, window, packetSize } = args[1] as Record<'recipient' | 'sender' | 'window' | 'packetSize', number>;
    return events.opened(recipient, { id: sender, window, packetSize });
  });
  handle('CHANNEL_OPEN_FAILURE', (args) => events.refused(args[1] as number, args[2] as number, String(args[3])));
  handle('CHANNEL_DATA', (args) => events.data(args[1] as number, args[2] as Buffer), kept);
  handle('CHANNEL_EXTENDED_DATA', (args) => events.extendedData(args[1] as number, (args[2] as Buffer).length));
  handle('CHANNEL_WINDOW_ADJUST', (args) => events.adjusted(args[1] as number, args[2] as number));
  handle('CHANNEL_REQUEST', (args) => events.requested(args[1] as number, args[3] === true));
  handle('CHANNEL_EOF', (args) => events.ended(args[1] as number));
  handle('CHANNEL_CLOSE', (args) => events.closed(args[1] as number));
  let gone = false;
  let sent = 0;
  const atEnd = (): void => void (gone = true);
  client.once('end', atEnd).once('close', atEnd);
  /** With compression ssh2 throws on a connection that is gone. One that is not must end: a packet would be missing. */
  const said =
    <A extends unknown[]>(say: (...args: A) => void) =>
    (...args: A): void => {
      sent += 1;
      try {
        say(...args);
      } catch (error) {
        if (!gone) client.emit('error', error);
      }
    };
  return {
    get sent() {
      return sent;
    },
    exchangingKeys: () => protocol._kexinit !== undefined,
    reserve: () => numbers.add(),
    release: (id) => numbers.remove(id),
    openTcp: said((id, window, to) => protocol.directTcpip(id, window, PACKET_BYTES, to)),
    openUnix: said((id, window, socketPath) => protocol.openssh_directStreamLocal(id, window, PACKET_BYTES, { socketPath })),
    confirm: said((peer, id, window) => protocol.channelOpenConfirm(peer, id, window, PACKET_BYTES)),
    refuse: said((peer, reason) => protocol.channelOpenFail(peer, reason, '')),
    data: said((peer, data) => protocol.channelData(peer, data)),
    eof: said((peer) => protocol.channelEOF(peer)),
    close: said((peer) => protocol.channelClose(peer)),
    adjust: said((peer, bytes) => protocol.channelWindowAdjust(peer, bytes)),
    deny: said((peer) => protocol.channelFailure(peer)),
  };
}
