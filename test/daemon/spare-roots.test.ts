import { chmodSync, chownSync, existsSync, lstatSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { newSpareRoots, removeSpareRoot, spareRoots } from '../../src/daemon/spare-roots.ts';
import { remove, scratch } from '../helpers/scratch.ts';

const ROOT = '/run/user/1000/tunnels';
let among: string[] = [];
beforeEach(() => {
  among = [scratch('spare'), scratch('spare')];
});
afterEach(() => among.forEach(remove));

async function made(root = ROOT, parents: readonly string[] = among): Promise<string[]> {
  const paths: string[] = [];
  for await (const path of newSpareRoots(root, parents)) paths.push(path);
  return paths;
}

test('one is made in the first directory that takes one, private, under a name of which a part is random', async () => {
  const [first, second, ...more] = await made(ROOT, ['/nonexistent', ...among]);
  expect([first, second].map((path) => dirname(path ?? ''))).toEqual(among);
  expect(more).toEqual([]);
  expect(lstatSync(first ?? '').mode & 0o777).toBe(0o700);
  expect(basename(first ?? '')).toMatch(/^tunnels-[0-9a-f]{8}-\w{6}$/);
  expect(basename(first ?? '')).not.toBe(basename(second ?? ''));
});

test('those that are there are found again, in one order, and only those for this state directory', async () => {
  const paths = [...(await made()), ...(await made())];
  await made('/home/u/.local/state/tunnels');
  expect(await spareRoots(ROOT, among)).toEqual(paths.sort());
  expect(await spareRoots('/somewhere/else', among)).toEqual([]);
});

test('what somebody else may have put there is passed over, and not touched', async () => {
  const [ours = ''] = await made();
  const like = (end: string): string => `${ours.slice(0, -6)}${end}`;
  symlinkSync(ours, like('linked'));
  writeFileSync(like('a-file'), '');
  mkdirSync(like('opened'));
  chmodSync(like('opened'), 0o755);
  if (process.geteuid?.() === 0) {
    mkdirSync(like('alien0'), { mode: 0o700 });
    chownSync(like('alien0'), 65_534, 65_534);
  }
  expect(await spareRoots(ROOT, [among[0] ?? ''])).toEqual([ours]);
  expect(existsSync(like('opened'))).toBe(true);
});

test('an empty one goes; one in use stays, and so does a state directory that is itself among the temporary ones', async () => {
  const [empty = '', used = ''] = await made();
  writeFileSync(join(used, 'x'), '');
  for (const path of [empty, used]) await removeSpareRoot(ROOT, path, among);
  expect([existsSync(empty), existsSync(used)]).toEqual([false, true]);
  const usual = join(among[0] ?? '', 'state');
  mkdirSync(usual);
  await removeSpareRoot(usual, usual, among);
  expect(existsSync(usual)).toBe(true);
});
