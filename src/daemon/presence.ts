/** Notices that a control socket is not where it was put any more: its folder was removed, or the file system under it unmounted. */
import { watch, type FSWatcher } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf } from './daemon-error.ts';

/** An unmount makes no event, and a machine may be out of watches: looked at again this often. Milliseconds. */
const LOOK_EVERY = 2_000;

/** Calls back once, unless the returned function was called before. */
export function watchSocket(path: string, onGone: () => void, lookEvery: number = LOOK_EVERY): () => void {
  let isOver = false;
  const stop = (): void => {
    isOver = true;
    clearInterval(timer);
    watcher?.close();
  };
  const look = async (): Promise<void> => {
    const isThere = await lstat(path).then(
      (stat) => stat.isSocket(),
      // What cannot be looked at just now may still be there.
      (error: unknown) => !['ENOENT', 'ENOTDIR'].includes(errnoOf(error)),
    );
    if (isThere || isOver) return;
    stop();
    onGone();
  };
  const timer = setInterval(() => void look(), lookEvery).unref();
  const watcher = watchFolder(dirname(path), () => void look());
  return stop;
}

function watchFolder(folder: string, onChange: () => void): FSWatcher | null {
  try {
    // An error is an end of watching: the interval goes on.
    return watch(folder, { persistent: false }, onChange).on('error', () => undefined);
  } catch {
    return null;
  }
}
