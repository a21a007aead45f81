import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
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
