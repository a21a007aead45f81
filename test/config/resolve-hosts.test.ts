import { userInfo } from 'node:os';
import { describe, expect, test } from 'vitest';
import type { HostSpec } from '../../src/core/spec.ts';
import { HOME, loadText, projectOf, type Aliases } from './loading.ts';

const TUNNEL = 'tunnels:\n  web: -L 8080:web:80 bastion\n';

async function hostOf(yaml: string, { aliases = {}, name = 'bastion' }: { aliases?: Aliases; name?: string } = {}): Promise<HostSpec> {
  const project = await projectOf(yaml.includes('tunnels:') ? yaml : `${yaml}${TUNNEL}`, { aliases });
  const host = project.hosts.get(name);
  if (!host) throw new Error(`no ${name} in ${[...project.hosts.keys()].join(', ')}`);
  return host;
}

test('a host of which nothing is said has the defaults', async () => {
  expect(await hostOf('hosts: {bastion: {}}\n')).toEqual({
    name: 'bastion',
    hostname: 'bastion',
    port: 22,
    user: userInfo().username,
    declared: {},
    via: [],
    identityFiles: [`${HOME}/.ssh/id_rsa`, `${HOME}/.ssh/id_ecdsa`, `${HOME}/.ssh/id_ed25519`],
    identityFilesExplicit: false,
    certificateFiles: [],
    identitiesOnly: false,
    agent: 'auto',
    forwardAgent: false,
    password: null,
    passphrase: null,
    hostKeys: [],
    hostKeyPolicy: 'ask',
    knownHosts: [`${HOME}/.ssh/known_hosts`, `${HOME}/.ssh/known_hosts2`, '/etc/ssh/ssh_known_hosts', '/etc/ssh/ssh_known_hosts2'],
    hostKeyAlias: null,
    proxyCommand: null,
    proxy: null,
    transport: 'ssh2',
    keepalive: { intervalMs: 5000, count: 3 },
    connectTimeoutMs: 10_000,
    reconnect: { minMs: 500, maxMs: 30_000, attempts: null },
    connections: 1,
    ciphers: [],
    kex: [],
    macs: [],
    addressFamily: 'any',
    compression: false,
  } satisfies HostSpec);
});

const CONFIG: Aliases = {
  bastion: {
    hostname: 'from-config.example.com',
    port: 2200,
    user: 'from-config',
    identityFiles: ['/config/key'],
    identitiesOnly: true,
    agent: 'none',
    forwardAgent: true,
    proxyJump: 'edge',
    userKnownHosts: ['/config/known_hosts'],
    globalKnownHosts: ['/config/global'],
    hostKeyAlias: 'alias',
    hostKeyPolicy: 'strict',
    connectTimeoutMs: 7000,
    keepaliveIntervalMs: 30_000,
    keepaliveCount: 9,
    addressFamily: 'inet',
    compression: true,
    ciphers: ['a'],
    kex: ['b'],
    macs: ['c'],
  },
  edge: {},
};

test('what ssh_config says is taken where the file says nothing', async () => {
  expect(await hostOf(TUNNEL, { aliases: CONFIG })).toMatchObject({
    hostname: 'from-config.example.com',
    port: 2200,
    user: 'from-config',
    declared: {},
    via: ['edge'],
    identityFiles: ['/config/key'],
    identityFilesExplicit: true,
    identitiesOnly: true,
    agent: 'none',
    forwardAgent: true,
    knownHosts: ['/config/known_hosts', '/config/global'],
    hostKeyAlias: 'alias',
    hostKeyPolicy: 'strict',
    connectTimeoutMs: 7000,
    keepalive: { intervalMs: 30_000, count: 9 },
    addressFamily: 'inet',
    compression: true,
    ciphers: ['a'],
    kex: ['b'],
    macs: ['c'],
  });
});

