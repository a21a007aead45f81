/** TCP and unix-socket addresses: the forms of `tunnels.yaml` (DESIGN section 2) and when two of them meet. */
import { err, ok, type Result } from './result.ts';

export interface TcpAddress {
  readonly kind: 'tcp';
  /** A name, an IPv4 or IPv6 address without brackets, or `*` for every interface. */
  readonly host: string;
  /** 0 to 65535; 0 is "allocate one". */
  readonly port: number;
}

export interface UnixAddress {
  readonly kind: 'unix';
  readonly path: string;
}

export type Address = TcpAddress | UnixAddress;

/** A range of addresses with one host: `9000-9010` has eleven ports. */
export interface AddressRange {
  readonly address: Address;
  /** How many consecutive ports, from `address.port` on. 1 for everything but a range. */
  readonly count: number;
}

export const tcp = (host: string, port: number): TcpAddress => ({ kind: 'tcp', host, port });
export const unix = (path: string): UnixAddress => ({ kind: 'unix', path });

export function formatAddress(address: Address): string {
  if (address.kind === 'unix') return address.path;
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

const LOOPBACK_V4 = /^127(\.\d{1,3}){3}$/;

export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || LOOPBACK_V4.test(host) || host.toLowerCase() === 'ip6-localhost';

export const isWildcard = (host: string): boolean => host === '*' || host === '0.0.0.0' || host === '::' || host === '';

/** Hosts that are the same place on one machine: loopback names, and a wildcard bind, which includes loopback. */
export function sameLocalHost(bind: string, dial: string): boolean {
  if (bind.toLowerCase() === dial.toLowerCase()) return true;
  if (isWildcard(bind)) return isLoopback(dial) || isWildcard(dial);
  if (isWildcard(dial)) return isLoopback(bind);
  return looseLoopback(bind) && looseLoopback(dial);
}

/** 127.0.0.2 is loopback, yet a listener on 127.0.0.1 is not reached there: only the common names are one place. */
const looseLoopback = (host: string): boolean =>
  host === 'localhost' || host === '127.0.0.1' || host === '::1' || host.toLowerCase() === 'ip6-localhost';

const CONTROL = /[\u0000-\u0020\u007f]/;
const NAME = /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_.])?$/;
const DOTTED = /^\d+(\.\d+)*$/;

const isIpv4 = (text: string): boolean => /^\d{1,3}(\.\d{1,3}){3}$/.test(text) && text.split('.').every((part) => Number(part) <= 255);

/** RFC 4291 §2.2, with the zone of RFC 4007 §11. */
function isIpv6(text: string): boolean {
  const [address = '', zone, ...more] = text.split('%');
  if (more.length > 0 || (zone !== undefined && !/^[A-Za-z0-9_.-]+$/.test(zone))) return false;
  const halves = address.split('::');
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')));
  const last = groups.at(-1) ?? '';
  const embedded = isIpv4(last) && !address.endsWith('::');
  const count = groups.length + (embedded ? 1 : 0);
  const rest = embedded ? groups.slice(0, -1) : groups;
  return rest.every((group) => /^[0-9A-Fa-f]{1,4}$/.test(group)) && (halves.length === 2 ? count <= 7 : count === 8);
}

/** A name of digits and dots only would be an address, so it has to be one. */
function isHost(host: string): boolean {
  if (host === '' || host === '*') return true;
  if (host.includes(':')) return isIpv6(host);
  return DOTTED.test(host) ? isIpv4(host) : NAME.test(host);
}

/**
 * Parses one address, or a port range, in any of the forms of DESIGN section 2:
 * `8080`, `address:8080`, `[::1]:8080`, `*:8080`, `/path/to.sock`, `0`, `9000-9010`.
 * `defaultHost` is the host of a bare port. The error says what is wrong, without a place.
 */
export function parseAddress(text: string | number, defaultHost: string): Result<AddressRange, string> {
  const raw = String(text);
  if (raw === '') return err('is empty');
  if (raw.startsWith('/') || raw.startsWith('~/')) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: refusing them is the point
    if (/[\u0000-\u001f\u007f]/.test(raw)) return err('has a control character in its path');
    return ok({ address: unix(raw), count: 1 });
  }
  if (raw.includes('/')) return err('is no whole path: a unix socket is written /path/to.sock or ~/path/to.sock');
  if (CONTROL.test(raw)) return err('has a space or a control character in it');
  const { host, ports } = splitHostPort(raw, defaultHost);
  if (ports === undefined) return err(`has no port: write ${host.includes(':') ? `[${host}]` : host}:PORT`);
  if (!isHost(host)) return err(`has a host "${host}" that is no name or address`);
  if (host.includes(':') && !raw.startsWith('[')) return err(`has an IPv6 address without brackets: write [${host}]:${ports}`);
  const range = parsePorts(ports);
  if (!range.ok) return range;
  return ok({ address: tcp(host === '' ? '*' : host, range.value.first), count: range.value.count });
}

function splitHostPort(raw: string, defaultHost: string): { host: string; ports: string | undefined } {
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/.exec(raw);
  if (/:.*:/.test(raw) && isIpv6(raw)) return { host: raw, ports: undefined };
  if (bracketed) return { host: bracketed[1] ?? '', ports: bracketed[2] };
  if (/^\d+(-\d+)?$/.test(raw)) return { host: defaultHost, ports: raw };
  const colon = raw.lastIndexOf(':');
  if (colon < 0) return { host: raw, ports: undefined };
  return { host: raw.slice(0, colon), ports: raw.slice(colon + 1) };
}

function parsePorts(text: string): Result<{ first: number; count: number }, string> {
  const match = /^(\d{1,6})(?:-(\d{1,6}))?$/.exec(text);
  if (!match) return err(`has a port "${text}" that is no number`);
  const first = Number(match[1]);
  const last = match[2] === undefined ? first : Number(match[2]);
  if (first > 65535 || last > 65535) return err(`has a port above 65535`);
  if (last < first) return err(`has a port range that ends before it begins`);
  if (first === 0 && last > 0) return err('has a port range that begins at 0');
  return ok({ first, count: last - first + 1 });
}

/** What a client beside the listener connects to: 127.0.0.1 for a loopback or wildcard bind. */
export function clientAddress(bound: TcpAddress): string {
  if (bound.host === '::1') return '::1';
  return isLoopback(bound.host) || isWildcard(bound.host) ? (LOOPBACK_V4.test(bound.host) ? bound.host : '127.0.0.1') : bound.host;
}
