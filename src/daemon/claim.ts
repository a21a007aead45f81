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
 *
 * All of it holds for several folders as for one: where the usual one cannot be used, a contender has its claim in another, and
 * everybody looks at all of them.
 */
import { access, chmod, constants, rename } from 'node:fs/promises';
import type { Server } from 'node:http';
import { dirname } from 'node:path';
import { listSockets, newSocket, removeFile, removeStalePrivate, type NewSocket } from './control-sockets.ts';
import { DaemonError, errnoOf } from './daemon-error.ts';
import { unusable } from './own-directory.ts';
import { candidates, foldersOf, leaveFolder, type Place } from './place.ts';
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

export interface Won {
  readonly won: true;
  readonly socket: string;
  /** Why it is not in the usual folder; null: it is. */
  readonly unusable: DaemonError | null;
  readonly release: () => Promise<void>;
}

export type ClaimOutcome = Won | { readonly won: false; readonly holder: Alive };

export interface ClaimOptions {
  readonly place: Place;
  /** Answers /status from `standing`; does not listen yet. */
  readonly server: Server;
  readonly standing: Standing;
  /** It has held the project, and its socket has gone: it goes before others that are undecided. */
  readonly again?: boolean;
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
  const { place, limitMs = 30_000 } = options;
  const deadline = performance.now() + limitMs;
  let told = false;
  for (const folder of await foldersOf(place)) await removeStalePrivate(folder, Date.now());
  for (;;) {
    const others = await lookAround(await foldersOf(place));
    const holder = others.find(({ status }) => status.phase === 'up');
    if (holder) return { won: false, holder };
    const [first] = others;
    // One that comes back does not wait for those who have not decided it yet: it goes before them.
    if (!first || (options.again === true && others.every(({ status }) => status.phase === 'claiming'))) {
      const won = await contend(options, deadline);
      if (won) return won;
    } else if (!told && first.status.phase !== 'claiming') {
      told = true;
      options.onWaiting?.(first.status);
    }
    await pause(deadline, { signal: options.signal, inTheWay: first?.status });
  }
}

/** Those who answer. The dead are removed on the way. */
export async function lookAround(folders: readonly string[], except?: string): Promise<Alive[]> {
  const alive: Alive[] = [];
  for (const socket of (await Promise.all(folders.map(listSockets))).flat()) {
    if (socket.id === except) continue;
    const found = await probe(socket);
    if (found.is === 'alive') alive.push({ socket: socket.path, id: socket.id, status: found.status });
    else if (found.is === 'dead') await removeFile(socket.path);
  }
  return alive;
}

async function contend(options: ClaimOptions, deadline: number): Promise<Won | null> {
  const { place, standing } = options;
  standing.phase = 'claiming';
  const claimed = await putClaim(options);
  if (!claimed) return null;
  const { socket } = claimed;
  try {
    for (;;) {
      const others = await lookAround(await foldersOf(place), socket.id);
      if (others.length === 0) {
        standing.phase = 'starting';
        return { won: true, socket: socket.path, unusable: claimed.unusable, release: () => withdraw(options, socket) };
      }
      if (others.some(({ id, status }) => status.phase !== 'claiming' || id < socket.id)) break;
      await pause(deadline, { signal: options.signal, inTheWay: others[0]?.status });
    }
  } catch (error) {
    await withdraw(options, socket);
    throw error;
  }
  await withdraw(options, socket);
  return null;
}

interface Claimed {
  readonly socket: NewSocket;
  /** What was wrong with a better place. */
  readonly unusable: DaemonError | null;
}

/** In the first folder that takes it. Null where the folder went away meanwhile, with the one that held the project before. */
async function putClaim(options: ClaimOptions): Promise<Claimed | null> {
  let first: DaemonError | null = null;
  const note = (error: DaemonError): void => void (first ??= error);
  for await (const folder of candidates(options.place, note)) {
    const socket = newSocket(folder, options.again ?? false);
    try {
      await listen(options.server, socket.privatePath);
      await chmod(socket.privatePath, 0o600);
      await rename(socket.privatePath, socket.path);
      return { socket, unusable: first };
    } catch (error) {
      await withdraw(options, socket);
      if (await wasFolderGone(folder, error)) return null;
      const why = unusable(folder, error);
      if (!why) throw error;
      note(why);
    }
  }
  throw first ?? new DaemonError({ code: 'state-unusable', message: 'there is no state directory', hint: 'set TUNNELS_STATE_DIR' });
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
async function withdraw({ server, place }: ClaimOptions, socket: NewSocket): Promise<void> {
  await removeFile(socket.path);
  await removeFile(socket.privatePath);
  const closed = server.listening ? new Promise<void>((resolve) => server.close(() => resolve())) : null;
  await leaveFolder(place, dirname(socket.path));
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
