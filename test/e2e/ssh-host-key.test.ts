import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { tcp } from '../../src/core/address.ts';
import { connect } from '../../src/ssh/connect.ts';
import { hashName } from '../../src/ssh/known-hosts.ts';
import { runChild } from '../helpers/child.ts';
import { keyPair } from '../helpers/keys.ts';
import { remove, scratch } from '../helpers/scratch.ts';
import { startEcho } from '../helpers/services.ts';
import type { Sshd } from '../helpers/sshd.ts';
import { afterwards, attempt, failureOf, open, server } from './ssh-connecting.ts';

function knownHosts(...lines: readonly string[]): string {
  const dir = scratch('known');
  afterwards(() => remove(dir));
  const file = join(dir, 'known_hosts');
  if (lines.length > 0) writeFileSync(file, lines.map((line) => `${line.trim()}\n`).join(''));
  return file;
}

/** A refusal of the host key comes before any authentication. */
function expectNobodyAuthenticated(sshd: Sshd): void {
  expect(sshd.connections()).toMatchObject({ authenticated: 0, attempts: 0 });
  expect(sshd.log()).not.toMatch(/userauth|Failed|Postponed/);
}

test('a key pinned in the file is trusted, whatever known_hosts says', async () => {
  const sshd = await server();
  const other = await keyPair({ name: 'other-host' });
  const file = knownHosts(`[${sshd.address}]:${sshd.port} ${other.publicKey}`);
  const pinned = attempt(sshd, { host: { hostKeys: [sshd.fingerprint], knownHosts: [file] } });
  await (await connect(pinned.request)).end();
  expect(pinned.notices).toContainEqual({ type: 'host-key', fingerprint: sshd.fingerprint, trusted: 'host_key' });
});

test('a key that is not the pinned one ends the attempt, even where known_hosts has it', async () => {
  const sshd = await server();
  const other = await keyPair({ name: 'other-host' });
  const failure = await failureOf(connect(attempt(sshd, { host: { hostKeys: [other.fingerprint] } }).request));
  expect(failure).toMatchObject({ code: 'host-key-changed', message: expect.stringContaining(sshd.fingerprint) });
  expectNobodyAuthenticated(sshd);
});

test('a pin of the server’s second key is found by asking for it', async () => {
  const sshd = await server({ hostKeys: ['ed25519', 'ecdsa', 'rsa'] });
  for (const key of sshd.hostKeys) await (await open(sshd, { host: { hostKeys: [key.fingerprint], knownHosts: [] } })).end();
});

test.each(['rsa', 'ecdsa', 'ed25519'] as const)('a host known by its %s key only is verified by that', async (type) => {
  const sshd = await server({ hostKeys: ['ed25519', 'ecdsa', 'rsa'] });
  const key = sshd.hostKeys.find((pair) => pair.type === type);
  const tried = attempt(sshd, { host: { knownHosts: [knownHosts(`[${sshd.address}]:${sshd.port} ${key?.publicKey ?? ''}`)] } });
  await (await connect(tried.request)).end();
  expect(tried.notices).toContainEqual(expect.objectContaining({ type: 'host-key', fingerprint: key?.fingerprint }));
});

test('a changed key names the line, and nobody authenticates', async () => {
  const sshd = await server();
  await sshd.restart({ hostKeyName: 'other' });
  const failure = await failureOf(connect(attempt(sshd).request));
  expect(failure).toMatchObject({ code: 'host-key-changed', message: expect.stringContaining(`${sshd.knownHostsFile}:1`) });
  expectNobodyAuthenticated(sshd);
});

test('a revoked key is refused, and nobody authenticates', async () => {
  const sshd = await server();
  const file = knownHosts(sshd.knownHostsLine(), `@revoked * ${sshd.hostKeys[0]?.publicKey ?? ''}`);
  const failure = await failureOf(connect(attempt(sshd, { host: { knownHosts: [file], hostKeyPolicy: 'ignore' } }).request));
  expect(failure).toMatchObject({ code: 'host-key-revoked', message: expect.stringContaining(`${file}:2`) });
  expectNobodyAuthenticated(sshd);
});

test('a name hashed by ssh-keygen is found', async () => {
  const sshd = await server();
  const file = knownHosts(sshd.knownHostsLine());
  execFileSync('ssh-keygen', ['-H', '-f', file], { stdio: 'ignore' });
  expect(readFileSync(file, 'utf8')).toMatch(/^\|1\|/);
  await open(sshd, { host: { knownHosts: [file] } });
});

