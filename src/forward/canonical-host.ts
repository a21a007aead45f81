/** One spelling for each address, so that rules cannot be passed by writing an address another way. */
import { isIPv6 } from 'node:net';

/** IPv6 as RFC 5952 writes it, without a zone; an IPv4-mapped one as the IPv4 address it stands for; names in lower case. */
export function canonicalHost(host: string): string {
  const plain = host.toLowerCase().replace(/%.*$/, '').replace(/\.$/, '');
  if (!isIPv6(plain)) return plain;
  const compressed = new URL(`http://[${plain}]`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(compressed);
  if (!mapped) return compressed;
  const value = (Number.parseInt(mapped[1] ?? '0', 16) * 65536 + Number.parseInt(mapped[2] ?? '0', 16)) >>> 0;
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');
}
