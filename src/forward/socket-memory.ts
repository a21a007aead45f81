/**
 * Where the bytes of a socket are read to. Node allocates 64 KiB for each read, which are cold in every cache and are freed by a collection;
 * a third of an upload's processor time was that. A socket that moves little is read into memory that all of them share, and what comes is
 * copied; one that moves much has memory of its own, which is used again as soon as nobody holds what was read into it.
 *
 * Node has this for sockets that it connects (`onread`), but not for those that it accepts: they are given it by the names that node
 * has for it inside. Where those are not found, a socket is read as ever.
 */
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** As much as node reads at a time. */
const BYTES = 64 * 1024;
/** Who sends so much at a time is given memory of its own. Bytes. */
const MUCH_BYTES = 16 * 1024;
/** Who sends so little, as many times on end, gives it back. Bytes. */
const LITTLE_BYTES = 4 * 1024;
const LITTLE_TIMES = 8;
/** While one is held the other is read into. */
const PIECES_EACH = 2;
/** What all sockets of the process together may have of their own: so many pieces, 32 MiB. */
const MOST_PIECES = 512;

let shared: Buffer | null = null;
let taken = 0;

interface Names {
  readonly memory: symbol;
  readonly onRead: symbol;
  readonly next: symbol;
}
/** Undefined until looked for; null where node has none. */
let names: Names | null | undefined;

function namesOf(socket: Socket): Names | null {
  const all = Object.getOwnPropertySymbols(socket);
  const named = (description: string): symbol | undefined => all.find((each) => each.description === description);
  const [memory, onRead, next] = [named('kBuffer'), named('kBufferCb'), named('kBufferGen')];
  return memory && onRead && next ? { memory, onRead, next } : null;
}

interface Inside {
  [name: symbol]: unknown;
  readonly _handle?: { useUserBuffer?(memory: Buffer): void } | null;
}

const NONE: readonly Buffer[] = [];

class SocketMemory {
  private readonly socket: Socket;
  private readonly inside: Inside;
  private readonly names: Names;
  private readonly isInUse: () => boolean;
  private readonly shared: Buffer;
  private own = NONE;
  /** Those of them that what was read lies in, until it is not in use any more. */
  private held = NONE;
  private littleTimes = 0;
  private over = false;

  constructor(socket: Socket, { inside, names, common, isInUse }: Place) {
    this.socket = socket;
    this.inside = inside;
    this.names = names;
    this.shared = common;
    this.isInUse = isInUse;
  }

  /** So many bytes were read into `memory`. */
  give(bytes: number, memory: Buffer): void {
    if (this.held !== NONE && !this.isInUse()) this.held = NONE;
    const piece = memory.subarray(0, bytes);
    if (memory === this.shared) this.socket.emit('data', Buffer.from(piece));
    else {
      this.held = [...this.held, memory];
      this.socket.emit('data', piece);
      if (!this.isInUse()) this.held = NONE;
    }
    this.littleTimes = bytes < LITTLE_BYTES ? this.littleTimes + 1 : 0;
    if (this.littleTimes === LITTLE_TIMES) this.release();
    else if (bytes >= MUCH_BYTES) this.take();
  }

  /** What the next read goes to. */
  private next(): Buffer {
    return this.own.find((each) => !this.held.includes(each)) ?? this.shared;
  }

  private take(): void {
    const wanted = this.own.length === 0 || (this.own.length < PIECES_EACH && this.held.length === this.own.length);
    if (this.over || !wanted || taken >= MOST_PIECES) return;
    taken += 1;
    this.own = [...this.own, Buffer.allocUnsafeSlow(BYTES)];
    // Until now there was nothing to choose between.
    if (this.inside[this.names.next] !== null) return;
    this.inside[this.names.next] = (): Buffer => this.next();
    this.socket.once('close', () => {
      this.over = true;
      this.release();
    });
  }

  private release(): void {
    taken -= this.own.length;
    this.own = NONE;
  }
}

interface Place {
  readonly inside: Inside;
  readonly names: Names;
  /** The memory of all. */
  readonly common: Buffer;
  readonly isInUse: () => boolean;
}

/**
 * From now on what `socket` says as 'data' lies in memory that is used again: whoever takes it is done with it, and with all made of it, once
 * `isInUse` says so, and has seen to that before the next piece comes. False where it is read as ever: it is no socket, or node has no such thing.
 */
export function readIntoOwnMemory(stream: Duplex, isInUse: () => boolean): boolean {
  if (!(stream instanceof Socket)) return false;
  const inside = stream as unknown as Inside;
  const handle = inside._handle;
  names = names === undefined ? namesOf(stream) : names;
  if (!names || typeof handle?.useUserBuffer !== 'function' || inside[names.memory] !== null) return false;
  shared ??= Buffer.allocUnsafeSlow(BYTES);
  const memory = new SocketMemory(stream, { inside, names, common: shared, isInUse });
  inside[names.memory] = shared;
  inside[names.onRead] = (bytes: number, into: Buffer): boolean => {
    memory.give(bytes, into);
    return true;
  };
  handle.useUserBuffer(shared);
  return true;
}
