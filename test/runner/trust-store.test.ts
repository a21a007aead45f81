import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TrustStore } from '../../src/runner/trust-store.ts';
import { remove, scratch } from '../helpers/scratch.ts';

const PROJECT = '/home/me/shop/tunnels.yaml';
const A = 'sha256:a';
const B = 'sha256:b';

let home: string;
let store: TrustStore;
const root = (): string => join(home, '.local', 'state', 'tunnels');
const trusts = (): Promise<readonly string[]> => store.read(PROJECT).then(({ digests }) => [...digests]);
const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8);

beforeEach(() => {
  home = scratch('trust');
  store = new TrustStore({ HOME: home });
});
afterEach(() => remove(home));

it('trusts nothing at first, and makes nothing by looking', async () => {
  expect(await store.read(PROJECT)).toEqual({ digests: new Set(), problem: null });
  expect(readdirSync(home)).toEqual([]);
});

it('remembers what was trusted, for that project alone, in files of nobody else', async () => {
  await store.trust(PROJECT, A);
  expect(await trusts()).toEqual([A]);
  expect((await store.read('/home/me/other/tunnels.yaml')).digests).toEqual(new Set());
  expect([mode(root()), mode(join(root(), 'trust')), mode(store.fileFor(PROJECT))]).toEqual(['700', '700', '600']);
  expect(readdirSync(join(root(), 'trust'))).toHaveLength(1);
});

it('an earlier state of the file stays trusted, but not for ever', async () => {
  await store.trust(PROJECT, A);
  await store.trust(PROJECT, B);
  expect(await trusts()).toEqual([A, B]);
  for (let each = 0; each < 99; each += 1) await store.trust(PROJECT, `sha256:${each}`);
  expect(await trusts()).not.toContain(A);
  expect(await trusts()).toHaveLength(100);
});

it('trusting it again makes it the last to be forgotten', async () => {
  for (const digest of [A, B, A]) await store.trust(PROJECT, digest);
  expect(await trusts()).toEqual([B, A]);
});

it('takes everything back', async () => {
  await store.trust(PROJECT, A);
  expect(await store.revoke(PROJECT)).toBe(true);
  expect([await trusts(), existsSync(store.fileFor(PROJECT))]).toEqual([[], false]);
  expect(await store.revoke(PROJECT)).toBe(false);
});

it.each<[string, Record<string, string>, string]>([
  ['TUNNELS_STATE_DIR', { TUNNELS_STATE_DIR: 'STATE', XDG_STATE_HOME: 'XDG' }, 'STATE/trust'],
  ['XDG_STATE_HOME', { XDG_STATE_HOME: 'XDG', XDG_RUNTIME_DIR: 'RUN' }, 'XDG/tunnels/trust'],
  ['the home directory: what a logout clears is no place for it', { XDG_RUNTIME_DIR: 'RUN' }, '.local/state/tunnels/trust'],
])('lies in %s', async (_, variables, place) => {
  const env = Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, join(home, value)]));
  store = new TrustStore({ HOME: home, ...env });
  await store.trust(PROJECT, A);
  expect(store.fileFor(PROJECT).startsWith(`${join(home, place)}/`)).toBe(true);
  expect(await trusts()).toEqual([A]);
});

it('a relative XDG_STATE_HOME is ignored, as its specification has it', () => {
  expect(new TrustStore({ HOME: home, XDG_STATE_HOME: 'here' }).fileFor(PROJECT)).toBe(store.fileFor(PROJECT));
});

