/**
 * What SOCKS clients send, read from the bytes there are so far: SOCKS4 and 4a (the protocol's memos of 1992), SOCKS5 (RFC 1928).
 * Each function looks at all bytes from the start of its message, and says `more` until the message is whole.
 */
import { tcp, type TcpAddress } from '../core/address.ts';
import { canonicalHost } from './canonical-host.ts';

/** RFC 1928 §6, the field REP. */
export const SOCKS5 = {
  granted: 0,
  failed: 1,
  forbidden: 2,
  networkUnreachable: 3,
  hostUnreachable: 4,
  refused: 5,
  commandNotSupported: 7,
  addressNotSupported: 8,
} as const;

export type Parsed<T> =
  | { readonly kind: 'more' }
  | { readonly kind: 'bad'; readonly why: string /** RFC 1928 §6, where an answer can be given. */; readonly reply?: number }
  | { readonly kind: 'done'; readonly value: T; readonly consumed: number };

const MORE = { kind: 'more' } as const;
const CONNECT = 1;
/** RFC 1928 §3: method 0 is "no authentication required". */
const NO_AUTHENTICATION = 0;
const LONGEST_USER = 255;
const LONGEST_NAME = 255;

/** VN=4 CD DSTPORT DSTIP USERID NUL, and for 4a, told by an address of 0.0.0.x, a name and NUL. */
export function parseSocks4(bytes: Buffer): Parsed<TcpAddress> {
  if (bytes.length < 2) return MORE;
  if (bytes[1] !== CONNECT) return { kind: 'bad', why: `SOCKS4 command ${bytes[1]} is not supported, only CONNECT is` };
  if (bytes.length < 8) return MORE;
  const port = bytes.readUInt16BE(2);
  const userEnd = bytes.indexOf(0, 8);
  if ((userEnd < 0 ? bytes.length : userEnd) - 8 > LONGEST_USER) return { kind: 'bad', why: 'the SOCKS4 user name is too long' };
  if (userEnd < 0) return MORE;
  const named = bytes[4] === 0 && bytes[5] === 0 && bytes[6] === 0 && bytes[7] !== 0;
  if (!named) return target({ host: bytes.subarray(4, 8).join('.'), port }, userEnd + 1);
  const nameEnd = bytes.indexOf(0, userEnd + 1);
  if ((nameEnd < 0 ? bytes.length : nameEnd) - userEnd - 1 > LONGEST_NAME) return { kind: 'bad', why: 'the SOCKS4a name is too long' };
  if (nameEnd < 0) return MORE;
  return target({ host: bytes.toString('latin1', userEnd + 1, nameEnd), port }, nameEnd + 1);
}

/** RFC 1928 §3: VER=5 NMETHODS METHODS. */
export function parseSocks5Greeting(bytes: Buffer): Parsed<null> {
  const count = bytes[1];
  if (count === undefined || bytes.length < 2 + count) return MORE;
  if (!bytes.subarray(2, 2 + count).includes(NO_AUTHENTICATION))
    return { kind: 'bad', why: 'the SOCKS5 client wants to authenticate, which is not supported', reply: 0xff };
  return { kind: 'done', value: null, consumed: 2 + count };
}

/** RFC 1928 §4: VER=5 CMD RSV ATYP DST.ADDR DST.PORT. */
export function parseSocks5Request(bytes: Buffer): Parsed<TcpAddress> {
  if (bytes.length < 1) return MORE;
  if (bytes[0] !== 5) return { kind: 'bad', why: `a SOCKS5 request began with ${bytes[0]}`, reply: SOCKS5.failed };
  if (bytes.length < 5) return MORE;
  const type = bytes[3];
  const size = type === 1 ? 4 : type === 4 ? 16 : type === 3 ? 1 + (bytes[4] ?? 0) : -1;
  if (size < 0) return { kind: 'bad', why: `SOCKS5 address type ${type} is not supported`, reply: SOCKS5.addressNotSupported };
  // The whole request is read first even where it will be refused: closing on unread bytes would reset the reply away.
  if (bytes.length < 4 + size + 2) return MORE;
  if (bytes[1] !== CONNECT)
    return {
      kind: 'bad',
      why: `SOCKS5 command ${bytes[1]} is not supported, only CONNECT is`,
      reply: SOCKS5.commandNotSupported,
    };
  const at = bytes.subarray(4, 4 + size);
  const host = type === 1 ? at.join('.') : type === 4 ? ipv6(at) : at.toString('latin1', 1);
  return target({ host, port: bytes.readUInt16BE(4 + size) }, 4 + size + 2, SOCKS5.failed);
}

/** A name goes to another machine's resolver, and into events: only what can be one passes. */
const NAME = /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_.])?$/;
const ADDRESS = /^[0-9A-Fa-f:.]+$/;

function target({ host, port }: Omit<TcpAddress, 'kind'>, consumed: number, reply?: number): Parsed<TcpAddress> {
  const answer = reply === undefined ? {} : { reply };
  if (!NAME.test(host) && !(host.includes(':') && ADDRESS.test(host))) return { kind: 'bad', why: 'the target is no host name', ...answer };
  if (port === 0) return { kind: 'bad', why: 'the target has port 0', ...answer };
  return { kind: 'done', value: tcp(canonicalHost(host), port), consumed };
}

const ipv6 = (bytes: Buffer): string => Array.from({ length: 8 }, (_, at) => bytes.readUInt16BE(at * 2).toString(16)).join(':');
