/** known_hosts as sshd(8) describes it under SSH_KNOWN_HOSTS FILE FORMAT: parsed, and matched against a host. */
import { createHmac, randomBytes } from 'node:crypto';
import { parsePublicLine } from './public-key.ts';

export interface KnownHostsEntry {
  readonly marker: 'revoked' | 'cert-authority' | null;
  /** The first field as written: comma-separated patterns, or one hashed name. */
  readonly names: string;
  readonly type: string;
  readonly blob: Buffer;
  readonly file: string;
  /** 1-based. */
  readonly line: number;
}

/** The entries of one file; lines that are no entries are skipped, as ssh does. */
export function parseKnownHosts(text: string, file: string): KnownHostsEntry[] {
  return text.split('\n').flatMap((raw, index) => {
    const entry = parseLine(raw.trim());
    return entry ? [{ ...entry, file, line: index + 1 }] : [];
  });
}

function parseLine(line: string): Pick<KnownHostsEntry, 'marker' | 'names' | 'type' | 'blob'> | null {
  if (line === '' || line.startsWith('#')) return null;
  const match = /^(?:@(\S+)[ \t]+)?(\S+)[ \t]+(.+)$/.exec(line);
  if (!match) return null;
  const [, marker = null, names = '', rest = ''] = match;
  if (marker !== null && marker !== 'revoked' && marker !== 'cert-authority') return null;
  const key = parsePublicLine(rest);
  return key ? { marker, names, type: key.type, blob: key.blob } : null;
}

/** The name a host goes by in known_hosts: `name`, or `[name]:port` for any port but 22; an alias stands alone (ssh_config(5) HostKeyAlias). */
export function knownHostsName(host: string, port: number): string {
  const name = host.toLowerCase();
  return port === 22 ? name : `[${name}]:${port}`;
}

export const isHashed = (names: string): boolean => names.startsWith('|1|');

/** Whether an entry's first field is about `name`. A negated pattern that matches rules the whole line out. */
export function matchesName(names: string, name: string): boolean {
  if (isHashed(names)) return matchesHash(names, name);
  let matched = false;
  for (const pattern of names.split(',')) {
    const negated = pattern.startsWith('!');
    if (!matchesPattern((negated ? pattern.slice(1) : pattern).toLowerCase(), name)) continue;
    if (negated) return false;
    matched = true;
  }
  return matched;
}

function matchesHash(names: string, name: string): boolean {
  const [, , salt, hash] = names.split('|');
  if (!salt || !hash) return false;
  return hmac(Buffer.from(salt, 'base64'), name) === hash;
}

const hmac = (salt: Buffer, name: string): string => createHmac('sha1', salt).update(name).digest('base64');

/** `|1|salt|hash`, as ssh-keygen -H and HashKnownHosts write it. */
export function hashName(name: string, salt: Buffer = randomBytes(20)): string {
  return `|1|${salt.toString('base64')}|${hmac(salt, name)}`;
}

/** `*` and `?` of ssh_config(5) PATTERNS, in time linear in the text however many stars a pattern has. */
function matchesPattern(pattern: string, text: string): boolean {
  let p = 0;
  let t = 0;
  let star = -1;
  let resume = 0;
  while (t < text.length) {
    if (p < pattern.length && (pattern[p] === '?' || (pattern[p] !== '*' && pattern[p] === text[t]))) {
      p += 1;
      t += 1;
    } else if (pattern[p] === '*') {
      star = p;
      p += 1;
      resume = t;
    } else if (star >= 0) {
      p = star + 1;
      resume += 1;
      t = resume;
    } else return false;
  }
  while (pattern[p] === '*') p += 1;
  return p === pattern.length;
}

/** The entries about a host. Where `[name]:port` is not known, ssh accepts what is known of the bare name, but holds nothing against it. */
export interface Lookup {
  readonly name: string;
  readonly exact: readonly KnownHostsEntry[];
  readonly bareName: readonly KnownHostsEntry[];
}

export function lookUp(entries: readonly KnownHostsEntry[], name: string): Lookup {
  const exact = entries.filter((entry) => matchesName(entry.names, name));
  const bare = /^\[(.*)\]:\d+$/.exec(name)?.[1];
  const bareName =
    bare === undefined || exact.some((entry) => entry.marker === null) ? [] : entries.filter((entry) => matchesName(entry.names, bare));
  return { name, exact, bareName };
}
