/** Reads a text file that somebody named: never waits (a FIFO), never ends in the middle of a device, never grows without limit. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { err, ok, type Result } from '../core/result.ts';

const MAX_BYTES = 1024 * 1024;

export interface Unreadable {
  /** No such file: where a file is optional that is no problem. */
  readonly missing: boolean;
  readonly why: string;
}

/** Reads a regular file of at most 1 MiB. */
export async function readText(path: string): Promise<Result<string, Unreadable>> {
  let handle: Awaited<ReturnType<typeof open>>;
  try {
    // Opening a FIFO would wait for its writer.
    handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    return err(unreadable(error));
  }
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) return err({ missing: false, why: stat.isDirectory() ? 'is a directory' : 'is no regular file' });
    if (stat.size > MAX_BYTES) return err({ missing: false, why: 'is larger than 1 MiB' });
    return ok(await handle.readFile('utf8'));
  } catch (error) {
    return err(unreadable(error));
  } finally {
    await handle.close().catch(() => undefined);
  }
}

const WHY: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  ENOTDIR: 'does not exist',
  EACCES: 'may not be read by you',
  EPERM: 'may not be read by you',
  ELOOP: 'is a symbolic link in a circle',
  EISDIR: 'is a directory',
  ENXIO: 'is no regular file',
};

function unreadable(error: unknown): Unreadable {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return { missing: code === 'ENOENT' || code === 'ENOTDIR', why: WHY[code] ?? `cannot be read (${code || 'unknown error'})` };
}
