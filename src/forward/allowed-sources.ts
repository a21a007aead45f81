/** The `allow` list of a tunnel: which addresses may connect. */
import { BlockList, isIP } from 'node:net';
import { canonicalHost } from './canonical-host.ts';

export class AllowedSources {
  readonly #list = new BlockList();
  readonly #all: boolean;

  /** CIDRs or single addresses; an empty list allows all. One that cannot be read allows nobody. */
  constructor(cidrs: readonly string[]) {
    this.#all = cidrs.length === 0;
    for (const cidr of cidrs) addCidr(this.#list, cidr);
  }

  has(address: string): boolean {
    if (this.#all) return true;
    const plain = canonicalHost(address);
    const family = isIP(plain);
    return family !== 0 && this.#list.check(plain, family === 6 ? 'ipv6' : 'ipv4');
  }
}

/** False where it is neither an address nor a CIDR. */
export function addCidr(list: BlockList, cidr: string): boolean {
  const [address = '', bits, ...more] = cidr.trim().split('/');
  const family = isIP(address);
  if (family === 0 || more.length > 0) return false;
  const type = family === 6 ? 'ipv6' : 'ipv4';
  if (bits === undefined) {
    list.addAddress(address, type);
    return true;
  }
  if (!/^\d{1,3}$/.test(bits) || Number(bits) > (family === 6 ? 128 : 32)) return false;
  list.addSubnet(address, Number(bits), type);
  return true;
}
