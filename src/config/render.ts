/** The resolved configuration as a tunnels.yaml again: long forms only, every default written out, secrets by their source. */
import { formatAddress } from '../core/address.ts';
import { THIS_MACHINE, type Healthcheck, type HostSpec, type SecretSource, type TunnelSpec } from '../core/spec.ts';
import { formatDuration } from './duration.ts';
import type { Host, Tunnel, TunnelsFile } from './generated/file.ts';
import type { Loaded } from './loaded.ts';

/** Loading it gives the same project, whatever ssh_config and the environment say then. */
export function configDocument({ project }: Pick<Loaded, 'project'>): TunnelsFile {
  return withoutVariables({
    name: project.name,
    hosts: Object.fromEntries([...project.hosts.values()].map((spec) => [spec.name, hostDocument(spec)])),
    tunnels: Object.fromEntries([...project.tunnels.values()].map((spec) => [spec.name, tunnelDocument(spec)])),
  });
}

function hostDocument(spec: HostSpec): Host {
  const { keepalive, reconnect } = spec;
  return {
    hostname: spec.hostname,
    port: spec.port,
    user: spec.user,
    // An empty list too: it says that there is none, whatever a default says.
    via: [...spec.via],
    ...(spec.identityFilesExplicit ? { identity_file: [...spec.identityFiles] } : {}),
    identities_only: spec.identitiesOnly,
    agent: spec.agent,
    forward_agent: spec.forwardAgent,
    ...(spec.password ? { password: secret(spec.password) } : {}),
    ...(spec.passphrase ? { passphrase: secret(spec.passphrase) } : {}),
    ...(spec.hostKeys.length > 0 ? { host_key: [...spec.hostKeys] } : {}),
    host_key_policy: spec.hostKeyPolicy,
    known_hosts: [...spec.knownHosts],
    ...(spec.hostKeyAlias === null ? {} : { host_key_alias: spec.hostKeyAlias }),
    ssh_config: false,
    transport: spec.transport,
    keepalive: { interval: formatDuration(keepalive.intervalMs), count: keepalive.count },
    connect_timeout: formatDuration(spec.connectTimeoutMs),
    reconnect: {
      min: formatDuration(reconnect.minMs),
      max: formatDuration(reconnect.maxMs),
      attempts: reconnect.attempts ?? 'unlimited',
    },
    connections: spec.connections,
    ...lists({ ciphers: spec.ciphers, kex: spec.kex, macs: spec.macs }),
    address_family: spec.addressFamily,
    compression: spec.compression,
  };
}

/** An empty list of algorithms is no list: the built-in one is meant. */
const lists = (all: Readonly<Record<'ciphers' | 'kex' | 'macs', readonly string[]>>): { [key: string]: string[] } =>
  Object.fromEntries(Object.entries(all).flatMap(([key, list]) => (list.length > 0 ? [[key, [...list]]] : [])));

function secret(source: SecretSource): { env: string } | { command: string[] } | { prompt: true } {
  if ('env' in source) return { env: source.env };
  return 'command' in source ? { command: [...source.command] } : { prompt: true };
}

/** A dollar sign would begin a variable when it is read again. */
function withoutVariables<T>(value: T): T {
  if (typeof value === 'string') return value.replaceAll('$', '$$$$') as T;
  if (Array.isArray(value)) return value.map(withoutVariables) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withoutVariables<unknown>(inner)])) as T;
}

function tunnelDocument(spec: TunnelSpec): Tunnel {
  const [host = THIS_MACHINE, ...more] = spec.hosts;
  const launched = spec.client !== THIS_MACHINE ? { launch: spec.launch } : {};
  return {
    type: spec.type,
    host: more.length === 0 ? host : [host, ...more],
    client: spec.client,
    ...launched,
    ingress: formatAddress(spec.ingress),
    ...(spec.egress ? { egress: formatAddress(spec.egress) } : {}),
    expose: spec.expose,
    ...(spec.allow.length > 0 ? { allow: [...spec.allow] } : {}),
    ...(spec.allowTargets.length > 0 ? { allow_targets: [...spec.allowTargets] } : {}),
    ...(spec.dependsOn.length > 0
      ? { depends_on: Object.fromEntries(spec.dependsOn.map(({ tunnel, condition }) => [tunnel, { condition }])) }
      : {}),
    ...(spec.healthcheck ? { healthcheck: healthcheckDocument(spec.healthcheck) } : {}),
    start: spec.start,
    ...(spec.start === 'on-demand' ? { idle_timeout: formatDuration(spec.idleTimeoutMs) } : {}),
    park: formatDuration(spec.parkMs),
    drain: formatDuration(spec.drainMs),
    on_conflict: spec.onConflict,
    ...(spec.launch === 'ssh' ? {} : { max_connections: spec.maxConnections }),
    socket_mode: `0${spec.socketMode.toString(8).padStart(3, '0')}`,
    ...(Object.keys(spec.env).length > 0 ? { env: { ...spec.env } } : {}),
  };
}

function healthcheckDocument({
  probe,
  intervalMs,
  timeoutMs,
  retries,
  startPeriodMs,
}: Healthcheck): NonNullable<Exclude<Tunnel, string>['healthcheck']> {
  return {
    ...(probe.kind === 'tcp' ? { tcp: true as const } : {}),
    ...(probe.kind === 'http' ? { http: probe.path } : {}),
    ...(probe.kind === 'command' ? { command: [...probe.argv] } : {}),
    interval: formatDuration(intervalMs),
    timeout: formatDuration(timeoutMs),
    retries,
    start_period: formatDuration(startPeriodMs),
  };
}