describe('an unknown key', () => {
  test.each(['strict', 'ask'] as const)('is refused under %s with nobody to ask, and nobody authenticates', async (hostKeyPolicy) => {
    const sshd = await server();
    const failure = await failureOf(connect(attempt(sshd, { host: { knownHosts: [], hostKeyPolicy } }).request));
    expect(failure).toMatchObject({ code: 'host-key-unknown', message: expect.stringContaining(sshd.fingerprint) });
    expect(failure.hint).toContain(`ssh-keyscan -p ${sshd.port}`);
    expectNobodyAuthenticated(sshd);
  });

  test('is refused when the answer is no', async () => {
    const sshd = await server();
    const tried = attempt(sshd, { host: { knownHosts: [], hostKeyPolicy: 'ask' }, answers: { hostKey: 'no' } });
    expect((await failureOf(connect(tried.request))).code).toBe('host-key-unknown');
    expectNobodyAuthenticated(sshd);
  });

  test.each([
    ['ask', 'yes'],
    ['accept-new', null],
  ] as const)('is written down under %s, so that ssh itself trusts it then', async (hostKeyPolicy, hostKey) => {
    const sshd = await server();
    const dir = scratch('home');
    afterwards(() => remove(dir));
    const file = join(dir, '.ssh', 'known_hosts');
    await open(sshd, { host: { knownHosts: [file], hostKeyPolicy }, answers: { hostKey } });
    expect(statSync(join(dir, '.ssh')).mode & 0o777).toBe(0o700);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    await open(sshd, { host: { knownHosts: [file], hostKeyPolicy: 'strict' } });
    const options = ['-F', '/dev/null', '-o', `UserKnownHostsFile=${file}`, '-o', 'StrictHostKeyChecking=yes', '-o', 'BatchMode=yes'];
    const ssh = await runChild('ssh', [
      ...options,
      '-i',
      sshd.userKey.privateKeyFile,
      '-p',
      String(sshd.port),
      `${sshd.user}@${sshd.address}`,
      'true',
    ]);
    expect(ssh).toMatchObject({ code: 0 });
  });

  test('is written hashed where the other names are, and found again', async () => {
    const sshd = await server();
    const other = await keyPair({ name: 'other-host' });
    const file = knownHosts(`${hashName('other.example.com')} ${other.publicKey}`);
    await open(sshd, { host: { knownHosts: [file], hostKeyPolicy: 'accept-new' } });
    expect(readFileSync(file, 'utf8').trim().split('\n')).toEqual([expect.stringMatching(/^\|1\|/), expect.stringMatching(/^\|1\|/)]);
    await open(sshd, { host: { knownHosts: [file] } });
  });

  test('is taken with a warning under ignore, and not written down', async () => {
    const sshd = await server();
    const file = knownHosts();
    const tried = attempt(sshd, { host: { knownHosts: [file], hostKeyPolicy: 'ignore' } });
    await (await connect(tried.request)).end();
    expect(tried.notices).toContainEqual(expect.objectContaining({ type: 'warning', message: expect.stringContaining('not verified') }));
    expect(existsSync(file)).toBe(false);
  });
});

test('an alias is looked up in place of the address', async () => {
  const sshd = await server();
  const file = knownHosts(`gateway ${sshd.hostKeys[0]?.publicKey ?? ''}`);
  await open(sshd, { host: { knownHosts: [file], hostKeyAlias: 'Gateway' } });
});

test('the key is compared again when the keys are renewed, without a question', async () => {
  const sshd = await server({ config: { RekeyLimit: '1M' } });
  const echo = await startEcho();
  afterwards(() => echo.stop());
  const tried = attempt(sshd, { host: { knownHosts: [], hostKeyPolicy: 'accept-new' } });
  const connection = await connect(tried.request);
  const stream = await connection.dial(tcp('127.0.0.1', echo.port));
  stream.end(Buffer.alloc(4 << 20));
  let received = 0;
  for await (const chunk of stream) received += (chunk as Buffer).length;
  expect(received).toBe(4 << 20);
  expect(tried.notices.filter((notice) => notice.type === 'host-key')).toHaveLength(1);
  await connection.end();
});
