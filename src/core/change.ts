/** What a change of each field asks for. A new field that nobody classified does not compile. */
import type { FieldChange, How } from './plan.ts';
import type { HostSpec, TunnelSpec } from './spec.ts';
import { fieldWord, valueWords } from './spec-words.ts';

type Class = How | 'ignore';

/** `via` is compared where it has become a route (reconcile), `name` is the identity. */
export const HOST_FIELDS = {
  name: 'ignore',
  hostname: 'reopen',
  port: 'reopen',
  user: 'reopen',
  declared: 'ignore',
  via: 'ignore',
  identityFiles: 'in-place',
  identityFilesExplicit: 'in-place',
  certificateFiles: 'in-place',
  identitiesOnly: 'in-place',
  agent: 'in-place',
  forwardAgent: 'reopen',
  password: 'in-place',
  passphrase: 'in-place',
  hostKeys: 'reopen',
  hostKeyPolicy: 'in-place',
  knownHosts: 'in-place',
  hostKeyAlias: 'reopen',
  proxyCommand: 'reopen',
  proxy: 'reopen',
  transport: 'reopen',
  keepalive: 'in-place',
  connectTimeoutMs: 'in-place',
  reconnect: 'in-place',
  connections: 'in-place',
  ciphers: 'reopen',
  kex: 'reopen',
  macs: 'reopen',
  addressFamily: 'reopen',
  compression: 'reopen',
} satisfies Record<keyof HostSpec, Class>;

/** `hosts` and `client` are compared where they have become places (reconcile). */
export const TUNNEL_FIELDS = {
  name: 'ignore',
  type: 'reopen',
  hosts: 'ignore',
  client: 'ignore',
  launch: 'reopen',
  ingress: 'reopen',
  egress: 'retarget',
  expose: 'reopen',
  allow: 'in-place',
  allowTargets: 'in-place',
  dependsOn: 'in-place',
  profiles: 'ignore',
  healthcheck: 'in-place',
  start: 'reopen',
  idleTimeoutMs: 'in-place',
  parkMs: 'in-place',
  drainMs: 'in-place',
  onConflict: 'in-place',
  maxConnections: 'in-place',
  socketMode: 'reopen',
  env: 'in-place',
} satisfies Record<keyof TunnelSpec, Class>;

const WEIGHT = { 'in-place': 0, retarget: 1, reopen: 2 } as const;

export const heavier = (a: How, b: How): How => (WEIGHT[a] >= WEIGHT[b] ? a : b);

export interface Difference {
  readonly how: How;
  readonly changes: readonly FieldChange[];
}

/** Null where nothing that matters differs. */
export function difference<T extends object>(from: T, to: T, classes: Record<keyof T, Class>): Difference | null {
  let how: How = 'in-place';
  const changes: FieldChange[] = [];
  for (const field in classes) {
    const kind = classes[field];
    if (kind === 'ignore' || same(from[field], to[field])) continue;
    how = heavier(how, kind);
    const word = fieldWord(field);
    if (!changes.some((each) => each.field === word))
      changes.push({ field: word, from: valueWords(field, from[field]), to: valueWords(field, to[field]) });
  }
  return changes.length === 0 ? null : { how, changes };
}

/** Structural equality of spec values: plain data, the order of keys aside. */
export function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => Object.hasOwn(b, key) && same((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]));
}
