/** Specs with everything defaulted, for tests of what is decided about them. */
import { tcp } from '../../src/core/address.ts';
import { THIS_MACHINE, type HostSpec, type Project, type TunnelSpec } from '../../src/core/spec.ts';

export const hostSpec = (name: string, part: Partial<HostSpec> = {}): HostSpec => ({
  name,
  hostname: `${name}.example.com`,
  port: 22,
  user: 'deploy',
  declared: {},
  via: [],
  identityFiles: [],
  identityFilesExplicit: false,
  certificateFiles: [],
  identitiesOnly: false,
  agent: 'none',
  forwardAgent: false,
  password: null,
  passphrase: null,
  hostKeys: [],
  hostKeyPolicy: 'strict',
  knownHosts: [],
  hostKeyAlias: null,
  proxyCommand: null,
  proxy: null,
  transport: 'ssh2',
  keepalive: { intervalMs: 5_000, count: 3 },
  connectTimeoutMs: 10_000,
  reconnect: { minMs: 500, maxMs: 30_000, attempts: null },
  connections: 1,
  ciphers: [],
  kex: [],
  macs: [],
  addressFamily: 'any',
  compression: false,
  ...part,
});

export const tunnelSpec = (name: string, part: Partial<TunnelSpec> = {}): TunnelSpec => ({
  name,
  type: 'local',
  hosts: ['bastion'],
  client: THIS_MACHINE,
  launch: 'relay',
  ingress: tcp('localhost', 8080),
  egress: tcp('web', 80),
  expose: false,
  allow: [],
  allowTargets: [],
  dependsOn: [],
  profiles: [],
  healthcheck: null,
  start: 'eager',
  idleTimeoutMs: 300_000,
  parkMs: 10_000,
  drainMs: 10_000,
  onConflict: 'fail',
  maxConnections: 1_024,
  socketMode: 0o600,
  env: {},
  ...part,
});

export const project = (hosts: readonly HostSpec[], tunnels: readonly TunnelSpec[]): Project => ({
  name: 'test',
  hosts: new Map(hosts.map((host) => [host.name, host])),
  tunnels: new Map(tunnels.map((tunnel) => [tunnel.name, tunnel])),
});

/** The double tunnel of the guide: you → bastion → test-server → git-server. */
export const doubleTunnel = (): Project =>
  project(
    [hostSpec('bastion'), hostSpec('test-server', { via: ['bastion'] })],
    [
      tunnelSpec('git-inner', {
        client: 'bastion',
        hosts: ['test-server'],
        ingress: tcp('localhost', 2999),
        egress: tcp('git-server', 7999),
      }),
      tunnelSpec('git', { ingress: tcp('localhost', 7999), egress: tcp('localhost', 2999) }),
    ],
  );
