/** Holds a project for a runner: what a foreground `up` and the process in the background both do around it. */
import type { RunnerPort } from '../runner/runner-port.ts';
import { PROTOCOL } from './build-id.ts';
import { claimProject, type Alive, type Standing } from './claim.ts';
import { isDaemonError } from './daemon-error.ts';
import { Journal } from './journal.ts';
import { ensureOwnDirectory } from './own-directory.ts';
import { projectFolder } from './paths.ts';
import type { DownRequest, Mode, Status } from './protocol.ts';
import { createControlServer, type ControlServer } from './server.ts';

export interface Notice {
  readonly message: string;
  readonly hint: string | null;
}

export interface HostOptions {
  /** Nothing has been applied yet. */
  readonly runner: RunnerPort;
  /** The project file's real path (`projectIdentity`). */
  readonly file: string;
  /** `stateRoot`. */
  readonly root: string;
  /** `buildId`, taken when the process began. */
  readonly build: string;
  readonly mode: Mode;
  /** Milliseconds to wait for one that is just starting or going down; default 30 000. */
  readonly limitMs?: number;
  /** Somebody else is starting the project, or taking it down: told once. */
  readonly onWaiting?: (status: Status) => void;
  /** Gives the claim up, as long as it is not decided: rejects with `gone`. */
  readonly signal?: AbortSignal;
  /** The state directory cannot be used. The tunnels are not affected; told once. */
  readonly onWarning?: (warning: Notice) => void;
}

export interface Host {
  /** The file is applied: others may join. */
  up(): void;
  /** Resolves when a `down` has closed everything. The owner then closes the host and ends. */
  readonly takenDown: Promise<void>;
  /** Drains and closes the tunnels, as RunnerPort.stop; whoever asks meanwhile is told that the project is going down. */
  stop(drainMs: number | null): Promise<void>;
  /** The process ends by a bug: the next one's journal begins with why. */
  lastWords(message: string): void;
  /** Gives the project up. Nothing of it is left: no socket, no journal, no folder. */
  close(): Promise<void>;
}

export type HostOutcome = { readonly holds: true; readonly host: Host } | { readonly holds: false; readonly holder: Alive };

/**
 * Resolves as the one who holds the project, or with the other one that does and is up. In the foreground a state directory
 * without room or rights is only a warning: then nobody can reach the project, and it runs. Else rejects with a DaemonError.
 */
export async function serveRunner(options: HostOptions): Promise<HostOutcome> {
  const { runner, file, mode, build } = options;
  const standing: Standing = { phase: 'claiming' };
  const since = new Date().toISOString();
  let journal: Journal | null = null;
  let isKept = false;
  let takeDown: () => void = () => undefined;
  const takenDown = new Promise<void>((resolve) => {
    takeDown = resolve;
  });

  const status = (): Status => ({
    program: 'tunnels',
    protocol: PROTOCOL,
    build,
    pid: process.pid,
    phase: standing.phase,
    mode,
    file,
    project: runner.snapshot().project,
    since,
  });
  const stop = async (drainMs: number | null): Promise<void> => {
    standing.phase = 'stopping';
    await runner.stop({ drainMs });
  };
  const down = async ({ drainMs, keepJournal }: Required<DownRequest>): Promise<void> => {
    isKept ||= keepJournal;
    await stop(drainMs);
    takeDown();
  };

  const control = createControlServer({ runner, status, journal: () => journal, down });
  const host = (close: Host['close']): HostOutcome => ({
    holds: true,
    host: { up: () => begin(standing), takenDown, stop, lastWords: (message) => journal?.lastWords(message), close },
  });
  try {
    await ensureOwnDirectory(options.root, 'root');
    const folder = projectFolder(options.root, file);
    const claim = await claimProject({ ...options, folder, server: control.server, standing });
    if (!claim.won) return { holds: false, holder: claim.holder };
    const opened = await Journal.open({ folder, ...(options.onWarning ? { onWarning: options.onWarning } : {}) });
    journal = opened;
    const unsubscribe = runner.subscribe((event) => opened.add(event));
    let closing: Promise<void> | null = null;
    const close = async (): Promise<void> => {
      unsubscribe();
      await endOf(opened, { control, isKept });
      await claim.release();
    };
    return host(() => (closing ??= close()));
  } catch (error) {
    if (mode === 'background' || !isDaemonError(error) || error.code !== 'state-unusable') throw error;
    options.onWarning?.({ message: `${error.message}: other commands cannot reach this project`, hint: error.hint });
    return host(async () => undefined);
  }
}

function begin(standing: Standing): void {
  if (standing.phase === 'starting') standing.phase = 'up';
}

async function endOf(journal: Journal, { control, isKept }: { control: ControlServer; isKept: boolean }): Promise<void> {
  control.endStreams();
  await (isKept ? journal.flush() : journal.remove());
}