describe('the file wins over defaults.host, which wins over ssh_config', () => {
  test.each([
    ['user: me', 'user', 'me'],
    ['port: 1', 'port', 1],
    ['hostname: h', 'hostname', 'h'],
    ['identity_file: k', 'identityFiles', [expect.stringMatching(/shop\/k$/)]],
    ['identity_file: ~/k', 'identityFiles', [`${HOME}/k`]],
    ['identities_only: false', 'identitiesOnly', false],
    ['agent: auto', 'agent', 'auto'],
    ['agent: ./a.sock', 'agent', expect.stringMatching(/shop\/a\.sock$/)],
    ['forward_agent: false', 'forwardAgent', false],
    ['known_hosts: [k, ~/j]', 'knownHosts', [expect.stringMatching(/shop\/k$/), `${HOME}/j`, '/config/global']],
    ['host_key_alias: other', 'hostKeyAlias', 'other'],
    ['host_key_policy: accept-new', 'hostKeyPolicy', 'accept-new'],
    ['connect_timeout: 1m30s', 'connectTimeoutMs', 90_000],
    ['keepalive: {interval: 250ms}', 'keepalive', { intervalMs: 250, count: 9 }],
    ['keepalive: {count: 1}', 'keepalive', { intervalMs: 30_000, count: 1 }],
    ['reconnect: {min: 1s, attempts: 0}', 'reconnect', { minMs: 1000, maxMs: 30_000, attempts: 0 }],
    ['reconnect: {max: 100ms}', 'reconnect', { minMs: 100, maxMs: 100, attempts: null }],
    ['reconnect: {min: 2m}', 'reconnect', { minMs: 120_000, maxMs: 120_000, attempts: null }],
    ['via: []', 'via', []],
    ['via: [a, b]', 'via', ['a', 'b']],
    ['address_family: any', 'addressFamily', 'any'],
    ['compression: false', 'compression', false],
    ['connections: 4', 'connections', 4],
    ['ciphers: [x, y]', 'ciphers', ['x', 'y']],
    ['kex: "x,y"', 'kex', ['x', 'y']],
    ['macs: [x]', 'macs', ['x']],
    ['password: {env: PW}', 'password', { env: 'PW' }],
    ['passphrase: {prompt: true}', 'passphrase', { prompt: true }],
    ['host_key: SHA256:uNiVztksCsDhcc0u9e8BgrJXVGDQdxo7BqPxzmGLUyk=', 'hostKeys', ['SHA256:uNiVztksCsDhcc0u9e8BgrJXVGDQdxo7BqPxzmGLUyk']],
    ['ssh_config: false', 'hostname', 'bastion'],
  ] as const)('%s', async (line, key, expected) => {
    const rest = 'a: {}, b: {}, edge: {}';
    expect((await hostOf(`hosts: {bastion: {${line}}, ${rest}}\n`, { aliases: CONFIG }))[key]).toEqual(expected);
    // Neither can be a default for a host that is not listed.
    if (line.startsWith('hostname') || line.startsWith('ssh_config')) return;
    expect((await hostOf(`defaults: {host: {${line}}}\nhosts: {${rest}}\n${TUNNEL}`, { aliases: CONFIG }))[key]).toEqual(expected);
  });

  test('and what the file declares is remembered for an ssh on another machine', async () => {
    const host = await hostOf('hosts: {bastion: {hostname: h, port: 1}}\ndefaults: {host: {user: me}}\n', { aliases: CONFIG });
    expect(host.declared).toEqual({ hostname: 'h', port: 1, user: 'me' });
  });
});

describe('a host is one host by whatever name it is called', () => {
  const hosts = async (tunnel: string, listed = 'bastion: {user: deploy, port: 2222, identity_file: /k}'): Promise<unknown> => {
    const project = await projectOf(`hosts: {${listed}}\ntunnels:\n  web: ${tunnel}\n`, { aliases: { gw: { user: 'u' } } });
    return [...project.hosts.values()].map(({ name, hostname, port, user, identityFiles, via }) => ({
      name,
      hostname,
      port,
      user,
      keys: identityFiles.length,
      via,
    }));
  };
  const listed = { name: 'bastion', hostname: 'bastion', port: 2222, user: 'deploy', keys: 1, via: [] };

  test.each([
    ['-L 1:a:1 bastion', [listed]],
    ['-L 1:a:1 deploy@bastion', [listed]],
    ['-L 1:a:1 ssh://deploy@bastion:2222', [listed]],
    ['-p 2222 -L 1:a:1 bastion', [listed]],
    ['{type: local, host: "deploy@bastion:2222", ingress: 1, egress: "a:1"}', [listed]],
    ['-L 1:a:1 root@bastion', [{ ...listed, name: 'root@bastion', user: 'root' }]],
    ['-p 22 -L 1:a:1 bastion', [{ ...listed, name: 'bastion:22', port: 22 }]],
    [
      '-J gw -L 1:a:1 bastion',
      [
        { ...listed, name: 'bastion+via-gw', via: ['gw'] },
        { name: 'gw', hostname: 'gw', port: 22, user: 'u', keys: 3, via: [] },
      ],
    ],
    ['-i ~/.ssh/x -L 1:a:1 root@bastion', [{ ...listed, name: 'root@bastion+key-.ssh_x', user: 'root' }]],
    ['-L 1:a:1 me@other', [{ name: 'me@other', hostname: 'other', port: 22, user: 'me', keys: 3, via: [] }]],
    ['-p 5 -L 1:a:1 root@fe80::1', [{ name: 'root@[fe80::1]:5', hostname: 'fe80::1', port: 5, user: 'root', keys: 3, via: [] }]],
  ])('%s', async (tunnel, expected) => {
    expect(await hosts(tunnel)).toEqual(expected);
  });
});

