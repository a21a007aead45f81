import { chmodSync, chownSync, lstatSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkOwnDirectory, checkOwnSocket, ensureOwnDirectory } from '../../src/daemon/own-directory.ts';
import { remove, scratch } from '../helpers/scratch.ts';

let dir = '';
beforeEach(() => {
  dir = scratch('own');
});
afterEach(() => remove(dir));

const mode = (path: string): number => lstatSync(path).mode & 0o777;

test('a directory is made 0700, and so are its parents, whatever the umask', async () => {
  const before = process.umask(0);
  try {
    await ensureOwnDirectory(join(dir, 'a', 'b'), 'root');
  } finally {
    process.umask(before);
  }
  expect([mode(join(dir, 'a')), mode(join(dir, 'a', 'b'))]).toEqual([0o700, 0o700]);
});

test('one that is there already is taken as it is', async () => {
  mkdirSync(join(dir, 'there'), { mode: 0o700 });
  await expect(ensureOwnDirectory(join(dir, 'there'), 'root')).resolves.toBeUndefined();
});

test('one that is not there is no error where it is only looked for', async () => {
  expect(await checkOwnDirectory(join(dir, 'missing'), 'project')).toBe(false);
});

const asRoot = process.geteuid?.() === 0;

const REFUSED: readonly { what: string; make: (path: string) => void; kind?: 'root' | 'project'; message: RegExp; hint: RegExp }[] = [
  {
    what: 'a symbolic link to a directory of our own',
    make: (path) => {
      mkdirSync(`${path}-real`, { mode: 0o700 });
      symlinkSync(`${path}-real`, path);
    },
    message: /is a symbolic link/,
    hint: /remove the link/,
  },
  { what: 'a dangling link', make: (path) => symlinkSync('/nonexistent', path), message: /is a symbolic link/, hint: /remove the link/ },
  { what: 'a file', make: (path) => writeFileSync(path, ''), message: /is not a directory/, hint: /remove it/ },
  {
    what: 'a directory its group can write',
    make: (path) => {
      mkdirSync(path);
      chmodSync(path, 0o770);
    },
    message: /open to others \(mode 0770\)/,
    hint: /^chmod 700 /,
  },
  {
    what: 'a directory everyone can write, sticky or not',
    make: (path) => {
      mkdirSync(path);
      chmodSync(path, 0o1777);
    },
    message: /open to others/,
    hint: /^chmod 700 /,
  },
  {
    what: "a project's folder that others can read",
    kind: 'project',
    make: (path) => {
      mkdirSync(path);
      chmodSync(path, 0o755);
    },
    message: /open to others \(mode 0755\)/,
    hint: /^chmod 700 /,
  },
  ...(asRoot
    ? [
        {
          what: "somebody else's directory",
          make: (path: string) => {
            mkdirSync(path, { mode: 0o700 });
            chownSync(path, 65_534, 65_534);
          },
          message: /belongs to uid 65534/,
          hint: /TUNNELS_STATE_DIR/,
        },
      ]
    : []),
];

describe('refused is', () => {
  test.each(REFUSED)('$what', async ({ make, kind = 'root', message, hint }) => {
    const path = join(dir, 'state');
    make(path);
    const error: unknown = await ensureOwnDirectory(path, kind).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'state-directory', message: expect.stringMatching(message), hint: expect.stringMatching(hint) });
    expect((error as Error).message).toContain(path);
  });
});

test('a parent that is a file is told as what it is', async () => {
  writeFileSync(join(dir, 'file'), '');
  await expect(ensureOwnDirectory(join(dir, 'file', 'state'), 'root')).rejects.toMatchObject({ code: 'state-directory' });
});

describe('a socket', () => {
  test('of our own is good, a missing one is none', async () => {
    const server = createServer().listen(join(dir, 's.sock'));
    await new Promise((resolve) => server.once('listening', resolve));
    expect(await checkOwnSocket(join(dir, 's.sock'))).toBe(true);
    await new Promise((resolve) => server.close(resolve));
    expect(await checkOwnSocket(join(dir, 's.sock'))).toBe(false);
  });

  test.each([
    { what: 'a file', make: (path: string) => writeFileSync(path, '') },
    { what: 'a link', make: (path: string) => symlinkSync('/run/x.sock', path) },
    { what: 'a directory', make: (path: string) => mkdirSync(path) },
  ])('that is $what is refused', async ({ make }) => {
    make(join(dir, 's.sock'));
    await expect(checkOwnSocket(join(dir, 's.sock'))).rejects.toMatchObject({ code: 'foreign-socket' });
  });

  test.runIf(asRoot)("that is somebody else's is refused", async () => {
    const server = createServer().listen(join(dir, 's.sock'));
    await new Promise((resolve) => server.once('listening', resolve));
    chownSync(join(dir, 's.sock'), 65_534, 65_534);
    const asked = checkOwnSocket(join(dir, 's.sock'));
    await expect(asked).rejects.toMatchObject({ code: 'foreign-socket', message: expect.stringContaining('uid 65534') });
    await new Promise((resolve) => server.close(resolve));
  });
});
