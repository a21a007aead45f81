import { chmodSync, copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { connect } from '../../src/ssh/connect.ts';
import { accountsAvailable } from '../helpers/accounts.ts';
import { startAgent } from '../helpers/agent.ts';
import { check } from '../helpers/child.ts';
import { keyPair, type KeyOptions, type KeyPair } from '../helpers/keys.ts';
import { remove, scratch } from '../helpers/scratch.ts';
import { afterwards, attempt, failureOf, open, server } from './ssh-connecting.ts';

function folder(): string {
  const dir = scratch('keys');
  afterwards(() => remove(dir));
  return dir;
}

async function agentWith(...keys: KeyPair[]): Promise<string> {
  const agent = await startAgent(...keys);
  afterwards(() => agent.stop());
  return agent.socket;
}

describe('key files', () => {
  const kinds: KeyOptions[] = [
    { type: 'ed25519' },
    { type: 'rsa' },
    { type: 'ecdsa' },
    { type: 'rsa', format: 'pem' },
    { type: 'ecdsa', format: 'pem' },
    { type: 'rsa', format: 'pkcs8' },
    { type: 'ecdsa', format: 'pkcs8' },
    { type: 'ed25519', passphrase: 'open sesame' },
    { type: 'rsa', format: 'pem', passphrase: 'open sesame' },
    { type: 'ecdsa', format: 'pem', passphrase: 'open sesame' },
    { type: 'rsa', format: 'pkcs8', passphrase: 'open sesame' },
    { type: 'ecdsa', format: 'pkcs8', passphrase: 'open sesame' },
  ];
  test.each(kinds)('$type $format with passphrase $passphrase opens the server', async (kind) => {
    const key = await keyPair({ name: 'kinds', ...kind });
    const sshd = await server({ authorizedKeys: [key] });
    const { request, questions } = attempt(sshd, { answers: { secrets: ['open sesame'] } });
    const connection = await connect(request);
    expect(connection.serverVersion).toMatch(/^SSH-2\.0-OpenSSH/);
    expect(questions.map((question) => question.kind)).toEqual(kind.passphrase === undefined ? [] : ['passphrase']);
    await connection.end();
    expect(await connection.closed).toBeNull();
  });

  test('an ed25519 key in PKCS#8, as openssl writes it, opens the server', async () => {
    const dir = folder();
    const path = join(dir, 'key');
    await check('openssl', ['genpkey', '-algorithm', 'ed25519', '-out', path]);
    chmodSync(path, 0o600);
    const { parsePrivateKey } = await import('../../src/ssh/private-key.ts');
    const { readFileSync } = await import('node:fs');
    const blob = parsePrivateKey(readFileSync(path, 'utf8')).getPublicSSH().toString('base64');
    const key = { ...(await keyPair()), publicKey: `ssh-ed25519 ${blob}`, privateKeyFile: path };
    const sshd = await server({ authorizedKeys: [await keyPair(), key] });
    await open(sshd, { host: { identityFiles: [path] } });
    expect(sshd.connections().authenticated).toBe(1);
  });

  test('an encrypted key whose public half nobody shows is asked for before it is offered, and then remembered', async () => {
    const key = await keyPair({ name: 'kinds', type: 'rsa', format: 'pkcs8', passphrase: 'open sesame' });
    const path = join(folder(), 'alone');
    copyFileSync(key.privateKeyFile, path);
    const sshd = await server({ authorizedKeys: [key] });
    const first = attempt(sshd, { host: { identityFiles: [path] }, answers: { secrets: ['wrong', 'open sesame'] } });
    await (await connect(first.request)).end();
    expect(first.questions.map(({ prompt }) => prompt)).toEqual([
      `Enter passphrase for key '${path}': `,
      `wrong passphrase, try again. Enter passphrase for key '${path}': `,
    ]);
    const second = attempt(sshd, { host: { identityFiles: [path] } });
    await (await connect(second.request)).end();
    expect(second.questions).toHaveLength(0);
  });

  test('the passphrase of a key the server does not know is not asked for', async () => {
    const sshd = await server();
    const stranger = await keyPair({ name: 'stranger', passphrase: 'open sesame' });
    const { request, questions } = attempt(sshd, { host: { identityFiles: [stranger.privateKeyFile, sshd.userKey.privateKeyFile] } });
    await (await connect(request)).end();
    expect(questions).toHaveLength(0);
  });

  test('an encrypted key with nobody to ask is passphrase-required, unless the agent has a key', async () => {
    const key = await keyPair({ name: 'locked', passphrase: 'open sesame' });
    const open = await keyPair({ name: 'agent' });
    const sshd = await server({ authorizedKeys: [key, open] });
    const failure = await failureOf(connect(attempt(sshd).request));
    expect(failure).toMatchObject({ code: 'passphrase-required', message: expect.stringContaining(key.privateKeyFile) });
    const withAgent = attempt(sshd, { host: { agent: await agentWith(open) } });
    await (await connect(withAgent.request)).end();
    expect(withAgent.questions).toHaveLength(0);
  });

  test('a wrong passphrase from a variable is tried once', async () => {
    const key = await keyPair({ name: 'locked', passphrase: 'open sesame' });
    const sshd = await server({ authorizedKeys: [key] });
    const tried = attempt(sshd, { host: { passphrase: { env: 'KEY' } }, answers: { secrets: ['wrong'] } });
    expect(await failureOf(connect(tried.request))).toMatchObject({
      code: 'passphrase-required',
      message: expect.stringContaining('wrong'),
    });
    expect(tried.questions).toHaveLength(1);
  });

  const missing = '/nowhere/id_ed25519';
  test('a named key that does not exist is key-unreadable; a default one is passed over', async () => {
    const sshd = await server();
    expect(await failureOf(connect(attempt(sshd, { host: { identityFiles: [missing] } }).request))).toMatchObject({
      code: 'key-unreadable',
      message: expect.stringContaining(missing),
    });
    await open(sshd, { host: { identityFiles: [missing, sshd.userKey.privateKeyFile], identityFilesExplicit: false } });
  });

  test('a key that others may read, and a file that is no key, are key-unreadable', async () => {
    const sshd = await server();
    const dir = folder();
    const loose = join(dir, 'loose');
    copyFileSync(sshd.userKey.privateKeyFile, loose);
    chmodSync(loose, 0o644);
    expect(await failureOf(connect(attempt(sshd, { host: { identityFiles: [loose] } }).request))).toMatchObject({
      code: 'key-unreadable',
      hint: `chmod 600 ${loose}`,
    });
    const text = join(dir, 'text');
    writeFileSync(text, 'not a key', { mode: 0o600 });
    expect(await failureOf(connect(attempt(sshd, { host: { identityFiles: [text] } }).request))).toMatchObject({ code: 'key-unreadable' });
  });

  test('a key the server does not know is auth-rejected, with what was tried and what the server takes', async () => {
    const sshd = await server();
    const stranger = await keyPair({ name: 'stranger' });
    const failure = await failureOf(connect(attempt(sshd, { host: { identityFiles: [stranger.privateKeyFile] } }).request));
    expect(failure.code).toBe('auth-rejected');
    expect(failure.message).toContain(`${stranger.privateKeyFile} (${stranger.fingerprint})`);
    expect(failure.message).toContain('publickey');
  });
});

describe('the agent', () => {
  test('opens the server, RSA keys with SHA-2 included', async () => {
    for (const type of ['ed25519', 'rsa', 'ecdsa'] as const) {
      const key = await keyPair({ name: 'agent', type });
      const sshd = await server({
        authorizedKeys: [key],
        config: { PubkeyAcceptedAlgorithms: 'ssh-ed25519,ecdsa-sha2-nistp256,rsa-sha2-256,rsa-sha2-512' },
      });
      const connection = await open(sshd, { host: { identityFiles: [], agent: await agentWith(key) } });
      await connection.end();
    }
  });

  test('the key an identity file names comes first, a public file too, and identitiesOnly keeps the others back', async () => {
    const keys = await Promise.all(['one', 'two', 'three'].map((name) => keyPair({ name })));
    const [one, , three] = keys;
    if (!one || !three) throw new Error('no keys');
    const agent = await agentWith(...keys);
    const sshd = await server({ authorizedKeys: [three] });
    const all = attempt(sshd, { host: { agent, identityFiles: [three.publicKeyFile] } });
    await (await connect(all.request)).end();
    const lines = (notices: typeof all.notices): string[] =>
      notices.flatMap((notice) => (notice.type === 'debug' && notice.message.startsWith('trying') ? [notice.message] : []));
    expect(lines(all.notices)).toEqual([expect.stringContaining(three.fingerprint)]);
    const only = attempt(sshd, { host: { agent, identityFiles: [one.publicKeyFile], identitiesOnly: true } });
    expect((await failureOf(connect(only.request))).code).toBe('auth-rejected');
    expect(lines(only.notices)).toEqual([expect.stringContaining(one.fingerprint)]);
  });

  test('an agent that is not there is passed over', async () => {
    const sshd = await server();
    const tried = attempt(sshd, { host: { agent: '/nowhere/agent' } });
    await (await connect(tried.request)).end();
    expect(tried.notices).toContainEqual(
      expect.objectContaining({ type: 'warning', message: expect.stringContaining('cannot use the agent') }),
    );
  });

  test('too many keys: the server stops, and the hint says identities_only', async () => {
    const keys = await Promise.all(['one', 'two', 'three'].map((name) => keyPair({ name })));
    const sshd = await server({ config: { MaxAuthTries: '2' } });
    const failure = await failureOf(connect(attempt(sshd, { host: { agent: await agentWith(...keys), identityFiles: [] } }).request));
    expect(failure).toMatchObject({ code: 'auth-rejected', hint: expect.stringContaining('identities_only') });
  });
});

describe.runIf(accountsAvailable())('passwords', () => {
  const accounts = [{ name: 'deploy', password: 'correct horse' }];
  const byPassword = { PasswordAuthentication: 'yes', KbdInteractiveAuthentication: 'no', UsePAM: 'no' };
  const byKeyboard = { PasswordAuthentication: 'no', KbdInteractiveAuthentication: 'yes', UsePAM: 'yes' };
  const without = { user: 'deploy', identityFiles: [] };

  test.each([
    ['password', byPassword],
    ['keyboard-interactive', byKeyboard],
  ] as const)('%s opens the server', async (_name, config) => {
    const sshd = await server({ accounts, config });
    const tried = attempt(sshd, { host: { ...without, password: { env: 'SECRET' } }, answers: { secrets: ['correct horse'] } });
    await (await connect(tried.request)).end();
    expect(tried.questions).toMatchObject([{ kind: 'password', echo: false, source: { env: 'SECRET' } }]);
  });

  test.each([
    ['password', byPassword],
    ['keyboard-interactive', byKeyboard],
    ['both', { PasswordAuthentication: 'yes', KbdInteractiveAuthentication: 'yes', UsePAM: 'yes' }],
  ] as const)('a wrong one from a variable is sent once by %s', async (_name, config) => {
    const sshd = await server({ accounts, config });
    const tried = attempt(sshd, { host: { ...without, password: { env: 'SECRET' } }, answers: { secrets: ['wrong'] } });
    const failure = await failureOf(connect(tried.request));
    expect(failure.code).toBe('auth-rejected');
    expect(JSON.stringify(failure)).not.toContain('"wrong"');
    expect(tried.questions).toHaveLength(1);
  });

  test.each([
    ['password', byPassword],
    ['keyboard-interactive', byKeyboard],
  ] as const)('a human has three tries at %s, and is told that one was wrong', async (_name, config) => {
    const sshd = await server({ accounts, config });
    const third = attempt(sshd, { host: without, answers: { secrets: ['a', 'b', 'correct horse'] } });
    await (await connect(third.request)).end();
    expect(third.questions.map(({ prompt }) => prompt.startsWith('permission denied, try again. '))).toEqual([false, true, true]);
    const never = attempt(sshd, { host: without, answers: { secrets: ['a'] } });
    expect((await failureOf(connect(never.request))).code).toBe('auth-rejected');
    expect(never.questions).toHaveLength(3);
  });

  test.each([
    ['password', byPassword],
    ['keyboard-interactive', byKeyboard],
  ] as const)('%s with nobody to ask is told, without a failed login', async (_name, config) => {
    const sshd = await server({ accounts, config });
    const failure = await failureOf(connect(attempt(sshd, { host: without }).request));
    expect(failure).toMatchObject({ code: 'auth-rejected', hint: expect.stringContaining('nobody to ask') });
    expect(sshd.log()).not.toMatch(/Failed (password|keyboard)/);
  });

  test('a key and a password, where the server asks for both, with the agent and with a file', async () => {
    const key = await keyPair();
    const sshd = await server({ accounts, config: { ...byPassword, AuthenticationMethods: 'publickey,password' } });
    const answers = { secrets: ['correct horse'] };
    for (const host of [{ identityFiles: [key.privateKeyFile] }, { identityFiles: [], agent: await agentWith(key) }]) {
      const tried = attempt(sshd, { host: { user: 'deploy', password: { env: 'SECRET' }, ...host }, answers });
      await (await connect(tried.request)).end();
      expect(tried.questions).toHaveLength(1);
    }
    const half = await failureOf(connect(attempt(sshd, { host: { user: 'deploy' } }).request));
    expect(half).toMatchObject({ code: 'auth-rejected', message: expect.stringContaining('also asks for password') });
  });
});
