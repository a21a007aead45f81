/** Files nobody else can have put there: looked at without following links, in directories that were looked at before. */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, mkdir, open, rename, rm, type FileHandle } from 'node:fs/promises';
import { objectionTo, WRITABLE_BY_OTHERS, type Objection, type OnDisk } from '../core/ownership.ts';

/** What lies there is somebody else's, or could be. */
export class NotOwnError extends Error {}

export interface OwnDirectory {
  readonly path: string;
  /** Permission bits that others must not have. */
  readonly bits: number;
}

/** Nothing larger was written here. */
const MAX_BYTES = 64 * 1024;

/** False: there is none. Rejects with a NotOwnError where it is not ours alone. */
export async function isOwnDirectory({ path, bits }: OwnDirectory): Promise<boolean> {
  const stat = await lstat(path).catch((error: unknown) => {
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(error))) return null;
    throw error;
  });
  if (stat === null) return false;
  believe(path, objectionTo(onDisk(stat), { is: 'directory', uid: ownUid(), bits }));
  return true;
}

/** Makes it where there is none. */
export async function makeOwnDirectory(directory: OwnDirectory): Promise<void> {
  await mkdir(directory.path, { mode: 0o700 }).catch((error: unknown) => {
    if (codeOf(error) !== 'EEXIST') throw error;
  });
  await isOwnDirectory(directory);
}

/** Null: there is none. The file that was opened is the one that is looked at: another one may lie at the name by then. */
export async function readOwnFile(path: string): Promise<string | null> {
  let handle: FileHandle;
  try {
    // Opening a FIFO would wait for its writer.
    handle = await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    if (codeOf(error) === 'ELOOP') believe(path, { what: 'is a symbolic link', mend: 'unlink' });
    throw error;
  }
  try {
    const stat = await handle.stat();
    believe(path, objectionTo(onDisk(stat), { is: 'file', uid: ownUid(), bits: WRITABLE_BY_OTHERS }));
    if (stat.size > MAX_BYTES) throw new NotOwnError(`${path} is larger than anything that is written there: remove it`);
    return await handle.readFile('utf8');
  } finally {
    await handle.close();
  }
}

/** At once or not at all: whoever reads meanwhile reads the old one or the new one. */
export async function replaceOwnFile(path: string, text: string): Promise<void> {
  const beside = `${path}.${randomBytes(6).toString('hex')}~`;
  try {
    const handle = await open(beside, 'wx', 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(beside, path);
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
}

/** The code of a failed system call. */
export const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : String(error));

function onDisk(stat: Awaited<ReturnType<typeof lstat>>): OnDisk {
  const is = stat.isSymbolicLink() ? 'link' : stat.isDirectory() ? 'directory' : stat.isFile() ? 'file' : 'other';
  return { is, uid: Number(stat.uid), mode: Number(stat.mode) };
}

const MEND = {
  unlink: 'remove the link',
  remove: 'remove it, or set TUNNELS_STATE_DIR to a directory of your own',
  chmod: 'take the rights of others away (chmod go-rwx)',
} as const;

function believe(path: string, objection: Objection | null): void {
  if (objection) throw new NotOwnError(`${path} ${objection.what}, so nothing in it is trusted: ${MEND[objection.mend]}`);
}

const ownUid = (): number => process.geteuid?.() ?? 0;
