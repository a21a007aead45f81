/** Which names stand for one machine, and when a dialled address is a tunnel's ingress there. */
import { isLoopback, isWildcard, sameLocalHost, type Address } from './address.ts';
import { THIS_MACHINE, type HostName, type HostSpec } from './spec.ts';

export interface Machines {
  /** The machine a host's name stands for: two hosts with one address and one way (other users, say) are one machine. */
  of(host: HostName): HostName;
  /** What others call the machine; null for this one. */
  hostnameOf(machine: HostName): string | null;
}

export function machines(hosts: ReadonlyMap<HostName, HostSpec>): Machines {
  const byAddress = new Map<string, HostName>();
  const canonical = new Map<HostName, HostName>();
  for (const spec of hosts.values()) {
    const key = `${spec.via.join(',')}|${spec.hostname.toLowerCase()}|${spec.port}`;
    const first = byAddress.get(key) ?? spec.name;
    byAddress.set(key, first);
    canonical.set(spec.name, first);
  }
  return {
    of: (host) => canonical.get(host) ?? host,
    hostnameOf: (machine) => (machine === THIS_MACHINE ? null : (hosts.get(machine)?.hostname ?? machine)),
  };
}

export interface Ingress {
  readonly ingress: Address;
  readonly machine: HostName;
  readonly hostname: string | null;
}

/**
 * Does dialling `target` on `dialler` arrive at the ingress? On one machine loopback names and wildcard binds match by port;
 * from another machine only an ingress bound beyond loopback does, under the machine's name or the bound address.
 * Port 0 meets port 0: "the port that is allocated there".
 */
export function meetsIngress(at: Ingress, target: Address, dialler: HostName): boolean {
  const { ingress } = at;
  if (ingress.kind === 'unix' || target.kind === 'unix') {
    return ingress.kind === 'unix' && target.kind === 'unix' && ingress.path === target.path && at.machine === dialler;
  }
  if (ingress.port !== target.port) return false;
  const byItsName = !isLoopback(ingress.host) && at.hostname?.toLowerCase() === target.host.toLowerCase();
  if (at.machine === dialler) return sameLocalHost(ingress.host, target.host) || byItsName;
  const specific = !isLoopback(ingress.host) && !isWildcard(ingress.host) && ingress.host.toLowerCase() === target.host.toLowerCase();
  return specific || (byItsName && !isLoopback(target.host));
}

/** Would the two listeners want the same place of the same machine? Two ports to be allocated never do. */
export function sameIngress(a: { ingress: Address; machine: HostName }, b: { ingress: Address; machine: HostName }): boolean {
  if (a.machine !== b.machine) return false;
  if (a.ingress.kind === 'unix' || b.ingress.kind === 'unix') {
    return a.ingress.kind === 'unix' && b.ingress.kind === 'unix' && a.ingress.path === b.ingress.path;
  }
  if (a.ingress.port !== b.ingress.port || a.ingress.port === 0) return false;
  return isWildcard(a.ingress.host) || isWildcard(b.ingress.host) || sameLocalHost(a.ingress.host, b.ingress.host);
}
