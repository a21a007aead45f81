/**
 * Reading a connection's socket in large pieces into buffers that are used again. By itself node allocates 64 KiB for each read, which cuts
 * most packets of a fast link in two; here most of what has come is had in one system call, and whole.
 *
 * With a cipher that decrypts in place a packet lies in the buffer that it was read into. Whoever will soon have done with it may borrow it
 * there, and is asked before the buffer is used again; everybody else copies.
 */
import { connect, type NetConnectOpts, type Socket } from 'node:net';

const BYTES = 256 * 1024;
/** Where a piece may be kept: up to so much is copied, for the buffer that would go with it costs more. Bytes. */
const COPIED_BYTES = 32 * 1024;
/** As many buffers of a connection may be lent; while all of them are, what is read is copied. */
const MOST_BUFFERS = 4;

/** To whom what was just read may be lent. */
export interface Lender {
  /** Whether `data` lies in the buffer that it was read into, which will be used again. */
  owns(data: Buffer): boolean;
  /** Which read it came with. */
  readonly reads: number;
  /** That buffer is left alone as long as `isHeld` says so. False where it cannot be lent: then copy. */
  lend(isHeld: () => boolean): boolean;
}

interface ReadBuffer {
  readonly memory: Buffer;
  holders: (() => boolean)[];
}

const newBuffer = (): ReadBuffer => ({ memory: Buffer.allocUnsafeSlow(BYTES), holders: [] });
const isLent = ({ holders }: ReadBuffer): boolean => holders.length > 0;

class Reader implements Lender {
  mayReuse = (): boolean => false;
  reads = 0;
  private current = newBuffer();
  private readonly lendable: ReadBuffer[] = [this.current];
  /** What is read while all of those are lent; it never is. */
  private spare: ReadBuffer | null = null;

  owns(data: Buffer): boolean {
    return data.buffer === this.current.memory.buffer;
  }

  lend(isHeld: () => boolean): boolean {
    if (this.current === this.spare) return false;
    this.current.holders.push(isHeld);
    return true;
  }

  give(bytes: number, emit: (piece: Buffer) => void): void {
    this.reads += 1;
    // Now, for by the time of next() all of them hold something of this piece.
    for (const each of this.lendable) if (isLent(each) && !each.holders.some((isHeld) => isHeld())) each.holders = [];
    const piece = this.current.memory.subarray(0, bytes);
    const isKept = !this.mayReuse();
    const isCopied = isKept && bytes <= COPIED_BYTES;
    emit(isCopied ? Buffer.from(piece) : piece);
    // New keys may have come in it.
    if (!isCopied && (isKept || !this.mayReuse())) this.giveAway();
  }

  next(): Buffer {
    if (this.current === this.spare || isLent(this.current)) this.current = this.lendable.find((each) => !isLent(each)) ?? this.another();
    return this.current.memory;
  }

  private another(): ReadBuffer {
    if (this.lendable.length >= MOST_BUFFERS) return (this.spare ??= newBuffer());
    const added = newBuffer();
    this.lendable.push(added);
    return added;
  }

  private giveAway(): void {
    const at = this.lendable.indexOf(this.current);
    this.current = newBuffer();
    if (at === -1) this.spare = this.current;
    else this.lendable[at] = this.current;
  }
}

const readers = new WeakMap<object, Reader>();

/** A socket that says 'data' as any other does, but only from the first resume() on. */
export function connectWithReadBuffer(options: NetConnectOpts): Socket {
  const reader = new Reader();
  const socket: Socket = connect({
    ...options,
    onread: {
      buffer: () => reader.next(),
      callback: (bytes) => {
        reader.give(bytes, (piece) => socket.emit('data', piece));
        return true;
      },
    },
  });
  // What comes before there is a listener would be lost.
  socket.pause();
  readers.set(socket, reader);
  return socket;
}

/** `mayReuse`: whether nobody keeps a piece of what was read. Asked before and after each piece; until this is called it is taken for a no. */
export function reuseReadBuffer(socket: Socket, mayReuse: () => boolean): void {
  const reader = readers.get(socket);
  if (reader) reader.mayReuse = mayReuse;
}

/** Null where `transport` is not such a socket: what it gives is nobody else's. */
export const lenderOf = (transport: object): Lender | null => readers.get(transport) ?? null;
