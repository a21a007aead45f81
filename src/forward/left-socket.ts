/**
 * The file of a unix socket that we listened on on a host. sshd leaves it behind when it listens no more, and then refuses to bind the path
 * again unless it has `StreamLocalBindUnlink yes`. So we remove what we left.
 */
import { unix } from '../core/address.ts';
import { isFailureError } from '../core/failure.ts';
import type { Connection } from '../ssh/connection.ts';
import { runBriefly } from './brief-command.ts';
import { closeStream } from './reset-stream.ts';

const DIAL_MS = 2_000;

/** Only a socket, only the account's own, and none that the kernel (where it tells: Linux) knows a holder of. */
const REMOVE = [
  '[ -S "$1" ] && [ -O "$1" ] || exit 3',
  'if [ -r /proc/net/unix ]; then while read -r line; do case $line in *" $1") exit 4;; esac; done </proc/net/unix; fi',
  'rm -f -- "$1"',
].join('; ');

/**
 * To be called for a path that this program listened on through the host and let go of, or lost. Removes the file unless somebody listens
 * on it; says whether it did. Where the account may not run commands it stays. Never rejects.
 */
export async function removeLeftSocket(connection: Connection, path: string): Promise<boolean> {
  if (!(await isDead(connection, path))) return false;
  return (await runBriefly(connection, REMOVE, [path])) === 0;
}

async function isDead(connection: Connection, path: string): Promise<boolean> {
  try {
    const stream = await connection.dial(unix(path), { timeoutMs: DIAL_MS });
    stream.on('error', () => {});
    closeStream(stream);
    return false;
  } catch (error) {
    return isFailureError(error) && error.failure.code === 'target-refused';
  }
}
