/** Whether a server's key is to be trusted: a decision over values (DESIGN section 2, order of trust). */
import type { HostKeyPolicy } from '../core/spec.ts';
import type { KnownHostsEntry, Lookup } from './known-hosts.ts';
import { fingerprint } from './public-key.ts';

export interface HostKeyFacts {
  readonly key: Buffer;
  /** Pinned fingerprints; where there are any, they alone decide. */
  readonly pins: readonly string[];
  readonly lookup: Lookup;
  readonly policy: HostKeyPolicy;
}

export type HostKeyVerdict =
  /** `by` is shown to the user: `host_key`, or `known_hosts:12`. */
  | { readonly verdict: 'trusted'; readonly by: string }
  | { readonly verdict: 'changed'; readonly expected: string; readonly at: string | null }
  | { readonly verdict: 'revoked'; readonly at: string }
  /** Not known, and the policy decides. */
  | { readonly verdict: 'accept-new' }
  | { readonly verdict: 'ask' }
  | { readonly verdict: 'unknown' }
  | { readonly verdict: 'ignored'; readonly instead: string | null };

const at = (entry: KnownHostsEntry): string => `${entry.file}:${entry.line}`;

export function judgeHostKey({ key, pins, lookup, policy }: HostKeyFacts): HostKeyVerdict {
  if (pins.length > 0) return judgePin(fingerprint(key), pins);
  const same = (entry: KnownHostsEntry): boolean => entry.blob.equals(key);
  const revoked = [...lookup.exact, ...lookup.bareName].find((entry) => entry.marker === 'revoked' && same(entry));
  if (revoked) return { verdict: 'revoked', at: at(revoked) };
  const known = lookup.exact.filter((entry) => entry.marker === null);
  const trusted = [...known, ...lookup.bareName.filter((entry) => entry.marker === null)].find(same);
  if (trusted) return { verdict: 'trusted', by: at(trusted) };
  // As ssh: the types a host is known by are asked for first, so a key of another type is a changed one too.
  const other = known[0];
  if (policy === 'ignore') return { verdict: 'ignored', instead: other ? at(other) : null };
  if (other) return { verdict: 'changed', expected: fingerprint(other.blob), at: at(other) };
  return { verdict: policy === 'strict' ? 'unknown' : policy };
}

function judgePin(seen: string, pins: readonly string[]): HostKeyVerdict {
  // ssh-keygen prints no padding, other tools do.
  if (pins.some((pin) => pin.replace(/=+$/, '') === seen)) return { verdict: 'trusted', by: 'host_key' };
  return { verdict: 'changed', expected: pins.join(' or '), at: null };
}

/** The key types to ask the server for first. */
export function knownTypes(lookup: Lookup, pins: readonly string[]): string[] {
  const known = [...lookup.exact, ...lookup.bareName].filter((entry) => entry.marker === null);
  const relevant = pins.length === 0 ? known : known.filter((entry) => pins.includes(fingerprint(entry.blob)));
  return [...new Set(relevant.map((entry) => entry.type))];
}
