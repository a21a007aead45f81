/**
 * Who holds a project is decided by listening sockets, not by pids: the kernel refuses connections to one whose process has
 * died, however it died, and a dead socket never comes alive again.
 *
 * A contender listens on a name nobody looks at, renames that to its claim (so a claim that is seen can be asked), and only
 * then looks at the others. Of two contenders at least one sees the other, because each looks after its claim is in place:
 *
 *   - one that holds the project, or is leaving it, is yielded to;
 *   - of two that are undecided, the one with the higher id yields, and the other waits until it has. It must wait: the higher
 *     one may have looked before the lower one was there, and be about to hold the project.
 *
 * A claim becomes the holder when it sees no other alive. A name is never used twice, so a dead one can be removed by anyone.
 */
import { access, chmod, constants, rename } from 'node:fs/promises';
import type { Server } from 'node:http';
import { listSockets, newSocket, removeFile, removeFolder, removeStalePrivate, type NewSocket } from './control-sockets.ts';
import { DaemonError, errnoOf } from './daemon-error.ts';
import { ensureOwnDirectory, unusable } from './own-directory.ts';
import { probe } from './probe.ts';
import type { Phase, Status } from './protocol.ts';

/** What the server answers with, and the claim moves on. */
export interface Standing {
  phase: Phase;
}

export interface Alive {
  readonly socket: string;
  readonly id: string;
  readonly status: Status;
}

export type ClaimOutcome = { readonly won: true; readonly release: () => Promise<void> } | { readonly won: false; readonly holder: Alive };

export interface ClaimOptions {
  readonly folder: string;
  /** Answers /status from `standing`; does not listen yet. */
  readonly server: Server;
  readonly standing: Standing;
  /** Milliseconds until it must be known who holds the project: another one may have to go down first. Default 30 000. */
  readonly limitMs?: number;
  /** Told once, when another one is in the way that is not up yet, or not gone yet. */
  readonly onWaiting?: (status: Status) => void;
  /** Gives the wait up: rejects with `gone`. */
  readonly signal?: AbortSignal;
}

const PAUSE_MS = 25;

/** Resolves as the holder, or with another one that is up. */
export async function claimProject(options: ClaimOptions): Promise<ClaimOutcome> {
  const { folder, limitMs = 30_000 } = options;
  const deadline = performance.now() + limitMs;
  let told = false;
  await ensureOwnDirectory(folder, 'project');
  await removeStalePrivate(folder, Date.now());
  for (;;) {
    const others = await lookAround(folder);
    const holder = others.find(({ status }) => status.phase === 'up');
    if (holder) return { won: false, holder };
    const [first] = others;
    if (!first) {
      const socket = await contend(options, deadline);
      if (socket) return { won: true, release: () => withdraw(options, socket) };
    } else if (!told && first.status.phase !== 'claiming') {
      told = true;
      options.onWaiting?.(first.status);
    }
    await pause(deadline, { signal: options.signal, inTheWay: first?.status });
  }
}

/** Those who answer. The dead are removed on the way. */
export async function lookAround(folder: string, except?: string): Promise<Alive[]> {
  const alive: Alive[] = [];
  for (const socket of await listSockets(folder)) {
    if (socket.id === except) continue;
    const found = await probe(socket);
    if (found.is === 'alive') alive.push({ socket: socket.path, id: socket.id, status: found.status });
    else if (found.is === 'dead') await removeFile(socket.path);
  }
  return alive;
}

async function contend(options: ClaimOptions, deadline: number): Promise<NewSocket | null> {
  const { folder, standing } = options;
  const socket = newSocket(folder);
  standing.phase = 'claiming';
  await ensureOwnDirectory(folder, 'project');
  try {
    await listen(options.server, socket.privatePath);
    await chmod(socket.privatePath, 0o600);
    await rename(socket.privatePath, socket.path);
    for (;;) {
      const others = await lookAround(folder, socket.id);
      if (others.length === 0) {
        standing.phase = 'starting';
        return socket;
      }
      if (others.some(({ id, status }) => status.phase !== 'claiming' || id < socket.id)) break;
      await pause(deadline, { signal: options.signal, inTheWay: others[0]?.status });
    }
  } catch (error) {
    await withdraw(options, socket);
    if (await wasFolderGone(folder, error)) return null;
    throw unusable(folder, error) ?? error;
  }
  await withdraw(options, socket);
  return null;
}

/** The one that held the project before took its empty folder away. Binding a socket then fails with EACCES: libuv has it so. */
async function wasFolderGone(folder: string, error: unknown): Promise<boolean> {
  if (errnoOf(error) !== 'EACCES') return errnoOf(error) === 'ENOENT';
  return access(folder, constants.W_OK | constants.X_OK).then(
    () => true,
    (denied: unknown) => errnoOf(denied) === 'ENOENT',
  );
}

/** Nothing of it is left, and the folder goes with the last one. */
async function withdraw({ server, folder }: ClaimOptions, socket: NewSocket): Promise<void> {
  await removeFile(socket.path);
  await removeFile(socket.privatePath);
  const closed = server.listening ? new Promise<void>((resolve) => server.close(() => resolve())) : null;
  await removeFolder(folder);
  // Last: a caller of /down takes the end of its connection for the end of everything.
  server.closeAllConnections();
  await closed;
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ path, backlog: 511 }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

interface Waiting {
  readonly signal: AbortSignal | undefined;
  readonly inTheWay: Status | undefined;
}

async function pause(deadline: number, { signal, inTheWay }: Waiting): Promise<void> {
  if (signal?.aborted) throw new DaemonError({ code: 'gone', message: 'interrupted before the project was taken', hint: null });
  if (performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    return;
  }
  const { pid = 0, phase = 'claiming' } = inTheWay ?? {};
  const doing = { claiming: 'taking the project', starting: 'starting it', up: 'holding it', stopping: 'going down' }[phase];
  throw new DaemonError({
    code: 'no-answer',
    message: `gave up waiting for process ${pid}, which is still ${doing}`,
    hint: phase === 'stopping' ? 'it lets open connections finish: tunnels down -t 0 ends them' : `if it hangs, end it (kill ${pid})`,
  });
}
