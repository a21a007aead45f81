/** What `ssh -G` printed, as settings: only those that differ from what ssh does without any file. Keys are ssh_config(5)'s. */
import { hostname as machineName, userInfo } from 'node:os';
import type { HostKeyPolicy } from '../core/spec.ts';

/** By keyword in lower case, every line of it. */
export type SshDump = ReadonlyMap<string, readonly string[]>;

export interface SshSettings {
  readonly hostname?: string;
  readonly port?: number;
  readonly user?: string;
  readonly identityFiles?: readonly string[];
  readonly certificateFiles?: readonly string[];
  readonly identitiesOnly?: boolean;
  readonly agent?: string;
  readonly forwardAgent?: boolean;
  /** As written: `user@host:port,…`. */
  readonly proxyJump?: string;
  readonly proxyCommand?: string;
  readonly userKnownHosts?: readonly string[];
  readonly globalKnownHosts?: readonly string[];
  readonly hostKeyAlias?: string;
  readonly hostKeyPolicy?: HostKeyPolicy;
  readonly connectTimeoutMs?: number;
  readonly keepaliveIntervalMs?: number;
  readonly keepaliveCount?: number;
  readonly addressFamily?: 'inet' | 'inet6';
  readonly compression?: boolean;
  readonly ciphers?: readonly string[];
  readonly kex?: readonly string[];
  readonly macs?: readonly string[];
}

export interface SettingsRequest {
  readonly dump: SshDump;
  /** The dump without any file. */
  readonly defaults: SshDump;
  readonly name: string;
  readonly home: string;
}

export function readSettings({ dump, defaults, name, home }: SettingsRequest): SshSettings {
  const all = (key: string): readonly string[] | undefined => {
    const values = dump.get(key);
    return values === undefined || values.join('\n') === (defaults.get(key) ?? []).join('\n') ? undefined : values;
  };
  const one = (key: string): string | undefined => all(key)?.[0];
  const given = (key: string): string | undefined => (one(key)?.toLowerCase() === 'none' ? undefined : one(key));
  const expand = expander({ dump, name, home });
  const paths = (values: readonly string[] | undefined): readonly string[] | undefined =>
    values
      ?.map(unquote)
      .filter((path) => path.toLowerCase() !== 'none')
      .map(expand);
  const words = (key: string): readonly string[] | undefined => paths(one(key)?.match(/"[^"]*"|\S+/g) ?? undefined);
  const list = (key: string): readonly string[] | undefined =>
    one(key)
      ?.split(',')
      .filter((each) => each !== '');
  const hostname = dump.get('hostname')?.[0];
  return defined({
    hostname: hostname?.toLowerCase() === name.toLowerCase() ? undefined : hostname,
    port: numberOf(one('port')),
    user: one('user'),
    identityFiles: paths(all('identityfile')),
    certificateFiles: paths(all('certificatefile')),
    identitiesOnly: flag(one('identitiesonly')),
    agent: agentOf(one('identityagent'), expand),
    forwardAgent: one('forwardagent') === undefined ? undefined : one('forwardagent') !== 'no',
    proxyJump: given('proxyjump'),
    proxyCommand: given('proxycommand'),
    userKnownHosts: words('userknownhostsfile'),
    globalKnownHosts: words('globalknownhostsfile'),
    hostKeyAlias: one('hostkeyalias'),
    hostKeyPolicy: policyOf(one('stricthostkeychecking')),
    connectTimeoutMs: seconds(given('connecttimeout')),
    keepaliveIntervalMs: seconds(one('serveraliveinterval')),
    keepaliveCount: numberOf(one('serveralivecountmax')),
    addressFamily: family(one('addressfamily')),
    compression: flag(one('compression')),
    ciphers: list('ciphers'),
    kex: list('kexalgorithms'),
    macs: list('macs'),
  });
}

type Maybe<T> = { readonly [K in keyof T]: T[K] | undefined };

function defined(settings: Maybe<Required<SshSettings>>): SshSettings {
  const kept: SshSettings = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
  return kept;
}

const unquote = (text: string): string => text.replace(/^"(.*)"$/, '$1');
const flag = (text: string | undefined): boolean | undefined => (text === undefined ? undefined : text === 'yes' || text === 'true');
const numberOf = (text: string | undefined): number | undefined => (text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined);
const seconds = (text: string | undefined): number | undefined => {
  const count = numberOf(text);
  return count === undefined ? undefined : count * 1000;
};
const family = (text: string | undefined): 'inet' | 'inet6' | undefined => (text === 'inet' || text === 'inet6' ? text : undefined);

/** `no` lets ssh go on with a changed key; here it means no more than that new ones are accepted. */
function policyOf(text: string | undefined): HostKeyPolicy | undefined {
  if (text === undefined || text === 'ask') return undefined;
  return text === 'yes' || text === 'true' ? 'strict' : 'accept-new';
}

function agentOf(text: string | undefined, expand: (path: string) => string): string | undefined {
  if (text === undefined) return undefined;
  if (text.toLowerCase() === 'none') return 'none';
  if (text === 'SSH_AUTH_SOCK') return 'auto';
  return text.startsWith('$') ? (process.env[text.slice(1).replace(/[{}]/g, '')] ?? 'none') : expand(text);
}

/** `~` and the tokens ssh -G leaves in paths (ssh_config(5) TOKENS). */
function expander({ dump, name, home }: Omit<SettingsRequest, 'defaults'>): (path: string) => string {
  const local = localUser();
  const tokens: Readonly<Record<string, string>> = {
    '%': '%',
    d: home,
    h: dump.get('hostname')?.[0] ?? name,
    i: String(process.getuid?.() ?? ''),
    k: dump.get('hostkeyalias')?.[0] ?? name,
    L: machineName().split('.')[0] ?? '',
    l: machineName(),
    n: name,
    p: dump.get('port')?.[0] ?? '22',
    r: dump.get('user')?.[0] ?? local,
    u: local,
  };
  return (path) => {
    const fromHome = path === '~' || path.startsWith('~/') ? `${home}${path.slice(1)}` : path;
    return fromHome.replace(/%(.)/g, (whole, token: string) => tokens[token] ?? whole);
  };
}

export function localUser(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? '');
  }
}

/** What `ssh -G` prints: a keyword and its value a line. */
export function parseDump(text: string): SshDump {
  const dump = new Map<string, string[]>();
  for (const line of text.split(/\r?\n/)) {
    const blank = line.indexOf(' ');
    if (blank <= 0) continue;
    const key = line.slice(0, blank).toLowerCase();
    const values = dump.get(key);
    if (values) values.push(line.slice(blank + 1));
    else dump.set(key, [line.slice(blank + 1)]);
  }
  return dump;
}
