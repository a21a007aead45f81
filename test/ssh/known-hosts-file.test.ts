import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { generateKey } from '../../src/ssh/generate-key.ts';
import { hashName } from '../../src/ssh/known-hosts.ts';
import { appendKnownHost, readKnownHosts } from '../../src/ssh/known-hosts-file.ts';
import { parsePublicLine } from '../../src/ssh/public-key.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'known-hosts-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

const blobOf = (line: string): Buffer => parsePublicLine(line)?.blob ?? Buffer.alloc(0);

test('twenty writers at once each get a whole line, in a file and a directory for the user alone', async () => {
  const file = join(dir, '.ssh', 'known_hosts');
  const keys = Array.from({ length: 20 }, (_, index) => ({ name: `host-${index}`, key: generateKey().publicKey }));
  await Promise.all(keys.map(({ name, key }) => appendKnownHost(file, name, blobOf(key))));
  expect(readFileSync(file, 'utf8').split('\n').filter(Boolean).sort()).toEqual(keys.map(({ name, key }) => `${name} ${key}`).sort());
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(statSync(join(dir, '.ssh')).mode & 0o777).toBe(0o700);
});

test('a last line without an end is not continued, and what is there is not written twice', async () => {
  const file = join(dir, 'known_hosts');
  const [first, second] = [generateKey().publicKey, generateKey().publicKey];
  writeFileSync(file, `a ${first}`);
  await appendKnownHost(file, 'b', blobOf(second));
  await appendKnownHost(file, 'b', blobOf(second));
  expect(readFileSync(file, 'utf8')).toBe(`a ${first}\nb ${second}\n`);
});

test('names are hashed where all others are', async () => {
  const file = join(dir, 'known_hosts');
  const [first, second] = [generateKey().publicKey, generateKey().publicKey];
  writeFileSync(file, `${hashName('a')} ${first}\n`);
  await appendKnownHost(file, 'b', blobOf(second));
  expect(readFileSync(file, 'utf8')).not.toContain('b ssh');
  expect((await readKnownHosts([file], 'b')).lookup.exact).toHaveLength(1);
});

test('a missing file is empty, an unreadable one is told', async () => {
  expect(await readKnownHosts([join(dir, 'none')], 'a')).toMatchObject({ lookup: { exact: [] }, unreadable: [] });
  expect((await readKnownHosts([dir], 'a')).unreadable).toEqual([expect.stringContaining(dir)]);
});

const [KEY, OTHER] = [generateKey().publicKey, generateKey().publicKey];

test.each([
  ['a key that may log in', `${KEY} me@home\n`],
  ['one with an option', `a ${KEY}\nrestrict ${KEY} me@home\n`],
  ['one with a command', `command="true",no-pty ${KEY}\n`],
  ['a certificate authority', `cert-authority ${KEY}\n`],
  ['something else', `# notes\n\nexport PATH=/bin\n`],
])('nothing is added to a file that has %s', async (_, text) => {
  const file = join(dir, 'other');
  writeFileSync(file, text);
  await expect(appendKnownHost(file, 'b', blobOf(OTHER))).rejects.toThrow('is no entry of a known_hosts');
  expect(readFileSync(file, 'utf8')).toBe(text);
});

test('nothing is added to authorized_keys, whether it is there or not, nor through a link to it', async () => {
  const link = join(dir, 'known_hosts');
  symlinkSync(join(dir, 'authorized_keys'), link);
  for (const file of [join(dir, 'authorized_keys'), join(dir, 'none', 'authorized_keys2'), link])
    await expect(appendKnownHost(file, 'b', blobOf(OTHER))).rejects.toThrow('keys that may log in');
  expect(readFileSync(link, { encoding: 'utf8', flag: 'a+' })).toBe('');
});

test.each(['a b', 'a,b', 'command="x"', 'restrict', 'cert-authority', '*', '!a', '#a', '|1|a', 'a\nb', ''])(
  'nothing is added for %j, which is no host name',
  async (name) => {
    await expect(appendKnownHost(join(dir, 'known_hosts'), name, blobOf(OTHER))).rejects.toThrow('is no host name');
  },
);

test('comments, blank lines, revoked keys and authorities are entries of a known_hosts', async () => {
  const file = join(dir, 'known_hosts');
  writeFileSync(file, `# mine\n\n@revoked x ${KEY}\r\n  @cert-authority *.example.com ${KEY} ca\n`);
  expect(await appendKnownHost(file, '[b]:2222', blobOf(OTHER))).toBe(true);
  expect(await appendKnownHost(file, '[b]:2222', blobOf(OTHER))).toBe(false);
});

test('a FIFO, a device and a file without limit are told and never waited for', async () => {
  const [fifo, huge] = [join(dir, 'fifo'), join(dir, 'huge')];
  execFileSync('mkfifo', [fifo]);
  writeFileSync(huge, '');
  truncateSync(huge, 8 * 1024 * 1024 + 1);
  const { unreadable } = await readKnownHosts([fifo, '/dev/zero', huge], 'a');
  expect(unreadable).toEqual([`${fifo}: it is no regular file`, '/dev/zero: it is no regular file', `${huge}: it is larger than 8 MiB`]);
  await expect(appendKnownHost(fifo, 'b', blobOf(OTHER))).rejects.toThrow('it is no regular file');
  await expect(appendKnownHost(huge, 'b', blobOf(OTHER))).rejects.toThrow('it is larger than 8 MiB');
});
