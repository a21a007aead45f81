/** Reads the opening bytes of a client's stream, and leaves everything after them in it. */
import type { Duplex } from 'node:stream';
import type { Parsed } from './socks-parse.ts';

/** More than any handshake the parsers accept. */
const LONGEST = 4 * 1024;

/** A client that cannot be understood: the message says why. `reply` is the protocol's own code, where there is one. */
export class HandshakeError extends Error {
  readonly reply: number | undefined;
  constructor(why: string, reply?: number) {
    super(why);
    this.reply = reply;
  }
}

/**
 * Resolves with what `parse` made of the bytes, the stream paused and the bytes behind it still to be read. Rejects with a
 * HandshakeError when the client sends something else, too much, ends, or `signal` fires.
 */
export function readHandshake<T>(stream: Duplex, parse: (bytes: Buffer) => Parsed<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    let bytes: Buffer = Buffer.alloc(0);
    const settle = (): void => {
      stream.pause();
      stream.off('data', onData);
      stream.off('end', onEnd);
      stream.off('close', onEnd);
      stream.off('error', onEnd);
      signal.removeEventListener('abort', onAbort);
    };
    const fail = (error: HandshakeError): void => {
      settle();
      reject(error);
    };
    const onEnd = (): void => fail(new HandshakeError('the client left before it said what it wants'));
    const onAbort = (): void => fail(new HandshakeError('the client did not say in time what it wants'));
    const onData = (chunk: Buffer): void => {
      bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
      const parsed = parse(bytes);
      if (parsed.kind === 'bad') return fail(new HandshakeError(parsed.why, parsed.reply));
      if (parsed.kind === 'more') {
        if (bytes.length > LONGEST) fail(new HandshakeError('the client sent too much before it said what it wants'));
        return;
      }
      settle();
      // In this very turn: after the stream's end nothing can be put back.
      if (parsed.consumed < bytes.length) stream.unshift(bytes.subarray(parsed.consumed));
      resolve(parsed.value);
    };
    if (signal.aborted) return onAbort();
    if (stream.destroyed || stream.readableEnded) return onEnd();
    stream.on('data', onData);
    stream.on('end', onEnd);
    stream.on('close', onEnd);
    stream.on('error', onEnd);
    signal.addEventListener('abort', onAbort, { once: true });
    stream.resume();
  });
}