describe('the way to a host', () => {
  test('of ssh_config is followed, hop by hop', async () => {
    const aliases = { bastion: { proxyJump: 'a,ops@b.example.com:2222' }, a: { proxyJump: 'c' }, c: { hostname: 'c.example.com' } };
    const project = await projectOf(TUNNEL, { aliases });
    expect([...project.hosts.values()].map((host) => [host.name, host.via])).toEqual([
      ['bastion', ['a', 'ops@b.example.com:2222']],
      ['a', ['c']],
      ['ops@b.example.com:2222', []],
      ['c', []],
    ]);
  });

  test('that is a default for all is none for the host it leads through', async () => {
    const project = await projectOf(`defaults: {host: {via: edge}}\nhosts: {edge: {}, bastion: {}}\n${TUNNEL}`);
    expect([...project.hosts.values()].map((host) => [host.name, host.via])).toEqual([
      ['edge', []],
      ['bastion', ['edge']],
    ]);
  });

  test('a host that no active tunnel needs is not in the project', async () => {
    const project = await projectOf(`hosts: {edge: {}, bastion: {via: edge}, unused: {}}\n${TUNNEL}`);
    expect([...project.hosts.keys()]).toEqual(['edge', 'bastion']);
  });
});

describe('what ssh_config asks for and is not built is told at the host', () => {
  test.each([
    [{ proxyCommand: 'nc %h %p' }, '', ['unsupported 2']],
    [{ proxyCommand: 'nc %h %p' }, 'hosts: {bastion: {}}\n', ['unsupported 1']],
    [{ proxyCommand: 'nc %h %p' }, 'hosts: {bastion: {via: []}}\n', []],
    [{ proxyCommand: 'nc %h %p' }, 'hosts: {bastion: {ssh_config: false}}\n', []],
    [{ certificateFiles: ['/c'] }, '', ['unsupported 2']],
  ])('%j with %j', async (settings, hosts, errors) => {
    expect((await loadText(hosts + TUNNEL, { aliases: { bastion: settings } })).errors).toEqual(errors);
  });
});

describe('an unknown host', () => {
  test.each([
    ['bastoin', 'unknown host "bastoin", did you mean "bastion"?'],
    ['gww', 'unknown host "gww", did you mean "gw"?'],
    ['nothing-like-it', 'unknown host "nothing-like-it", list it under hosts, or in ~/.ssh/config'],
  ])('%s', async (name, message) => {
    const { messages } = await loadText(`hosts: {bastion: {}}\ntunnels:\n  a: -L 1:a:1 gw\n  web: -L 8080:web:80 ${name}\n`, {
      aliases: { gw: {} },
    });
    expect(messages).toEqual([`tunnels.yaml:4:23 ${message}`]);
  });

  test.each(['localhost', '10.0.0.1', 'host.example.com', 'root@host'])('is not %s', async (name) => {
    expect((await loadText(`tunnels:\n  web: -L 8080:web:80 ${name}\n`)).messages).toEqual([]);
  });

  test('is not one that only an ssh on the client dials', async () => {
    const yaml = 'tunnels:\n  web: {type: local, client: a.example.com, launch: ssh, host: far, ingress: 1, egress: "b:1"}\n';
    const project = await projectOf(yaml, {
      lookup: ({ name }) => (name === 'far' ? Promise.reject(new Error('looked up here')) : Promise.resolve({ status: 'no-ssh' })),
    });
    expect(project.hosts.get('far')).toMatchObject({ hostname: 'far', declared: {} });
  });
});

test('a failing ssh_config is told once for each host, in ssh’s words', async () => {
  const { messages } = await loadText(TUNNEL, {
    lookup: () => Promise.resolve({ status: 'failed', message: 'line 3: Bad configuration option: x' }),
  });
  expect(messages).toEqual(['tunnels.yaml:2:23 ssh_config: line 3: Bad configuration option: x']);
});
