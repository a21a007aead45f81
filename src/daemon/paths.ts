/** Where a project's control socket and journal are: one folder a project file, in a directory of the user's own. */
import { createHash } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { DaemonError } from './daemon-error.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** sun_path of unix(7): 108 bytes with its NUL on Linux, 104 elsewhere. Longer ones are cut off silently by some systems. */
export const MAX_SOCKET_PATH = process.platform === 'linux' ? 107 : 103;
/** `control-<pid>-<8 hex>.sock` with the longest pid. */
const SOCKET_NAME = 'control-4194304-00000000.sock'.length;
const HASH = 12;
const SLUG = 24;

/** TUNNELS_STATE_DIR, else $XDG_RUNTIME_DIR/tunnels, else $XDG_STATE_HOME/tunnels, else ~/.local/state/tunnels. Absolute. */
export function stateRoot(env: Environment, home: string = homedir()): string {
  const own = env['TUNNELS_STATE_DIR'];
  if (own) return resolve(own);
  // The XDG specification: a relative path is to be ignored.
  const xdg = (name: string): string | null => (env[name] && isAbsolute(env[name]) ? env[name] : null);
  return join(xdg('XDG_RUNTIME_DIR') ?? xdg('XDG_STATE_HOME') ?? join(home, '.local', 'state'), 'tunnels');
}

/** The identity of a project: its file's real path, also of a file that has been removed meanwhile. */
export async function projectIdentity(file: string): Promise<string> {
  const path = resolve(file);
  try {
    return await realpath(path);
  } catch {
    return realpath(dirname(path)).then(
      (directory) => join(directory, basename(path)),
      () => path,
    );
  }
}

/** The project's folder: readable where there is room for it, else the bare hash. Rejects where not even that leaves room for a socket. */
export function projectFolder(root: string, identity: string): string {
  const hash = createHash('sha256').update(identity).digest('hex').slice(0, HASH);
  const readable = join(root, `${slug(identity)}-${hash}`);
  for (const folder of [readable, join(root, hash)]) {
    if (Buffer.byteLength(folder) + 1 + SOCKET_NAME <= MAX_SOCKET_PATH) return folder;
  }
  throw new DaemonError({
    code: 'state-directory',
    message: `${root} is too long a path for a control socket (${MAX_SOCKET_PATH} bytes with the socket's name)`,
    hint: 'set TUNNELS_STATE_DIR to a directory with a shorter path',
  });
}

/** The directory the file is in says more than "tunnels.yaml" does; another file name is added. */
function slug(identity: string): string {
  const file = basename(identity).replace(/\.ya?ml$/, '');
  const words = file === 'tunnels' ? basename(dirname(identity)) : `${basename(dirname(identity))}-${file}`;
  const plain = words
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, SLUG)
    .replace(/^-+|-+$/g, '');
  return plain === '' ? 'project' : plain;
}
