import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { generateKey } from '../../src/ssh/generate-key.ts';
import { readIdentity } from '../../src/ssh/identity.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'identity-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

test.each([
  ['a FIFO', (path: string) => execFileSync('mkfifo', [path]), 'it is no regular file'],
  ['a link to a device', (path: string) => symlinkSync('/dev/zero', path), 'it is no regular file'],
  ['a directory', (path: string) => execFileSync('mkdir', [path]), 'it is a directory'],
  [
    'a file over 1 MiB',
    (path: string) => {
      writeFileSync(path, '', { mode: 0o600 });
      truncateSync(path, 1024 * 1024 + 1);
    },
    'it is larger than 1 MiB',
  ],
])('%s is no key file, and is not waited for', async (_, make, why) => {
  const path = join(dir, 'key');
  make(path);
  expect(await readIdentity(path)).toMatchObject({ ok: false, missing: false, problem: `cannot read the key file ${path}: ${why}` });
});

test('a link to a key is that key, and a FIFO beside it is not its public half', async () => {
  const path = join(dir, 'key');
  writeFileSync(join(dir, 'real'), `${generateKey().publicKey}\n`);
  symlinkSync(join(dir, 'real'), path);
  execFileSync('mkfifo', [`${path}.pub`]);
  expect(await readIdentity(path)).toMatchObject({ ok: true, identity: { path } });
  rmSync(join(dir, 'real'));
  const encrypted = '-----BEGIN ENCRYPTED PRIVATE KEY-----\nAA==\n-----END ENCRYPTED PRIVATE KEY-----\n';
  writeFileSync(join(dir, 'real'), encrypted, { mode: 0o600 });
  expect(await readIdentity(path)).toMatchObject({ ok: true, identity: { encrypted: true, publicKey: null } });
});

test.each([
  ['root:x:0:0:root:/root:/bin/sh\n', 'is no private key', 'check identity_file'],
  [`${generateKey().privateKey}\n`, 'are too open', 'chmod 600'],
])('of a file that others may read, only a key is to be closed to them: %j', async (text, problem, hint) => {
  const path = join(dir, 'key');
  writeFileSync(path, text, { mode: 0o644 });
  const read = await readIdentity(path);
  expect(read).toMatchObject({ ok: false, problem: expect.stringContaining(problem), hint: expect.stringContaining(hint) });
});
