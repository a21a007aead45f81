/** One host's spec: what the file says of it, else its defaults, else ssh_config, else what is built in. */
import type { HostSpec, SecretSource } from '../core/spec.ts';
import { commandOf, type CommandPlace } from './command.ts';
import type { Destination } from './destination.ts';
import { expandPath, type Directories } from './paths.ts';
import type { Problems } from './problems.ts';
import type { SshSettings } from './ssh-settings.ts';
import type { Values } from './values.ts';

export interface HostRequest {
  readonly name: string;
  readonly destination: Destination;
  /** The host's own keys over those of defaults.host. */
  readonly values: Values;
  readonly settings: SshSettings;
  /** Canonical names of the hops. */
  readonly via: readonly string[];
  readonly directories: Directories;
  /** The login name of this machine's user. */
  readonly localUser: string;
  readonly problems: Problems;
}

/** The names ssh tries by itself, without the kinds of key that need hardware. */
const IDENTITIES = ['~/.ssh/id_rsa', '~/.ssh/id_ecdsa', '~/.ssh/id_ed25519'];
const KNOWN_HOSTS = ['~/.ssh/known_hosts', '~/.ssh/known_hosts2'];
const SYSTEM_KNOWN_HOSTS = ['/etc/ssh/ssh_known_hosts', '/etc/ssh/ssh_known_hosts2'];

export function hostSpec(request: HostRequest): HostSpec {
  const { name, destination, values, settings, via, directories, localUser, problems } = request;
  const paths = (list: readonly string[] | undefined): readonly string[] | undefined => list?.map((path) => expandPath(path, directories));
  const declared = {
    ...maybe('hostname', values.text('hostname')),
    ...maybe('port', destination.port ?? values.number('port')),
    ...maybe('user', destination.user ?? values.text('user')),
  };
  const identityFiles = paths(values.texts('identity_file')) ?? settings.identityFiles;
  const policy = values.choice('host_key_policy', ['ask', 'strict', 'accept-new', 'ignore']);
  if (policy === 'ignore') {
    const hint = 'pin the key with host_key, or use accept-new';
    const message = `host_key_policy: ignore lets anybody between you and "${name}" read and change everything`;
    problems.add({ code: 'schema', severity: 'warning', message, at: values.at('host_key_policy'), hint });
  }
  return {
    name,
    hostname: declared.hostname ?? settings.hostname ?? destination.host,
    port: declared.port ?? settings.port ?? 22,
    user: declared.user ?? settings.user ?? localUser,
    declared,
    via,
    identityFiles: identityFiles ?? paths(IDENTITIES) ?? [],
    identityFilesExplicit: identityFiles !== undefined,
    certificateFiles: [],
    identitiesOnly: values.flag('identities_only') ?? settings.identitiesOnly ?? false,
    agent: agentOf(values.text('agent'), directories) ?? settings.agent ?? 'auto',
    forwardAgent: values.flag('forward_agent') ?? settings.forwardAgent ?? false,
    password: secretOf(values.inner('password'), request),
    passphrase: secretOf(values.inner('passphrase'), request),
    hostKeys: (values.texts('host_key') ?? []).map((key) => key.replace(/=$/, '')),
    hostKeyPolicy: policy ?? settings.hostKeyPolicy ?? 'ask',
    knownHosts: unique([
      ...(paths(values.texts('known_hosts')) ?? settings.userKnownHosts ?? paths(KNOWN_HOSTS) ?? []),
      ...(settings.globalKnownHosts ?? SYSTEM_KNOWN_HOSTS),
    ]),
    hostKeyAlias: values.text('host_key_alias') ?? settings.hostKeyAlias ?? null,
    proxyCommand: null,
    proxy: null,
    transport: 'ssh2',
    ...timing(values, settings, problems),
    connections: values.number('connections') ?? 1,
    ciphers: algorithms(values, 'ciphers') ?? settings.ciphers ?? [],
    kex: algorithms(values, 'kex') ?? settings.kex ?? [],
    macs: algorithms(values, 'macs') ?? settings.macs ?? [],
    addressFamily: values.choice('address_family', ['any', 'inet', 'inet6']) ?? settings.addressFamily ?? 'any',
    compression: values.flag('compression') ?? settings.compression ?? false,
  };
}

const maybe = <K extends string, T>(key: K, value: T | undefined): { [P in K]?: T } =>
  (value === undefined ? {} : { [key]: value }) as { [P in K]?: T };

const unique = (list: readonly string[]): string[] => [...new Set(list)];

const agentOf = (text: string | undefined, directories: Directories): string | undefined =>
  text === undefined || text === 'auto' || text === 'none' ? text : expandPath(text, directories);

const algorithms = (values: Values, key: string): readonly string[] | undefined => values.texts(key)?.flatMap((text) => text.split(','));

function secretOf(values: Values | undefined, place: CommandPlace): SecretSource | null {
  const env = values?.text('env');
  if (env !== undefined) return { env };
  const command = commandOf(values, place);
  if (command !== null) return { command };
  return values?.flag('prompt') === true ? { prompt: true } : null;
}

function timing(values: Values, settings: SshSettings, problems: Problems): Pick<HostSpec, 'keepalive' | 'reconnect' | 'connectTimeoutMs'> {
  const keepalive = values.inner('keepalive');
  const reconnect = values.inner('reconnect');
  const [min, max] = [reconnect?.duration('min', { least: 1 }), reconnect?.duration('max', { least: 1 })];
  const minMs = min ?? Math.min(500, max ?? 500);
  const maxMs = max ?? Math.max(30_000, minMs);
  if (reconnect && maxMs < minMs) {
    problems.add({ code: 'schema', message: 'max must not be shorter than min', at: reconnect.at('max'), hint: `min is ${minMs} ms` });
  }
  return {
    keepalive: {
      intervalMs: keepalive?.duration('interval') ?? settings.keepaliveIntervalMs ?? 5000,
      count: keepalive?.number('count') ?? settings.keepaliveCount ?? 3,
    },
    reconnect: { minMs, maxMs, attempts: reconnect?.number('attempts') ?? null },
    connectTimeoutMs: values.duration('connect_timeout', { least: 1 }) ?? settings.connectTimeoutMs ?? 10_000,
  };
}
