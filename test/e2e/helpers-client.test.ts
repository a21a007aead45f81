import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { startAgent } from '../helpers/agent.ts';
import { check, runChild } from '../helpers/child.ts';
import { type KeyOptions, keyPair } from '../helpers/keys.ts';
import { createProject, hostEntry } from '../helpers/project.ts';
import { startGitDaemon, startRedis } from '../helpers/services.ts';
import { gitEnv } from '../helpers/git-daemon.ts';
import { redisCli } from '../helpers/redis.ts';
import { remove, scratch } from '../helpers/scratch.ts';
import { startSshd } from '../helpers/sshd.ts';
import { until } from '../helpers/wait.ts';

const stops: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

describe('keyPair', () => {
  const kinds: readonly (KeyOptions & { readonly begins: string })[] = [
    { type: 'ed25519', begins: '-----BEGIN OPENSSH PRIVATE KEY' },
    { type: 'rsa', format: 'pem', begins: '-----BEGIN RSA PRIVATE KEY' },
    { type: 'ecdsa', format: 'pem', begins: '-----BEGIN EC PRIVATE KEY' },
    { type: 'ecdsa', format: 'pkcs8', begins: '-----BEGIN PRIVATE KEY' },
    { type: 'rsa', format: 'pkcs8', passphrase: 'secret', begins: '-----BEGIN ENCRYPTED PRIVATE KEY' },
    { type: 'ed25519', passphrase: 'secret', begins: '-----BEGIN OPENSSH PRIVATE KEY' },
  ];
  test.each(kinds)('$type $format with passphrase $passphrase', async ({ begins, ...options }) => {
    const key = await keyPair(options);
    expect(readFileSync(key.privateKeyFile, 'utf8').startsWith(begins)).toBe(true);
    expect(await check('ssh-keygen', ['-l', '-f', key.publicKeyFile])).toContain(key.fingerprint);
    expect(await keyPair(options)).toEqual(key);
  });
});

test('an agent opens a server with a key it holds, and not once the key is removed', async () => {
  const key = await keyPair({ name: 'in-agent' });
  const agent = await startAgent(key);
  stops.push(agent.stop);
  expect(await agent.fingerprints()).toEqual([key.fingerprint]);
  const sshd = await startSshd({ authorizedKeys: [key] });
  stops.push(sshd.stop);
  const args = ['-F', '/dev/null', '-o', `UserKnownHostsFile=${sshd.knownHostsFile}`, '-o', 'BatchMode=yes', '-o', 'IdentityFile=none'];
  const login = () =>
    runChild('ssh', [...args, '-p', String(sshd.port), `${sshd.user}@${sshd.address}`, 'true'], {
      env: { ...process.env, SSH_AUTH_SOCK: agent.socket },
    });
  expect((await login()).code).toBe(0);
  await agent.removeAll();
  expect(await agent.fingerprints()).toEqual([]);
  expect((await login()).code).toBe(255);
});

test('a project has an ssh that knows its hosts from its own ~/.ssh/config, and leaves nothing', async () => {
  const sshd = await startSshd();
  stops.push(sshd.stop);
  const project = createProject({ aliases: { bastion: sshd }, yaml: { hosts: { other: hostEntry(sshd) } } });
  stops.push(project.remove);
  const result = await runChild('ssh', ['-o', 'BatchMode=yes', 'bastion', 'echo', 'there'], { env: project.env });
  expect(result).toMatchObject({ code: 0, stdout: 'there\n' });
  const oracle = await check('ssh', ['-G', 'bastion'], { env: project.env });
  expect(oracle).toContain(`port ${sshd.port}\n`);
  expect(readFileSync(join(project.dir, 'tunnels.yaml'), 'utf8')).toContain(`port: ${sshd.port}`);
  project.write('tunnels: {}\n');
  expect(readFileSync(join(project.dir, 'tunnels.yaml'), 'utf8')).toBe('tunnels: {}\n');
  await project.remove();
  expect(existsSync(project.dir)).toBe(false);
});

test('a session on a server runs ssh with the configuration of that server', async () => {
  const inner = await startSshd();
  stops.push(inner.stop);
  const known = [`HostName ${inner.address}`, `Port ${inner.port}`, `User ${inner.user}`, `IdentityFile ${inner.userKey.privateKeyFile}`];
  const sshConfig = ['Host inner', ...known, `UserKnownHostsFile ${inner.knownHostsFile}`, ''].join('\n');
  const outer = await startSshd({ sshConfig });
  stops.push(outer.stop);
  const project = createProject({ aliases: { outer } });
  stops.push(project.remove);
  const result = await runChild('ssh', ['-o', 'BatchMode=yes', 'outer', 'ssh -o BatchMode=yes inner echo far'], { env: project.env });
  expect(result).toMatchObject({ code: 0, stdout: 'far\n' });
});

test('redis answers on its port and on its socket', async () => {
  const redis = await startRedis();
  stops.push(redis.stop);
  expect(await redisCli(['-p', String(redis.port)], 'SET', 'key', 'value')).toBe('OK');
  expect(await redisCli(['-s', redis.path], 'GET', 'key')).toBe('value');
});

test('a git daemon serves a clone', async () => {
  const git = await startGitDaemon();
  stops.push(git.stop);
  const dir = scratch('clone');
  stops.push(() => remove(dir));
  await check('git', ['clone', '-q', `git://127.0.0.1:${git.port}/${git.repository}`, 'shop'], { cwd: dir, env: gitEnv() });
  expect((await check('git', ['-C', 'shop', 'rev-parse', 'HEAD'], { cwd: dir, env: gitEnv() })).trim()).toBe(git.head);
});

describe('sessions', () => {
  test('can be frozen, thawed and cut', async () => {
    const sshd = await startSshd();
    stops.push(sshd.stop);
    const project = createProject({ aliases: { bastion: sshd } });
    stops.push(project.remove);
    const client = runChild('ssh', ['-o', 'BatchMode=yes', 'bastion', 'sleep', '30'], { env: project.env });
    await sshd.waitForLog(/Starting session: command/);
    expect(sshd.connections()).toMatchObject({ accepted: 1, authenticated: 1, live: 1 });
    expect(sshd.signalSessions('SIGSTOP')).toBe(1);
    expect(sshd.signalSessions('SIGCONT')).toBe(1);
    expect(sshd.signalSessions('SIGKILL')).toBe(1);
    expect((await client).code).toBe(255);
    await until(() => sshd.connections().live === 0, { what: 'sshd to see its sessions end' });
  });
});
