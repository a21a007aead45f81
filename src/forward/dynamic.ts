/** One port, four protocols: the first byte tells SOCKS4 and 4a, SOCKS5 and HTTP apart. */
import type { Duplex } from 'node:stream';
import type { TcpAddress } from '../core/address.ts';
import { failure } from '../core/failure.ts';
import { HandshakeError, readHandshake } from './handshake-reader.ts';
import { serveHttpConnect } from './http-connect.ts';
import type { Negotiated, Negotiation } from './negotiation.ts';
import { closeStream } from './reset-stream.ts';
import { serveSocks4, serveSocks5 } from './socks.ts';

/** For the client's words only; dialling has its own limits. */
const HANDSHAKE_MS = 10_000;

export interface ProxyOptions {
  readonly connect: (target: TcpAddress) => Promise<Duplex>;
  readonly signal: AbortSignal;
  readonly clock: { setTimeout(callback: () => void, ms: number): unknown; clearTimeout(timer: unknown): void };
}

/** Asks the client what it wants, dials that and answers. Rejects only where the client was not answered: it is then to be reset. */
export async function negotiateProxy(stream: Duplex, { connect, signal, clock }: ProxyOptions): Promise<Negotiated> {
  const late = new AbortController();
  const timer = clock.setTimeout(() => late.abort(), HANDSHAKE_MS);
  const spoke = (): void => clock.clearTimeout(timer);
  const negotiation: Negotiation = {
    signal: AbortSignal.any([signal, late.signal]),
    connect: (target) => {
      spoke();
      return connect(target);
    },
  };
  try {
    const first = await readHandshake(stream, (bytes) => ({ kind: 'done', value: bytes[0] ?? 0, consumed: 0 }), negotiation.signal);
    if (first === 4) return await serveSocks4(stream, negotiation);
    if (first === 5) return await serveSocks5(stream, negotiation);
    if (isLetter(first)) return await serveHttpConnect(stream, negotiation);
    throw new HandshakeError(`the client began with byte 0x${first.toString(16).padStart(2, '0')}: neither SOCKS nor HTTP`);
  } catch (error) {
    if (!(error instanceof HandshakeError)) throw error;
    closeStream(stream);
    const hint = 'the proxy speaks SOCKS4, 4a and 5 with CONNECT, and HTTP CONNECT';
    return { ok: false, failure: failure({ code: 'target-forbidden', message: error.message, hint }) };
  } finally {
    spoke();
  }
}

const isLetter = (byte: number): boolean => (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a);
