/** Every project of the user that is up. What dead ones have left is removed on the way. */
import { join } from 'node:path';
import { lookAround } from './claim.ts';
import { entries, listSockets, removeFile, removeFolder, removeStalePrivate } from './control-sockets.ts';
import { isDaemonError, type DaemonErrorView } from './daemon-error.ts';
import { journalPaths } from './journal-file.ts';
import { checkOwnDirectory } from './own-directory.ts';
import type { Status } from './protocol.ts';
import { removeSpareRoot, spareRoots } from './spare-roots.ts';

export type ListedProject =
  | { readonly state: 'running'; readonly folder: string; readonly socket: string; readonly status: Status }
  /** Something is there that cannot be asked: its message says what. */
  | { readonly state: 'unreachable'; readonly folder: string; readonly error: DaemonErrorView };

/** Only folders that have been made here are looked at, and touched. */
const FOLDER = /^(?:[a-z0-9-]+-)?[0-9a-f]{12}$/;

export async function listProjects(root: string): Promise<ListedProject[]> {
  const listed = await Promise.all([
    ...((await checkOwnDirectory(root, 'root')) ? [listRoot(root)] : []),
    ...(await spareRoots(root)).map(async (spare) => {
      const found = await listRoot(spare);
      await removeSpareRoot(root, spare);
      return found;
    }),
  ]);
  return listed.flat();
}

async function listRoot(root: string): Promise<ListedProject[]> {
  const folders = (await entries(root)).filter((name) => FOLDER.test(name)).sort();
  const listed = await Promise.all(folders.map((name) => lookInto(join(root, name))));
  return listed.flat();
}

async function lookInto(folder: string): Promise<ListedProject[]> {
  try {
    if (!(await checkOwnDirectory(folder, 'project'))) return [];
    const alive = await lookAround([folder]);
    if (alive.length === 0) await sweep(folder);
    return alive
      .filter(({ status }) => status.phase !== 'claiming')
      .map(({ socket, status }) => ({ state: 'running', folder, socket, status }));
  } catch (error) {
    if (!isDaemonError(error)) throw error;
    return [{ state: 'unreachable', folder, error: error.view }];
  }
}

/** Not where somebody is just coming up, whose socket has another name until it listens. */
async function sweep(folder: string): Promise<void> {
  await removeStalePrivate(folder, Date.now());
  const left = await entries(folder);
  if (left.some((name) => name.startsWith('.new-')) || (await listSockets(folder)).length > 0) return;
  const { now, before } = journalPaths(folder);
  await removeFile(now);
  await removeFile(before);
  await removeFolder(folder);
}
