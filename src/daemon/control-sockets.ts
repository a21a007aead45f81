/** The sockets in a project's folder: `control-<pid>-<random>.sock` for each claim. The name says who, and is never used twice. */
import { randomBytes } from 'node:crypto';
import { lstat, readdir, rmdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from './daemon-error.ts';

export interface ControlSocket {
  readonly path: string;
  /** Orders contenders; random, so that no two are alike. */
  readonly id: string;
  /** For messages only: who runs is never decided by it. */
  readonly pid: number;
}

const CONTROL = /^control-(\d{1,10})-([0-9a-f]{8})\.sock$/;
const PRIVATE = /^\.new-[0-9a-f]{8}\.sock$/;

/** A socket that is bound under its private name is listened on, and then renamed: within milliseconds. */
const STALE_PRIVATE_MS = 60_000;

export interface NewSocket extends ControlSocket {
  /** Where it is bound before it listens: a name nobody looks at, since a bound socket that does not listen yet looks dead. */
  readonly privatePath: string;
}

/** `again`: it sorts before every one that is made for the first time. */
export function newSocket(folder: string, again: boolean): NewSocket {
  const random = randomBytes(4).toString('hex');
  const id = `${again ? '0' : random.slice(0, 1).replace('0', '1')}${random.slice(1)}`;
  const { pid } = process;
  return { id, pid, path: join(folder, `control-${pid}-${id}.sock`), privatePath: join(folder, `.new-${id}.sock`) };
}

/** In the order of their ids; none where there is no folder. */
export async function listSockets(folder: string): Promise<ControlSocket[]> {
  const found: ControlSocket[] = [];
  for (const name of await entries(folder)) {
    const match = CONTROL.exec(name);
    if (match) found.push({ path: join(folder, name), pid: Number(match[1]), id: match[2] ?? '' });
  }
  return found.sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Gone is gone, whoever did it. */
export async function removeFile(path: string): Promise<void> {
  await unlink(path).catch(() => undefined);
}

/** What contenders that were killed between binding and renaming have left. */
export async function removeStalePrivate(folder: string, now: number): Promise<void> {
  for (const name of await entries(folder)) {
    if (!PRIVATE.test(name)) continue;
    const path = join(folder, name);
    const stat = await lstat(path).catch(() => null);
    if (stat && now - stat.ctimeMs > STALE_PRIVATE_MS) await removeFile(path);
  }
}

/** Only an empty folder goes: whoever is just coming up keeps it. */
export async function removeFolder(folder: string): Promise<void> {
  await rmdir(folder).catch(() => undefined);
}

export async function entries(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errnoOf(error))) return [];
    throw error;
  }
}
