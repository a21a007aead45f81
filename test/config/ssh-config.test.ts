import { mkdirSync, writeFileSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { sshConfigLookup, type SshConfigAnswer } from '../../src/config/ssh-config.ts';
import { loadIn, projectWith } from './loading.ts';

const HOME = '/home/somebody';

async function lookUp(config: string, name: string): Promise<SshConfigAnswer> {
  const file = join(projectWith({ config }), 'config');
  return sshConfigLookup()({ name, file, home: HOME });
}

const settingsOf = async (config: string, name = 'alias'): Promise<unknown> => {
  const answer = await lookUp(`Host alias\n${config}\n`, name);
  return answer.status === 'answered' ? answer.settings : answer;
};

describe('the real ssh is asked what ssh_config says', () => {
  test.each([
    ['HostName web.example.com', { hostname: 'web.example.com' }],
    ['HostName %h.example.com', { hostname: 'alias.example.com' }],
    ['Port 2222\nUser deploy', { port: 2222, user: 'deploy' }],
    ['Port 22', {}],
    ['IdentityFile ~/.ssh/work', { identityFiles: [`${HOME}/.ssh/work`] }],
    ['IdentityFile /keys/%r@%h-%p-%n-%d-100%%', { identityFiles: [`/keys/${userInfo().username}@alias-22-alias-${HOME}-100%`] }],
    ['IdentityFile /keys/%u-%i-%l', { identityFiles: [`/keys/${userInfo().username}-${userInfo().uid}-${hostname()}`] }],
    ['IdentityFile a\nIdentityFile b', { identityFiles: ['a', 'b'] }],
    ['IdentityFile none', { identityFiles: [] }],
    ['IdentitiesOnly yes', { identitiesOnly: true }],
    ['IdentityAgent none', { agent: 'none' }],
    ['IdentityAgent SSH_AUTH_SOCK', { agent: 'auto' }],
    ['IdentityAgent /run/agent.sock', { agent: '/run/agent.sock' }],
    ['ForwardAgent yes', { forwardAgent: true }],
    ['CertificateFile ~/.ssh/id-cert.pub', { certificateFiles: [`${HOME}/.ssh/id-cert.pub`] }],
    ['ProxyJump a,deploy@b:2222', { proxyJump: 'a,deploy@b:2222' }],
    ['ProxyJump none', {}],
    ['ProxyCommand nc %h %p', { proxyCommand: 'nc %h %p' }],
    ['ProxyCommand none', {}],
    ['UserKnownHostsFile /kh/one /kh/two', { userKnownHosts: ['/kh/one', '/kh/two'] }],
    ['GlobalKnownHostsFile /kh/global', { globalKnownHosts: ['/kh/global'] }],
    ['UserKnownHostsFile none', { userKnownHosts: [] }],
    ['HostKeyAlias other', { hostKeyAlias: 'other' }],
    ['StrictHostKeyChecking yes', { hostKeyPolicy: 'strict' }],
    ['StrictHostKeyChecking accept-new', { hostKeyPolicy: 'accept-new' }],
    ['StrictHostKeyChecking no', { hostKeyPolicy: 'accept-new' }],
    ['StrictHostKeyChecking ask', {}],
    ['ConnectTimeout 7', { connectTimeoutMs: 7000 }],
    ['ServerAliveInterval 30\nServerAliveCountMax 5', { keepaliveIntervalMs: 30_000, keepaliveCount: 5 }],
    ['AddressFamily inet6', { addressFamily: 'inet6' }],
    ['Compression yes', { compression: true }],
    ['Ciphers aes256-ctr,aes128-ctr', { ciphers: ['aes256-ctr', 'aes128-ctr'] }],
    ['KexAlgorithms curve25519-sha256', { kex: ['curve25519-sha256'] }],
    ['MACs hmac-sha2-256', { macs: ['hmac-sha2-256'] }],
    ['ServerAliveCountMax 3\nSendEnv LANG', {}],
  ])('%j', async (config, expected) => {
    expect(await settingsOf(config)).toEqual(expected);
  });

  test('only a name the file speaks of is matched', async () => {
    const config = 'Host alias *.internal !no.internal\n  User deploy\nHost *\n  HostName %h.example.com\n  Port 2222\n';
    const matched = await Promise.all(
      ['alias', 'a.internal', 'no.internal', 'other'].map(async (name) => {
        const answer = await lookUp(config, name);
        return answer.status === 'answered' && [answer.matched, answer.settings.port];
      }),
    );
    expect(matched).toEqual([
      [true, 2222],
      [true, 2222],
      [false, 2222],
      [false, 2222],
    ]);
  });

  test('a file that ssh cannot read is told in its words', async () => {
    expect(await lookUp('Host alias\n  NoSuchOption yes\n', 'alias')).toEqual({
      status: 'failed',
      message: expect.stringMatching(/config: line 2: Bad configuration option: nosuchoption/),
    });
  });

  test('a name is never an option', async () => {
    const answer = await lookUp('', '-V');
    expect(answer.status).toBe('failed');
  });

  test('$HOME in another place has an ssh_config of its own', async () => {
    const home = projectWith({});
    mkdirSync(join(home, '.ssh'));
    writeFileSync(join(home, '.ssh/config'), 'Host gw\n  HostName gw.example.com\n  IdentityFile ~/.ssh/gw\n');
    expect(await sshConfigLookup()({ name: 'gw', file: null, home })).toEqual({
      status: 'answered',
      matched: true,
      settings: { hostname: 'gw.example.com', identityFiles: [`${home}/.ssh/gw`] },
    });
  });
});

describe('where there is no ssh', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
    vi.resetModules();
  });

  test('names are taken as they are, and that is said once', async () => {
    vi.stubEnv('PATH', '/nonexistent');
    vi.resetModules();
    const fresh = await import('../../src/config/ssh-config.ts');
    const cwd = projectWith({ 'tunnels.yaml': 'tunnels:\n  a: -L 1:web:80 one\n  b: -L 2:web:80 two\n' });
    const { loaded, messages, errors } = await loadIn(cwd, { lookup: fresh.sshConfigLookup() });
    expect(errors).toEqual([]);
    expect(messages).toEqual([
      'there is no ssh on this machine, so ssh_config is not read, install the OpenSSH client, or list the hosts here',
    ]);
    expect([...(loaded?.project.hosts.values() ?? [])].map((host) => host.hostname)).toEqual(['one', 'two']);
  });
});
