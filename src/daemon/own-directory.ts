/** Directories and sockets nobody else can have put there: made 0700 from the start, and looked at without following links. */
import { lstat, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { objectionTo, OPEN_TO_OTHERS, WRITABLE_BY_OTHERS, type Objection } from '../core/ownership.ts';
import { DaemonError, errnoOf } from './daemon-error.ts';

const UNUSABLE = new Set(['EROFS', 'ENOSPC', 'EDQUOT', 'EACCES', 'EPERM', 'EMFILE', 'ENFILE', 'EIO']);

/** A state directory that is full, read-only or forbidden is no reason to take tunnels down: this error can be told from the others. */
export function unusable(path: string, error: unknown): DaemonError | null {
  const code = errnoOf(error);
  if (!UNUSABLE.has(code)) return null;
  return new DaemonError({
    code: 'state-unusable',
    message: `cannot write in the state directory ${path} (${code})`,
    hint: 'make room or rights there, or set TUNNELS_STATE_DIR to a directory of your own',
  });
}

/** Another process may take its empty folder away between our making it and looking at it: then it is made again, this often. */
const TRIES = 20;

/** Makes the directory if it is not there, with its mode in the same call. Its parents too, as private. */
export async function ensureOwnDirectory(path: string, kind: 'root' | 'project'): Promise<void> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    try {
      if (kind === 'root') await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      await mkdir(path, { mode: 0o700 });
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw unusable(path, error) ?? blocked(path, errnoOf(error));
    }
    if (await checkOwnDirectory(path, kind)) return;
  }
  throw blocked(path, 'it goes away again and again');
}

/** False where there is none; rejects where it is not ours alone. */
export async function checkOwnDirectory(path: string, kind: 'root' | 'project'): Promise<boolean> {
  const stat = await lstat(path).catch((error: unknown) => {
    if (['ENOENT', 'ENOTDIR'].includes(errnoOf(error))) return null;
    throw unusable(path, error) ?? blocked(path, errnoOf(error));
  });
  if (stat === null) return false;
  const is = stat.isSymbolicLink() ? 'link' : stat.isDirectory() ? 'directory' : 'other';
  // Others must not write in the root; in a project's folder, which we made, they may do nothing.
  const bits = kind === 'root' ? WRITABLE_BY_OTHERS : OPEN_TO_OTHERS;
  const objection = objectionTo({ is, uid: stat.uid, mode: stat.mode }, { is: 'directory', uid: ownUid(), bits });
  if (!objection) return true;
  const message = `${path} ${objection.what}, so nothing in it can be trusted`;
  throw new DaemonError({ code: 'state-directory', message, hint: mending(objection, path) });
}

function mending({ mend }: Objection, path: string): string {
  if (mend === 'chmod') return `chmod 700 ${path}`;
  return mend === 'unlink'
    ? 'remove the link, or set TUNNELS_STATE_DIR to the directory itself'
    : 'remove it, or set TUNNELS_STATE_DIR to a directory of your own';
}

/** Whether a socket of ours is there. False where nothing is; rejects where something else is. To be asked before connecting. */
export async function checkOwnSocket(path: string): Promise<boolean> {
  const stat = await lstat(path).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return null;
    throw unusable(path, error) ?? blocked(path, errnoOf(error));
  });
  if (stat === null) return false;
  const refuse = (what: string): DaemonError =>
    new DaemonError({ code: 'foreign-socket', message: `${path} ${what}`, hint: `somebody put it there: look at it, then remove it` });
  if (stat.isSymbolicLink()) throw refuse('is a symbolic link, not a control socket');
  if (!stat.isSocket()) throw refuse('is not a socket');
  if (stat.uid !== ownUid()) throw refuse(`belongs to uid ${stat.uid}`);
  return true;
}

const ownUid = (): number => process.geteuid?.() ?? 0;

const blocked = (path: string, why: string): DaemonError =>
  new DaemonError({
    code: 'state-directory',
    message: `cannot make the state directory ${path} (${why})`,
    hint: 'set TUNNELS_STATE_DIR to a directory of your own',
  });
