/**
 * Where projects are held while the state directory is full, read-only or not to be had: a directory of its owner's among the temporary
 * ones, under a name that nobody can foretell, so that nobody else can be there first. It is found again by looking for it: what has
 * another owner, or is open to others, is passed over.
 */
import { createHash } from 'node:crypto';
import { mkdtemp, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { entries } from './control-sockets.ts';
import { isDaemonError } from './daemon-error.ts';
import { checkOwnDirectory } from './own-directory.ts';

/** Writable on a machine where everything else is read-only: /dev/shm is a tmpfs in every container. */
const temporary = (): readonly string[] => [...new Set([tmpdir(), '/tmp', ...(process.platform === 'linux' ? ['/dev/shm'] : [])])];

/** Another state directory is another world: `TUNNELS_STATE_DIR` keeps projects apart. */
const prefixOf = (root: string): string => `tunnels-${createHash('sha256').update(root).digest('hex').slice(0, 8)}-`;

/** Those that are there, always in the same order. */
export async function spareRoots(root: string, among: readonly string[] = temporary()): Promise<string[]> {
  const prefix = prefixOf(root);
  const found = await Promise.all(
    among.map(async (parent) =>
      (await entries(parent).catch(() => [])).filter((name) => name.startsWith(prefix)).map((name) => join(parent, name)),
    ),
  );
  const own: string[] = [];
  for (const path of found.flat().sort()) if (await isOwn(path)) own.push(path);
  return own;
}

/** A new one in each directory that takes one, made when it is asked for. */
export async function* newSpareRoots(root: string, among: readonly string[] = temporary()): AsyncGenerator<string> {
  for (const parent of among) {
    const made = await mkdtemp(join(parent, prefixOf(root))).catch(() => null);
    if (made !== null) yield made;
  }
}

/** Once nothing is in it any more. */
export async function removeSpareRoot(root: string, path: string, among: readonly string[] = temporary()): Promise<void> {
  if (path !== root && among.includes(dirname(path))) await rmdir(path).catch(() => undefined);
}

async function isOwn(path: string): Promise<boolean> {
  try {
    return await checkOwnDirectory(path, 'project');
  } catch (error) {
    if (isDaemonError(error)) return false;
    throw error;
  }
}
