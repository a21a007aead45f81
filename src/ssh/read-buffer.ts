/**
 * Reading a connection's socket in large pieces into buffers that are used again. By itself node allocates 64 KiB for each read, which cuts
 * most packets of a fast link in two; here most of what has come is had in one system call, and whole.
 *
 * With a cipher that decrypts in place a packet lies in the buffer that it was read into. Whoever will soon have done with it may borrow it
 * there, and is asked before the buffer is used again; everybody else copies. Of a packet that was cut in two the first part waits for the second, and
 * goes before it.
 *
 * Node reads on in the same turn of its loop as long as the buffer is filled, up to 32 times. Here that ends sooner, for clients wait meanwhile, and
 * so do the window adjustments that the server is to go on by.
 */
import { connect, type NetConnectOpts, type Socket } from 'node:net';

const BYTES = 256 * 1024;
/** Before it there is room for the packet of which the end was not read yet: the largest, and some. Bytes. */
const ROOM_BYTES = 36 * 1024;
/** Where a piece may be kept: up to so much is copied, for the buffer that would go with it costs more. Bytes. */
const COPIED_BYTES = 32 * 1024;
/** After as many reads on end that filled the buffer, of which node makes 32, it is the others' turn, and what we have to say goes out. */
const READS_A_TURN = 4;
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
  /** Calls `say` when all that was just read has been given out; at the end of the turn where nothing is being given out. */
  afterRead(say: () => void): void;
  /** While `isWaitedFor` says so, a read that filled the buffer is the last of its turn. */
  readInTurns(isWaitedFor: () => boolean): void;
}

/** How what is read is taken. */
export interface Taking {
  /** Whether nobody keeps a piece of what was read. Asked before and after each piece. */
  keepsNone(): boolean;
  /** How many bytes of what was read make whole packets. */
  whole(data: Buffer): number;
}

const NOTHING: Buffer = Buffer.alloc(0);

interface ReadBuffer {
  readonly memory: Buffer;
  /** Of the memory, what is read into. */
  readonly into: Buffer;
  holders: (() => boolean)[];
}

const newBuffer = (): ReadBuffer => {
  const memory = Buffer.allocUnsafeSlow(ROOM_BYTES + BYTES);
  return { memory, into: memory.subarray(ROOM_BYTES), holders: [] };
};
const isLent = ({ holders }: ReadBuffer): boolean => holders.length > 0;

class Reader implements Lender {
  taking: Taking | null = null;
  reads = 0;
  private current = newBuffer();
  private readonly lendable: ReadBuffer[] = [this.current];
  /** What is read while all of those are lent; it never is. */
  private spare: ReadBuffer | null = null;
  /** The packet of which the end was not read yet; before the next read it goes where that is read to. */
  private begun: Buffer = NOTHING;
  private giving = false;
  private fullReads = 0;
  private isWaitedFor: () => boolean = () => false;
  private readonly afterwards: (() => void)[] = [];

  owns(data: Buffer): boolean {
    return data.buffer === this.current.memory.buffer;
  }

  lend(isHeld: () => boolean): boolean {
    if (this.current === this.spare) return false;
    this.current.holders.push(isHeld);
    return true;
  }

  afterRead(say: () => void): void {
    if (this.giving) this.afterwards.push(say);
    else process.nextTick(say);
  }

  readInTurns(isWaitedFor: () => boolean): void {
    this.isWaitedFor = isWaitedFor;
  }

  /** Whether after a read of so many bytes it is the others' turn. */
  givesWay(bytes: number): boolean {
    this.fullReads = bytes === BYTES ? this.fullReads + 1 : 0;
    const gives = this.fullReads === READS_A_TURN || (this.fullReads > 0 && this.isWaitedFor());
    if (gives) this.fullReads = 0;
    return gives;
  }

  give(bytes: number, emit: (piece: Buffer) => void): void {
    this.giving = true;
    try {
      this.giveOut(bytes, emit);
    } finally {
      this.giving = false;
      for (const say of this.afterwards) say();
      this.afterwards.length = 0;
    }
  }

  private giveOut(bytes: number, emit: (piece: Buffer) => void): void {
    this.reads += 1;
    // Now, for by the time of next() all of them hold something of this piece.
    for (const each of this.lendable) if (isLent(each) && !each.holders.some((isHeld) => isHeld())) each.holders = [];
    const isKept = !this.keepsNone();
    const piece = this.whole(this.current.memory.subarray(ROOM_BYTES - this.begun.length, ROOM_BYTES + bytes), isKept);
    const isCopied = isKept && piece.length <= COPIED_BYTES;
    emit(isCopied ? Buffer.from(piece) : piece);
    // New keys may have come in it.
    if (!isCopied && (isKept || !this.keepsNone())) this.giveAway();
  }

  next(): Buffer {
    if (this.current === this.spare || isLent(this.current)) this.current = this.lendable.find((each) => !isLent(each)) ?? this.another();
    // The two may overlap.
    this.begun.copy(this.current.memory, ROOM_BYTES - this.begun.length);
    return this.current.into;
  }

  private keepsNone(): boolean {
    return this.taking?.keepsNone() ?? false;
  }

  /** Without a packet that was cut, where there is a whole one too: something must be heard of a server that is slow in sending one. */
  private whole(read: Buffer, isKept: boolean): Buffer {
    const bytes = isKept || read.length < ROOM_BYTES ? read.length : (this.taking?.whole(read) ?? read.length);
    const rest = read.length - bytes;
    this.begun = rest > 0 && rest <= ROOM_BYTES ? read.subarray(bytes) : NOTHING;
    return this.begun.length > 0 ? read.subarray(0, bytes) : read;
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
        if (!reader.givesWay(bytes)) return true;
        setImmediate(() => {
          if (!socket.isPaused()) socket.resume();
        });
        return false;
      },
    },
  });
  // What comes before there is a listener would be lost.
  socket.pause();
  readers.set(socket, reader);
  return socket;
}

/** Until this is called everything may be kept. */
export function reuseReadBuffer(socket: Socket, taking: Taking): void {
  const reader = readers.get(socket);
  if (reader) reader.taking = taking;
}

/** Null where `transport` is not such a socket: what it gives is nobody else's. */
export const lenderOf = (transport: object): Lender | null => readers.get(transport) ?? null;
