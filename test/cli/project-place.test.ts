import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { projectPlace } from '../../src/cli/project-place.ts';
import { projectFolder } from '../../src/daemon/paths.ts';
import { remove, scratch } from '../helpers/scratch.ts';

let dir = '';
let root = '';
beforeEach(() => {
  dir = scratch('place');
  root = join(dir, 'state');
  mkdirSync(join(dir, 'shop', 'below', 'deep'), { recursive: true });
  writeFileSync(join(dir, 'shop', 'tunnels.yaml'), '');
  symlinkSync('shop', join(dir, 'link'));
});
afterEach(() => remove(dir));

const place = async (cwd: string, files: readonly string[] = [], env: Record<string, string> = {}): Promise<string | null> => {
  const found = await projectPlace({ cwd: join(dir, cwd), env: { TUNNELS_STATE_DIR: root, ...env } }, { files });
  if (found) expect(found.root).toBe(root);
  return found && found.file.slice(dir.length + 1);
};

it.each<[string, readonly string[], string]>([
  ['shop', [], 'shop/tunnels.yaml'],
  ['shop/below/deep', [], 'shop/tunnels.yaml'],
  ['link/below', [], 'shop/tunnels.yaml'],
  ['.', ['shop/tunnels.yaml', 'other.yaml'], 'shop/tunnels.yaml'],
  ['.', ['link/tunnels.yaml'], 'shop/tunnels.yaml'],
  ['shop', ['-'], 'shop/<stdin>'],
  ['shop', ['gone.yaml'], 'shop/gone.yaml'],
])('in %s with -f %j it is the real path of %s', async (cwd, files, file) => {
  expect(await place(cwd, files)).toBe(file);
});

it('is the first of TUNNELS_FILE, unless a flag says otherwise', async () => {
  writeFileSync(join(dir, 'a.yaml'), '');
  expect(await place('shop', [], { TUNNELS_FILE: '../a.yaml:b.yaml' })).toBe('a.yaml');
  expect(await place('shop', ['b.yaml'], { TUNNELS_FILE: '../a.yaml' })).toBe('shop/b.yaml');
});

it('prefers tunnels.yaml to tunnels.yml, and the nearer to the farther', async () => {
  writeFileSync(join(dir, 'shop', 'tunnels.yml'), '');
  expect(await place('shop')).toBe('shop/tunnels.yaml');
  writeFileSync(join(dir, 'shop', 'below', 'tunnels.yml'), '');
  expect(await place('shop/below/deep')).toBe('shop/below/tunnels.yml');
});

it('is none where there is none, but for one that is up and whose file was removed', async () => {
  mkdirSync(join(dir, 'empty', 'below'), { recursive: true });
  expect(await place('empty/below')).toBe(null);
  mkdirSync(projectFolder(root, join(dir, 'empty', 'tunnels.yaml')), { recursive: true, mode: 0o700 });
  expect(await place('empty/below')).toBe('empty/tunnels.yaml');
});
