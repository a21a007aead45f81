/** Reads a file that somebody named: never waits (a FIFO), never ends in the middle of a device, never grows without limit. */
import { constants, type Stats } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';

/** The file is there and is not read; the message is without its path. */
export class NotReadable extends Error {
  override readonly name = 'NotReadable';
}

/** Checks what is open, so that it cannot be another file by then. `maxBytes`: a multiple of 1 MiB. Rejects with NotReadable. */
export async function checkRegular(handle: FileHandle, maxBytes: number): Promise<Stats> {
  const stats = await handle.stat();
  if (!stats.isFile()) throw new NotReadable(stats.isDirectory() ? 'it is a directory' : 'it is no regular file');
  if (stats.size > maxBytes) throw new NotReadable(`it is larger than ${maxBytes / 1024 / 1024} MiB`);
  return stats;
}

/** The text of a regular file (symbolic links are followed) of at most `maxBytes`. Rejects with NotReadable or the file system's error. */
export async function readRegular(path: string, maxBytes: number): Promise<{ readonly text: string; readonly stats: Stats }> {
  // Opening a FIFO would wait for its writer.
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    const stats = await checkRegular(handle, maxBytes);
    return { text: await handle.readFile('utf8'), stats };
  } finally {
    await handle.close();
  }
}
