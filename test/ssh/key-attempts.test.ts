import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { HostSpec } from '../../src/core/spec.ts';
import { AuthContext } from '../../src/ssh/auth-context.ts';
import type { ConnectNotice } from '../../src/ssh/connect-request.ts';
import { Deadline } from '../../src/ssh/deadline.ts';
import { generateKey } from '../../src/ssh/generate-key.ts';
import { keyAttempts } from '../../src/ssh/key-attempts.ts';
import { hostSpec } from '../helpers/spec.ts';

let dir = '';
const undo: (() => void)[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'keys-'));
});
afterEach(() => {
  for (const work of undo.splice(0)) work();
  rmSync(dir, { recursive: true });
});

const text = (value: string | Buffer): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(Buffer.byteLength(value));
  return Buffer.concat([length, Buffer.from(value)]);
};

const SECURITY_KEY = 'sk-ssh-ed25519@openssh.com';
const securityKeyBlob = Buffer.concat([text(SECURITY_KEY), text(Buffer.alloc(32, 7)), text('ssh:')]);

/** The key file ssh-keygen writes for a token: the public half in the clear, and a handle. */
function securityKeyFile(): string {
  const one = Buffer.from([0, 0, 0, 1]);
  const body = Buffer.concat([Buffer.from('openssh-key-v1\0'), text('none'), text('none'), text(''), one, text(securityKeyBlob), text('')]);
  const path = join(dir, 'id_ed25519_sk');
  writeFileSync(path, `-----BEGIN OPENSSH PRIVATE KEY-----\n${body.toString('base64')}\n-----END OPENSSH PRIVATE KEY-----\n`, {
    mode: 0o600,
  });
  return path;
}

function keyFile(name: string): { path: string; publicKey: string; fingerprint: string } {
  const path = join(dir, name);
  const key = generateKey();
  writeFileSync(path, key.privateKey, { mode: 0o600 });
  return { path, publicKey: key.publicKey, fingerprint: key.fingerprint };
}

/** An agent that lists what it is told to, and answers nothing else. */
async function agentListing(answer: Buffer): Promise<string> {
  const path = join(dir, 'agent');
  const server = createServer(
    (socket) => void socket.on('error', () => {}).once('data', () => socket.write(Buffer.concat([text(answer)]))),
  );
  await new Promise<void>((resolve) => server.listen(path, resolve));
  undo.push(() => server.close());
  return path;
}

function listing(...blobs: readonly Buffer[]): Buffer {
  const count = Buffer.alloc(4);
  count.writeUInt32BE(blobs.length);
  return Buffer.concat([Buffer.from([12]), count, ...blobs.flatMap((blob, index) => [text(blob), text(`key ${index}`)])]);
}

async function labels(part: Partial<HostSpec>): Promise<{ labels: string[]; notices: ConnectNotice[]; context: AuthContext }> {
  const notices: ConnectNotice[] = [];
  const context = new AuthContext(
    {
      host: hostSpec('bastion', part),
      port: 22,
      transport: () => Promise.reject(new Error('not dialled')),
      asker: { secret: async () => null, hostKey: async () => null },
      notify: (notice) => void notices.push(notice),
      signal: new AbortController().signal,
      verbosity: 0,
    },
    new Deadline(() => {}),
  );
  const found: string[] = [];
  for await (const { label } of keyAttempts(context)) found.push(label);
  return { labels: found, notices, context };
}

test('files in their order, each once', async () => {
  const [one, two] = [keyFile('one'), keyFile('two')];
  const { labels: tried } = await labels({ identityFiles: [two.path, one.path, two.path] });
  expect(tried).toEqual([`key ${two.path} (${two.fingerprint})`, `key ${one.path} (${one.fingerprint})`]);
});

test('a security key is passed over, and the way to use it is named', async () => {
  const key = keyFile('usable');
  const { labels: tried, notices } = await labels({
    identityFiles: [securityKeyFile(), key.path],
    agent: await agentListing(listing(securityKeyBlob)),
  });
  expect(tried).toEqual([`key ${key.path} (${key.fingerprint})`]);
  expect(notices).toEqual([
    expect.objectContaining({ message: expect.stringContaining('security key'), hint: 'set transport: openssh for this host' }),
    expect.objectContaining({ message: expect.stringContaining('id_ed25519_sk') }),
  ]);
});

test('a key the agent holds is not tried again from its file', async () => {
  const key = keyFile('both');
  const blob = Buffer.from(key.publicKey.split(' ')[1] ?? '', 'base64');
  const { labels: tried } = await labels({ identityFiles: [key.path], agent: await agentListing(listing(blob)) });
  expect(tried).toEqual([`agent key key 0 (${key.fingerprint})`]);
});

test.each([
  ['a failure', Buffer.from([5])],
  ['a list that is cut off', Buffer.concat([Buffer.from([12, 0, 0, 0, 9]), text('x')])],
  ['more than it should be', Buffer.from([12, 255, 255, 255, 255])],
])('an agent that answers with %s is passed over', async (_name, answer) => {
  const key = keyFile('usable');
  const { labels: tried, notices } = await labels({ identityFiles: [key.path], agent: await agentListing(answer) });
  expect(tried).toHaveLength(1);
  expect(notices).toContainEqual(expect.objectContaining({ message: expect.stringContaining('cannot use the agent') }));
});

test('a certificate file is said to be left out', async () => {
  const { notices } = await labels({ certificateFiles: ['/some/cert'] });
  expect(notices).toContainEqual(expect.objectContaining({ message: expect.stringContaining('certificates are not supported yet') }));
});

test.each([
  ['cut off in its header', '-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmU=\n-----END OPENSSH PRIVATE KEY-----\n'],
  ['no key at all', 'hello'],
  ['an empty file', ''],
  ['PEM of nothing', '-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n'],
])('a key file that is %s is a problem with its path', async (_name, content) => {
  const path = join(dir, 'broken');
  writeFileSync(path, content, { mode: 0o600 });
  const { context } = await labels({ identityFiles: [path], identityFilesExplicit: true });
  expect(context.keyProblems).toMatchObject([{ problem: expect.stringContaining(path), fatal: true }]);
});
