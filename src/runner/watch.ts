/**
 * Tells when what a set of files says has changed. The directories are watched and the contents compared: an editor's atomic
 * save, a rename, and the swap of a symlink anywhere on the path all end in other contents at the same name.
 */
import { createHash } from 'node:crypto';
import { readFile, realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { FSWatcher } from 'chokidar';

export interface FileWatch {
  /** Watches these from now on; `readAt` (milliseconds since the epoch) is before they were last read. */
  follow(files: readonly string[], readAt: number): Promise<void>;
  close(): Promise<void>;
}

/** After an event, how long to wait for the rest of a save; and how far apart two readings must agree. */
const SETTLE_MS = 30;
/** The times of files come from a clock that moves in steps, and lags behind the one the reader looked at. */
const CLOCK_STEP_MS = 20;
/** A file that never stops changing is read as it is after this long. */
const SETTLE_LIMIT_MS = 400;

/** `onChange` runs one at a time; changes made meanwhile lead to one more run. */
export async function watchFiles(onChange: () => Promise<void>): Promise<FileWatch> {
  const { watch } = await import('chokidar');
  let watcher: FSWatcher | null = null;
  let files: readonly string[] = [];
  let known = '';
  let running = false;
  let again = false;
  let closed = false;

  const settled = async (): Promise<Reading> => {
    let reading = await readingOf(files);
    for (let waited = 0; waited < SETTLE_LIMIT_MS; waited += SETTLE_MS) {
      await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
      const next = await readingOf(files);
      if (next.digest === reading.digest) return next;
      reading = next;
    }
    return reading;
  };

  const onEvent = async (): Promise<void> => {
    if (running) {
      again = true;
      return;
    }
    running = true;
    do {
      again = false;
      const followed = files;
      const { digest, stamp } = await settled();
      if (closed || digest === known) continue;
      known = digest;
      await onChange();
      // Saved meanwhile: which of the two was read is not known, and the later one may say again what was known before.
      if ((await stampOf(followed)) !== stamp) {
        known = '';
        again = true;
      }
    } while (again && !closed);
    running = false;
  };

  const follow = async (next: readonly string[], readAt: number): Promise<void> => {
    const directories = await directoriesOf(next);
    const others = files.join('\0') !== next.join('\0');
    files = next;
    if (others) {
      // First, so that a save after it is another digest, and one before it shows in the times.
      const digest = await digestOf(next);
      // A file new to the watch may have changed since it was read: then what it says now is not what was applied.
      known = (await changedSince(next, readAt)) ? '' : digest;
    }
    if (closed) return;
    if (!watcher) {
      const created = watch([...directories], { depth: 0, ignoreInitial: true, followSymlinks: false, ignorePermissionErrors: true });
      watcher = created;
      created.on('all', () => void onEvent());
      // chokidar drops a change that follows another one of the same file within 50 ms; what the system says is complete.
      created.on('raw', () => void onEvent());
      created.on('error', () => undefined);
      await new Promise<void>((resolve) => created.once('ready', () => resolve()));
      // What was saved while the watch was being set up made no event.
      void onEvent();
      return;
    }
    watcher.add([...directories]);
    if (known === '') void onEvent();
  };

  return {
    follow,
    close: async () => {
      closed = true;
      await watcher?.close();
    },
  };
}

interface Reading {
  readonly stamp: string;
  readonly digest: string;
}

/** The stamp is taken first, so that a save between the two shows. */
async function readingOf(files: readonly string[]): Promise<Reading> {
  return { stamp: await stampOf(files), digest: await digestOf(files) };
}

/** Other for each save, even of the same contents. */
async function stampOf(files: readonly string[]): Promise<string> {
  const stamps = files.map((file) =>
    stat(file, { bigint: true }).then(
      ({ dev, ino, ctimeNs }) => `${dev}:${ino}:${ctimeNs}`,
      (error: NodeJS.ErrnoException) => error.code ?? 'unreadable',
    ),
  );
  return (await Promise.all(stamps)).join();
}

async function digestOf(files: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const file of files) {
    const text = await readFile(file).catch((error: NodeJS.ErrnoException) => `\0${error.code ?? 'unreadable'}`);
    hash.update(file).update('\0').update(text).update('\0');
  }
  return hash.digest('hex');
}

async function changedSince(files: readonly string[], time: number): Promise<boolean> {
  const times = await Promise.all(
    files.map((file) =>
      stat(file).then(
        ({ mtimeMs }) => mtimeMs,
        () => 0,
      ),
    ),
  );
  return times.some((each) => each >= time - CLOCK_STEP_MS);
}

/** Each file's directory, and the one its links lead to. */
async function directoriesOf(files: readonly string[]): Promise<Set<string>> {
  const directories = new Set<string>();
  for (const file of files) {
    directories.add(dirname(file));
    const real = await realpath(file).catch(() => null);
    if (real) directories.add(dirname(real));
  }
  return directories;
}
