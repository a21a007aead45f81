/**
 * Tells when what a set of files says has changed. The directories are watched and the contents compared: an editor's atomic
 * save, a rename, and the swap of a symlink anywhere on the path all end in other contents at the same name. Where nothing is told
 * of a change (a network mount, a system without a watch to spare), it is noticed some two seconds later.
 */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, readFile, realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { FSWatcher } from 'chokidar';

export interface FileWatch {
  /** Watches these from now on; `readAt` (milliseconds since the epoch) is before they were last read. */
  follow(files: readonly string[], readAt: number): Promise<void>;
  close(): Promise<void>;
}

/** Whether what the files say now is what was found when the change was told, and for so long that it is no half of a save. */
export type IsWhole = () => Promise<boolean>;

/** How far apart two readings must agree: the rest of a save is waited for so long. */
const SETTLE_MS = 30;
/** How soon they are looked at again where something happened beside them; twice as long each time. */
const LOOK_MS = 2;
/** The times of files come from a clock that moves in steps, and lags behind the one the reader looked at. */
const CLOCK_STEP_MS = 20;
/** How often the times of the files are looked at without any event: not every file system has them, and a system's watches may run out. */
const GLANCE_MS = 2_000;
/** A file that never stops changing is read as it is after this long. */
const SETTLE_LIMIT_MS = 400;

/**
 * `onChange` runs one at a time; changes made meanwhile lead to one more run. It may read the files while the rest of a save is waited for: only what
 * `isWhole` affirms after that may have an effect, and what it does not is told again.
 */
export async function watchFiles(onChange: (isWhole: IsWhole) => Promise<void>): Promise<FileWatch> {
  const { watch } = await import('chokidar');
  let watcher: FSWatcher | null = null;
  let files: readonly string[] = [];
  let known = '';
  let running = false;
  let again = false;
  let closed = false;
  let wake: (() => void) | null = null;
  let glances: NodeJS.Timeout | undefined;

  /** Until something happens, but not before `leastMs`; as long as the rest of a save is waited for. */
  const quiet = async (leastMs: number): Promise<void> => {
    const enough = pause(SETTLE_MS);
    await pause(leastMs);
    if (!again) await Promise.race([enough, new Promise<void>((resolve) => (wake = resolve))]);
    wake = null;
  };

  /** False where it was not whole, and has to be told again. `since`: when what was found began not to be. */
  const tell = async (followed: readonly string[], first: Reading, since: number): Promise<boolean> => {
    const later = pause(SETTLE_MS);
    const agree = async (): Promise<Reading | null> => {
      await later;
      // Only now, that they were read: what is the same before and after was so meanwhile.
      const next = await readingOf(followed);
      const isSame = next.digest === first.digest && next.stamp === first.stamp;
      if (closed || !(isSame || performance.now() - since > SETTLE_LIMIT_MS)) return null;
      known = next.digest;
      return next;
    };
    let agreed: Promise<Reading | null> | null = null;
    await onChange(async () => (await (agreed ??= agree())) !== null);
    const reading = await (agreed ??= agree());
    // Saved meanwhile: which of the two was read is not known, and the later one may say again what was known before.
    if (reading && (await stampOf(followed)) !== reading.stamp) {
      known = '';
      again = true;
    }
    return reading !== null;
  };

  const onEvent = async (): Promise<void> => {
    if (closed) return;
    if (running) {
      again = true;
      wake?.();
      return;
    }
    running = true;
    let since = performance.now();
    let leastMs = LOOK_MS;
    do {
      again = false;
      const followed = files;
      const reading = await readingOf(followed);
      if (reading.digest === known) {
        // An atomic save is told first of by the file that will take the other's place; so is anything else in the directory.
        await quiet(leastMs);
        leastMs = Math.min(2 * leastMs, SETTLE_MS);
        const isOther = (await digestOf(files)) !== known;
        // Not assigned: something may have happened during that.
        if (isOther) again = true;
      } else if (!(await tell(followed, reading, since))) {
        again = true;
        continue;
      }
      since = performance.now();
    } while (again && !closed);
    running = false;
  };

  let glanced = '';
  let glancing = false;
  const glance = async (): Promise<void> => {
    // Where a file system hangs, one look hangs, and not one more each time.
    if (glancing) return;
    glancing = true;
    const stamp = await stampOf(files);
    glancing = false;
    const isOther = stamp !== glanced;
    glanced = stamp;
    if (isOther) void onEvent();
  };

  const follow = async (next: readonly string[], readAt: number): Promise<void> => {
    const directories = await directoriesOf(next);
    const others = files.join('\0') !== next.join('\0');
    files = next;
    if (others) {
      // Before the digest, so that what is saved between the two is seen at the next glance.
      glanced = await stampOf(next);
      // Before the times are looked at, so that a save after it is another digest, and one before it shows in them.
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
      // Such as that the system has no watches left: then there is the glance.
      created.on('error', () => undefined);
      glances = setInterval(() => void glance(), GLANCE_MS);
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
      clearInterval(glances);
      await watcher?.close();
    },
  };
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface Reading {
  readonly stamp: string;
  readonly digest: string;
}

/** The stamp is taken first, so that a save between the two shows. */
async function readingOf(files: readonly string[]): Promise<Reading> {
  return { stamp: await stampOf(files), digest: await digestOf(files) };
}

/** Other for each save, even of the same contents. Opened for that: a network mount answers stat(2) from what it remembers, for up to a minute, and open(2) anew. */
async function stampOf(files: readonly string[]): Promise<string> {
  const stamps: string[] = [];
  // One at a time: node has four threads for all that may hang.
  for (const file of files) stamps.push(await stampOfOne(file).catch((error: NodeJS.ErrnoException) => error.code ?? 'unreadable'));
  return stamps.join();
}

async function stampOfOne(file: string): Promise<string> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const { dev, ino, size, ctimeNs } = await handle.stat({ bigint: true });
    return `${dev}:${ino}:${size}:${ctimeNs}`;
  } finally {
    await handle.close();
  }
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
