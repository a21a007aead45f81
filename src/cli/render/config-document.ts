/**
 * The resolved project in the words of tunnels.yaml. Loaded again it means the same, on any machine: what ssh_config said is
 * written out, and ssh_config is then turned off. Only sources of secrets are in a project, so no secret can be in this.
 */
import { formatAddress } from '../../core/address.ts';
import { THIS_MACHINE, type Healthcheck, type HostSpec, type Project, type SecretSource, type TunnelSpec } from '../../core/spec.ts';
import { formatLimit } from './quantity.ts';

type Document = Readonly<Record<string, unknown>>;

export function configDocument(project: Project): Document {
  const hosts = Object.fromEntries([...project.hosts.values()].map((host) => [host.name, escaped(hostDocument(host))]));
  const tunnels = Object.fromEntries([...project.tunnels.values()].map((tunnel) => [tunnel.name, escaped(tunnelDocument(tunnel))]));
  return without({ name: project.name, hosts: Object.keys(hosts).length > 0 ? hosts : null, tunnels });
}

/** Leaves out what is not set: null and empty lists. */
const without = (document: Document): Document =>
  Object.fromEntries(Object.entries(document).filter(([, value]) => value !== null && !(Array.isArray(value) && value.length === 0)));

/** A dollar sign of a value is no variable; keys are taken as they are. */
function escaped(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll('$', '$$$$');
  if (Array.isArray(value)) return value.map(escaped);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, escaped(each)]));
}

/** A URL may carry a password where a value was put together from variables. */
const mask = (text: string): string => text.replace(/([a-z][a-z0-9+.-]*:\/\/[^\s:@/]*):[^\s@/]+@/gi, '$1:***@');
const masked = (value: string | readonly string[] | null): unknown =>
  value === null ? null : typeof value === 'string' ? mask(value) : value.map(mask);

function hostDocument(host: HostSpec): Document {
  const { keepalive, reconnect } = host;
  const settings = without({
    hostname: host.hostname,
    port: host.port,
    user: host.user,
    certificate_file: host.certificateFiles,
    identities_only: host.identitiesOnly,
    agent: host.agent,
    forward_agent: host.forwardAgent,
    password: secretDocument(host.password),
    passphrase: secretDocument(host.passphrase),
    host_key: host.hostKeys,
    host_key_policy: host.hostKeyPolicy,
    known_hosts: host.knownHosts,
    host_key_alias: host.hostKeyAlias,
    ssh_config: false,
    proxy_command: masked(host.proxyCommand),
    proxy: masked(host.proxy),
    transport: host.transport,
    keepalive: { interval: formatLimit(keepalive.intervalMs), count: keepalive.count },
    connect_timeout: formatLimit(host.connectTimeoutMs),
    reconnect: { min: formatLimit(reconnect.minMs), max: formatLimit(reconnect.maxMs), attempts: reconnect.attempts ?? 'unlimited' },
    connections: host.connections,
    ciphers: host.ciphers,
    kex: host.kex,
    macs: host.macs,
    address_family: host.addressFamily,
    compression: host.compression,
  });
  // An empty list says "none" here, where saying nothing would ask `deploy@bastion` to go the way of `bastion`, with its keys.
  // Keys that nobody named are the usual ones, and only tried where they exist.
  return { ...settings, via: host.via, ...(host.identityFilesExplicit ? { identity_file: host.identityFiles } : {}) };
}

const secretDocument = (source: SecretSource | null): Document | null =>
  source && 'command' in source ? { command: source.command.argv } : source;

function tunnelDocument(tunnel: TunnelSpec): Document {
  const onClient = tunnel.client !== THIS_MACHINE;
  return without({
    type: tunnel.type,
    host: tunnel.hosts.length === 1 ? tunnel.hosts[0] : tunnel.hosts,
    client: onClient ? tunnel.client : null,
    launch: onClient ? tunnel.launch : null,
    ingress: formatAddress(tunnel.ingress),
    egress: tunnel.egress ? formatAddress(tunnel.egress) : null,
    expose: tunnel.expose,
    allow: tunnel.allow,
    allow_targets: tunnel.allowTargets,
    depends_on:
      tunnel.dependsOn.length === 0
        ? null
        : Object.fromEntries(tunnel.dependsOn.map(({ tunnel: name, condition }) => [name, { condition }])),
    profiles: tunnel.profiles,
    healthcheck: tunnel.healthcheck ? healthcheckDocument(tunnel.healthcheck) : null,
    start: tunnel.start === 'on-demand' ? tunnel.start : null,
    idle_timeout: tunnel.start === 'on-demand' ? formatLimit(tunnel.idleTimeoutMs) : null,
    park: formatLimit(tunnel.parkMs),
    drain: formatLimit(tunnel.drainMs),
    on_conflict: tunnel.onConflict,
    max_connections: tunnel.maxConnections,
    socket_mode: tunnel.ingress.kind === 'unix' ? tunnel.socketMode.toString(8).padStart(4, '0') : null,
    env:
      Object.keys(tunnel.env).length === 0
        ? null
        : Object.fromEntries(Object.entries(tunnel.env).map(([name, value]) => [name, mask(value)])),
  });
}

function healthcheckDocument({ probe, intervalMs, timeoutMs, retries, startPeriodMs }: Healthcheck): Document {
  const what = probe.kind === 'tcp' ? { tcp: true } : probe.kind === 'http' ? { http: probe.path } : { command: probe.command.argv };
  return {
    ...what,
    interval: formatLimit(intervalMs),
    timeout: formatLimit(timeoutMs),
    retries,
    start_period: formatLimit(startPeriodMs),
  };
}
