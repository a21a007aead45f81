/**
 * Where a remote listener really is. sshd accepts a bind without saying where it put it: with `GatewayPorts yes` a request for localhost
 * listens on every interface, with `no` a request for every interface listens on loopback (sshd_config(5)). So it is tried.
 */
import { isLoopback, isWildcard, type TcpAddress } from '../core/address.ts';

/** What came of a connection to an address with our probe in it. */
export type Echo =
  /** It came out at our own listener. */
  | 'ours'
  /** Something else answered. */
  | 'other'
  | 'refused'
  /** No route, no such address there, or no answer in time. */
  | 'unreachable'
  /** The server's rules do not let us try. */
  | 'forbidden';

export interface LandingProbes {
  /** Tries `host` at the listener's port, from the host itself. */
  fromHost(host: string): Promise<Echo>;
  /** The same from this machine. */
  fromHere(host: string): Promise<Echo>;
  /** The host's own address, as far as it is known: null behind a jump. */
  readonly hostAddress: string | null;
}

/** `on` is the address to show and to dial: `0.0.0.0` stands for every interface. */
export type Landing =
  | { readonly kind: 'loopback'; readonly on: string; readonly proof: 'proven' }
  | { readonly kind: 'everywhere'; readonly on: '0.0.0.0'; readonly proof: 'proven' }
  | { readonly kind: 'as-asked'; readonly on: string; readonly proof: 'proven' }
  | { readonly kind: 'shadowed'; readonly on: string }
  | { readonly kind: 'unverified'; readonly on: string; readonly reason: string };

const EVERYWHERE = { kind: 'everywhere', on: '0.0.0.0', proof: 'proven' } as const;

export function findLanding(asked: TcpAddress, probes: LandingProbes): Promise<Landing> {
  if (isWildcard(asked.host)) return findWildcard(asked, probes);
  return isLoopback(asked.host) ? findLoopback(asked, probes) : findSpecific(asked, probes);
}

/** On Linux all of 127.0.0.0/8 is this machine, so a listener that answers there and was not asked to is on every interface. */
const elsewhere = (home: string): string => (home === '127.0.0.2' ? '127.0.0.3' : '127.0.0.2');

/** An address whose answer tells a wildcard bind from one on the usual loopback. */
const telling = (address: string | null): string | null =>
  address === null || address === '127.0.0.1' || address === '::1' ? null : address;

async function findLoopback(asked: TcpAddress, probes: LandingProbes): Promise<Landing> {
  const home = asked.host === 'localhost' || asked.host === 'ip6-localhost' ? '127.0.0.1' : asked.host;
  const [atHome, wide] = await Promise.all([probes.fromHost(home), probes.fromHost(elsewhere(home))]);
  if (wide === 'ours') return EVERYWHERE;
  const outside = telling(probes.hostAddress);
  if (atHome === 'forbidden') {
    if (outside !== null && (await probes.fromHere(outside)) === 'ours') return EVERYWHERE;
    return { kind: 'unverified', on: home, reason: 'the server does not let us connect to it there (AllowTcpForwarding, PermitOpen)' };
  }
  // Where 127.0.0.2 is no address (macOS, BSD) its own address tells.
  if (wide === 'unreachable' && outside !== null && (await probes.fromHost(outside)) === 'ours') return EVERYWHERE;
  if (atHome === 'ours') return { kind: 'loopback', on: home, proof: 'proven' };
  const other = home === '127.0.0.1' ? '::1' : '127.0.0.1';
  if ((await probes.fromHost(other)) === 'ours')
    // `localhost` is two addresses, and sshd is content with one: the other may be somebody else's.
    return atHome === 'other' ? { kind: 'shadowed', on: other } : { kind: 'loopback', on: other, proof: 'proven' };
  return { kind: 'unverified', on: home, reason: 'a connection made there did not come back' };
}

async function findWildcard(_asked: TcpAddress, probes: LandingProbes): Promise<Landing> {
  const [wide, home] = await Promise.all([probes.fromHost('127.0.0.2'), probes.fromHost('127.0.0.1')]);
  if (wide === 'ours') return EVERYWHERE;
  const outside = telling(probes.hostAddress);
  if (wide === 'forbidden' || home === 'forbidden') {
    if (outside !== null && (await probes.fromHere(outside)) === 'ours') return EVERYWHERE;
    return {
      kind: 'unverified',
      on: '0.0.0.0',
      reason: 'the server does not let us connect to it there, and it was not reached from here; GatewayPorts decides',
    };
  }
  const own = outside === null ? null : await probes.fromHost(outside);
  if (own === 'ours') return EVERYWHERE;
  const conclusive = wide === 'refused' || own === 'refused';
  if (home === 'ours' && conclusive) return { kind: 'loopback', on: '127.0.0.1', proof: 'proven' };
  if ((await probes.fromHost('::1')) === 'ours' && conclusive) return { kind: 'loopback', on: '::1', proof: 'proven' };
  return { kind: 'unverified', on: '0.0.0.0', reason: 'a connection made there did not come back; GatewayPorts decides' };
}

async function findSpecific(asked: TcpAddress, probes: LandingProbes): Promise<Landing> {
  const [there, wide, home] = await Promise.all([probes.fromHost(asked.host), probes.fromHost('127.0.0.2'), probes.fromHost('127.0.0.1')]);
  if (wide === 'ours') return EVERYWHERE;
  if (there === 'ours') return { kind: 'as-asked', on: asked.host, proof: 'proven' };
  if (home === 'ours') return { kind: 'loopback', on: '127.0.0.1', proof: 'proven' };
  if (there === 'forbidden' && (await probes.fromHere(asked.host)) === 'ours') return { kind: 'as-asked', on: asked.host, proof: 'proven' };
  return { kind: 'unverified', on: asked.host, reason: 'a connection made there did not come back; GatewayPorts decides' };
}
