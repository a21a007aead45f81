/** The server's side of SOCKS4, 4a and 5 over any stream; CONNECT only, without authentication. */
import type { Duplex } from 'node:stream';
import type { TcpAddress } from '../core/address.ts';
import { failure, isFailureError, type Failure } from '../core/failure.ts';
import { type HandshakeError, readHandshake } from './handshake-reader.ts';
import { endWith } from './last-words.ts';
import type { Negotiated, Negotiation } from './negotiation.ts';
import { parseSocks4, parseSocks5Greeting, parseSocks5Request, SOCKS5 } from './socks-parse.ts';

const SOCKS4_GRANTED = 0x5a;
const SOCKS4_REJECTED = 0x5b;

/** VN=0 CD DSTPORT DSTIP; the last two are ignored for CONNECT. */
const socks4Reply = (code: number): Buffer => Buffer.from([0, code, 0, 0, 0, 0, 0, 0]);
/** RFC 1928 §6, with 0.0.0.0:0 for the bound address: what the far end bound is not known here. */
const socks5Reply = (code: number): Buffer => Buffer.from([5, code, 0, 1, 0, 0, 0, 0, 0, 0]);

export async function serveSocks4(stream: Duplex, negotiation: Negotiation): Promise<Negotiated> {
  return serve(stream, negotiation, {
    read: () => readHandshake(stream, parseSocks4, negotiation.signal),
    granted: socks4Reply(SOCKS4_GRANTED),
    refused: () => socks4Reply(SOCKS4_REJECTED),
  });
}

export async function serveSocks5(stream: Duplex, negotiation: Negotiation): Promise<Negotiated> {
  const { signal } = negotiation;
  return serve(stream, negotiation, {
    read: async () => {
      await readHandshake(stream, parseSocks5Greeting, signal);
      stream.write(Buffer.from([5, 0]));
      return readHandshake(stream, parseSocks5Request, signal);
    },
    granted: socks5Reply(SOCKS5.granted),
    // RFC 1928 §3: "no acceptable methods" is two bytes long.
    refused: (code) => (code === 0xff ? Buffer.from([5, 0xff]) : socks5Reply(code)),
  });
}

interface Protocol {
  readonly read: () => Promise<TcpAddress>;
  readonly granted: Buffer;
  readonly refused: (socks5Code: number) => Buffer;
}

async function serve(stream: Duplex, { connect }: Negotiation, protocol: Protocol): Promise<Negotiated> {
  let target: TcpAddress;
  try {
    target = await protocol.read();
  } catch (error) {
    const { message, reply } = error as HandshakeError;
    endWith(stream, protocol.refused(reply ?? SOCKS5.failed));
    return {
      ok: false,
      failure: failure({ code: 'target-forbidden', message, hint: 'the proxy speaks SOCKS4, 4a and 5 with CONNECT, and HTTP CONNECT' }),
    };
  }
  try {
    const far = await connect(target);
    stream.write(protocol.granted);
    return { ok: true, near: stream, far };
  } catch (error) {
    if (!isFailureError(error)) throw error;
    endWith(stream, protocol.refused(socks5Code(error.failure)));
    return { ok: false, failure: error.failure };
  }
}

export function socks5Code({ code, cause, message }: Failure): number {
  if (code === 'target-refused') return SOCKS5.refused;
  if (code === 'target-forbidden') return SOCKS5.forbidden;
  if (code !== 'target-unreachable') return SOCKS5.failed;
  return /ENETUNREACH|network is unreachable/i.test(`${cause ?? ''} ${message}`) ? SOCKS5.networkUnreachable : SOCKS5.hostUnreachable;
}
