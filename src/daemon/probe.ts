/** Asks a control socket who is there. Only this decides whether a claim is alive: the kernel refuses for a process that has died. */
import { DaemonError, errnoOf, isDaemonError } from './daemon-error.ts';
import { getJson, nonsense } from './http-call.ts';
import { checkOwnSocket } from './own-directory.ts';
import type { ControlSocket } from './control-sockets.ts';
import type { Status } from './protocol.ts';

export type Probe =
  /** Its process has ended, or it has given the claim up. A dead socket never comes alive again. */
  { readonly is: 'dead' | 'gone' } | { readonly is: 'alive'; readonly status: Status };

export const PROBE_LIMIT_MS = 5_000;
const BUSY_PAUSE_MS = 20;

/** Rejects where what is there is no socket of ours, does not answer, or answers nonsense. */
export async function probe(socket: Pick<ControlSocket, 'path' | 'pid'>, limitMs: number = PROBE_LIMIT_MS): Promise<Probe> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    if (!(await checkOwnSocket(socket.path))) return { is: 'gone' };
    try {
      return { is: 'alive', status: await ask(socket.path, Math.max(1, deadline - performance.now())) };
    } catch (error) {
      const code = errnoOf(error);
      if (code === 'ECONNREFUSED') return { is: 'dead' };
      if (code === 'ENOENT') return { is: 'gone' };
      if (isDaemonError(error)) throw error.code === 'no-answer' ? silent(socket, limitMs) : error;
      // EAGAIN: more callers than its queue holds. A reset: it accepted, and ended or was too busy; the next look tells.
      if (!['EAGAIN', 'ECONNRESET', 'EPIPE', 'ENOBUFS'].includes(code)) throw nonsense({ socket: socket.path });
      if (performance.now() >= deadline) throw silent(socket, limitMs);
      await new Promise((resolve) => setTimeout(resolve, BUSY_PAUSE_MS));
    }
  }
}

async function ask(path: string, limitMs: number): Promise<Status> {
  const call = { socket: path, method: 'GET', path: '/status', limitMs } as const;
  const answer = await getJson(call);
  if (!isStatus(answer)) throw nonsense(call);
  return answer;
}

const PHASES: readonly unknown[] = ['claiming', 'starting', 'up', 'stopping'];

function isStatus(value: unknown): value is Status {
  if (typeof value !== 'object' || value === null) return false;
  const { program, protocol, build, pid, phase, file } = value as Partial<Record<keyof Status, unknown>>;
  if (program !== 'tunnels' || typeof protocol !== 'number' || typeof build !== 'string') return false;
  return typeof pid === 'number' && PHASES.includes(phase) && typeof file === 'string';
}

const silent = (socket: Pick<ControlSocket, 'path' | 'pid'>, limitMs: number): DaemonError =>
  new DaemonError({
    code: 'no-answer',
    message: `process ${socket.pid} holds the project and did not answer within ${limitMs / 1000} s`,
    hint: `if it is stopped, continue it (kill -CONT ${socket.pid}); if it hangs, end it (kill -KILL ${socket.pid})`,
  });