describe('what somebody else could have put there is not believed, and not written to:', () => {
  /** Each is given the paths of a store that trusts A. */
  const PLANTED: readonly (readonly [string, string, (file: string) => void])[] = [
    [
      'the directory is a link',
      'is a symbolic link',
      () => {
        renameSync(join(root(), 'trust'), join(home, 'moved'));
        symlinkSync(join(home, 'moved'), join(root(), 'trust'));
      },
    ],
    [
      'the directory above is a link',
      'is a symbolic link',
      () => {
        renameSync(root(), join(home, 'moved'));
        symlinkSync(join(home, 'moved'), root());
      },
    ],
    ['the directory is open to others', 'is open to others (mode 0750)', () => chmodSync(join(root(), 'trust'), 0o750)],
    ['the directory above can be written by others', 'is open to others (mode 0777)', () => chmodSync(root(), 0o777)],
    [
      'the directory is a file',
      'is not a directory',
      () => {
        remove(join(root(), 'trust'));
        writeFileSync(join(root(), 'trust'), '');
      },
    ],
    [
      'the file is a link',
      'is a symbolic link',
      (file) => {
        renameSync(file, join(home, 'moved'));
        symlinkSync(join(home, 'moved'), file);
      },
    ],
    ['the file can be written by others', 'is open to others (mode 0666)', (file) => chmodSync(file, 0o666)],
    [
      'the file is a FIFO',
      'is no regular file',
      (file) => {
        unlinkSync(file);
        execFileSync('sh', ['-c', 'mkfifo -m 600 "$0"', file]);
      },
    ],
    ['the file is endless', 'is larger than anything', (file) => writeFileSync(file, ' '.repeat(100_000))],
  ];
  const FOREIGN: typeof PLANTED = [
    ["the directory is somebody else's", 'belongs to uid 65534', () => chownSync(join(root(), 'trust'), 65_534, 65_534)],
    ["the file is somebody else's", 'belongs to uid 65534', (file) => chownSync(file, 65_534, 65_534)],
  ];

  it.each([...PLANTED, ...(process.getuid?.() === 0 ? FOREIGN : [])])('%s', async (_, words, plant) => {
    await store.trust(PROJECT, A);
    plant(store.fileFor(PROJECT));
    const { digests, problem } = await store.read(PROJECT);
    expect([digests.size, problem]).toEqual([0, expect.stringContaining(words)]);
    expect(problem).toContain(root());
    await expect(store.trust(PROJECT, B)).rejects.toThrow(words);
    await expect(store.revoke(PROJECT)).rejects.toThrow(words);
    expect((await store.read(PROJECT)).digests.size).toBe(0);
  });

  it.each([
    ['no JSON', 'hello'],
    ['of another project', JSON.stringify({ project: '/else', digests: [A] })],
    ['a list', '["sha256:a"]'],
    ['without digests', JSON.stringify({ project: PROJECT, digests: A })],
    ['null', 'null'],
  ])('a file that is %s trusts nothing, and is replaced', async (_, text) => {
    await store.trust(PROJECT, B);
    writeFileSync(store.fileFor(PROJECT), text);
    expect(await trusts()).toEqual([]);
    await store.trust(PROJECT, A);
    expect(await trusts()).toEqual([A]);
  });
});

it('a place that cannot be written is said, and leaves nothing behind', async () => {
  writeFileSync(join(home, '.local'), '');
  await expect(store.trust(PROJECT, A)).rejects.toThrow(/cannot write in .*\.local.* \((ENOTDIR|EEXIST)\)/);
  expect(await store.read(PROJECT)).toEqual({ digests: new Set(), problem: null });
});

it('whoever reads while it is written reads the old or the new, never half of it', async () => {
  await store.trust(PROJECT, A);
  mkdirSync(join(home, 'x'));
  let reading = true;
  const seen = new Set<number>();
  const reader = (async () => {
    while (reading) seen.add((await store.read(PROJECT)).digests.size);
  })();
  for (let each = 0; each < 50; each += 1) await store.trust(PROJECT, `sha256:${each}`);
  reading = false;
  await reader;
  expect(seen.has(0)).toBe(false);
  expect(readdirSync(join(root(), 'trust')).filter((name) => name.endsWith('~'))).toEqual([]);
  expect(JSON.parse(readFileSync(store.fileFor(PROJECT), 'utf8'))).toMatchObject({ project: PROJECT });
});
