/** A unix-socket ingress on this machine: its mode, what is in its place already, and the limits of its path. */
import { lstat, stat, unlink } from 'node:fs/promises';
import { connect, type Server } from 'node:net';
import { dirname } from 'node:path';
import { FailureError } from '../core/failure.ts';

/** unix(7): sun_path is 108 bytes with its final zero byte (104 on macOS and BSD). */
const PATH_LIMIT = process.platform === 'linux' ? 107 : 103;
const ANSWER_MS = 1_000;

/**
 * Listens at `path` with the permission bits `mode`, replacing a socket file that nobody listens on any more.
 * Closing the server removes the file. Rejects with `bind-in-use` for a live one, `bind-denied` for anything else in the way.
 */
export async function listenOnSocketFile(server: Server, path: string, mode: number): Promise<void> {
  const length = Buffer.byteLength(path);
  if (length > PATH_LIMIT)
    throw denied(`the path of socket ${path} is ${length} bytes long`, `the system's limit is ${PATH_LIMIT}: choose a shorter one`);
  try {
    await bind(server, path, mode);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EACCES' && !(await directoryExists(path)))
      throw denied(`the directory ${dirname(path)} does not exist`, 'create it, or choose another path');
    if (code !== 'EADDRINUSE') throw error;
    await makeWay(path);
    await bind(server, path, mode);
  }
}

/**
 * The mode is given by the umask while the file is made: it never exists with another, unlike with chmod afterwards. bind(2)
 * happens within listen(), so no other file of this process can be made meanwhile; renaming a private one into place could
 * overwrite a live socket.
 */
function bind(server: Server, path: string, mode: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    const before = process.umask(0o777 & ~mode);
    try {
      server.listen({ path, backlog: 4096 }, () => {
        server.off('error', reject);
        resolve();
      });
    } finally {
      process.umask(before);
    }
  });
}

async function makeWay(path: string): Promise<void> {
  const there = await lstat(path).catch(() => null);
  if (there === null) return;
  if (!there.isSocket()) throw denied(`${path} exists and is no socket`, 'move it away, or choose another path');
  if (await answers(path)) throw new FailureError({ code: 'bind-in-use', message: `${path} is in use`, cause: 'EADDRINUSE: it answers' });
  // Only the very file that was asked: another process may have replaced it meanwhile.
  const now = await lstat(path).catch(() => null);
  if (now?.ino === there.ino) await unlink(path);
}

/** Whether somebody listens there. A queue that is full, or a mode that keeps us out, is somebody. */
const answers = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ path });
    const settle = (live: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(live);
    };
    const timer = setTimeout(() => settle(true), ANSWER_MS);
    socket.once('connect', () => settle(true));
    socket.on('error', (error: NodeJS.ErrnoException) => settle(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT'));
  });

const directoryExists = (path: string): Promise<boolean> =>
  stat(dirname(path)).then(
    (found) => found.isDirectory(),
    () => false,
  );

const denied = (message: string, hint: string): FailureError => new FailureError({ code: 'bind-denied', message, hint });
