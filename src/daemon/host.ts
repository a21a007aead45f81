/** Holds a project for a runner: what a foreground `up` and the process in the background both do around it. */
import type { RunnerPort } from '../runner/runner-port.ts';
import { PROTOCOL } from './build-id.ts';
import type { Alive } from './claim.ts';
import { isDaemonError } from './daemon-error.ts';
import { takeHold, type Hold, type HoldOptions } from './hold.ts';
import { Journal, type Notice } from './journal.ts';
import { watchSocket } from './presence.ts';
import type { DownRequest, Mode, Phase, Status } from './protocol.ts';
import { Uses } from './uses.ts';

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
  /** The project is up for this use alone, as the runner is. */
  readonly use?: string;
  /** Milliseconds to wait for one that is just starting or going down; default 30 000. */
  readonly limitMs?: number;
  /** Somebody else is starting the project, or taking it down: told once. */
  readonly onWaiting?: (status: Status) => void;
  /** Gives the claim up, as long as it is not decided: rejects with `gone`. */
  readonly signal?: AbortSignal;
  /** Something about the state directory, which is in the journal too. The tunnels are not affected. */
  readonly onWarning?: (warning: Notice) => void;
}

export interface Host {
  /** The file is applied: others may join. */
  up(): void;
  /** Resolves when a `down` has closed everything. The owner then closes the host and ends. */
  readonly takenDown: Promise<void>;
  /** Drains and closes the tunnels, as RunnerPort.stop; whoever asks meanwhile is told that the project is going down. */
  stop(drainMs: number | null): Promise<void>;
  /** The command that it was started for has gone, maybe before it could use it. */
  abandon(): Promise<void>;
  /** The process ends by a bug: the next one's journal begins with why. */
  lastWords(message: string): void;
  /** Gives the project up. Nothing of it is left: no socket, no journal, no folder. */
  close(): Promise<void>;
}

export type HostOutcome = { readonly holds: true; readonly host: Host } | { readonly holds: false; readonly holder: Alive };

/** Between two tries to get back what was removed. Milliseconds. */
const AGAIN_EVERY = 5_000;

/**
 * Resolves as the one who holds the project, or with the other one that does and is up. In the foreground a machine on which no
 * directory can be written is only a warning: then nobody can reach the project, and it runs. Else rejects with a DaemonError.
 */
export async function serveRunner(options: HostOptions): Promise<HostOutcome> {
  const host = new ProjectHost(options);
  try {
    const holder = await host.begin();
    return holder ? { holds: false, holder } : { holds: true, host };
  } catch (error) {
    if (options.mode === 'background' || !isDaemonError(error) || error.code !== 'state-unusable') throw error;
    options.onWarning?.({ message: `${error.message}: other commands cannot reach this project`, hint: error.hint });
    return { holds: true, host };
  }
}

class ProjectHost implements Host {
  readonly takenDown: Promise<void>;
  readonly #options: HostOptions;
  readonly #since = new Date().toISOString();
  #firstEvent = 1;
  readonly #closing = new AbortController();
  #takeDown: () => void = () => undefined;
  #hold: Hold | null = null;
  /** What callers of before its socket was removed are still connected to. */
  readonly #retired: Hold[] = [];
  #journal: Journal | null = null;
  readonly #uses: Uses;
  #isKept = false;
  #unsubscribe: () => void = () => undefined;
  #unwatch: () => void = () => undefined;
  #closed: Promise<void> | null = null;

  constructor(options: HostOptions) {
    this.#options = options;
    this.takenDown = new Promise((resolve) => {
      this.#takeDown = resolve;
    });
    this.#uses = new Uses({
      runner: options.runner,
      first: options.use ?? null,
      onUnused: (drainMs) => this.#down({ drainMs, keepJournal: false }),
    });
  }

  /** Gives the other one that holds the project, and null where this one does from now on. */
  async begin(): Promise<Alive | null> {
    const { limitMs, onWaiting, signal } = this.#options;
    const outcome = await takeHold({
      ...this.#claiming(),
      ...(limitMs === undefined ? {} : { limitMs }),
      ...(onWaiting ? { onWaiting } : {}),
      ...(signal ? { signal } : {}),
    });
    if (!outcome.won) return outcome.holder;
    const { onWarning, runner } = this.#options;
    const journal = await Journal.open({ folder: outcome.hold.folder, ...(onWarning ? { onWarning } : {}) });
    this.#journal = journal;
    this.#firstEvent = journal.entries.nextSeq;
    this.#unsubscribe = runner.subscribe((event) => journal.add(event));
    this.#holdOn(outcome.hold);
    return null;
  }

  up(): void {
    if (this.#hold?.standing.phase === 'starting') this.#hold.standing.phase = 'up';
  }

  async stop(drainMs: number | null): Promise<void> {
    if (this.#hold) this.#hold.standing.phase = 'stopping';
    await this.#options.runner.stop({ drainMs });
  }

  abandon(): Promise<void> {
    return this.#uses.abandon();
  }

  lastWords(message: string): void {
    this.#journal?.lastWords(message);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#closing.abort();
    this.#unwatch();
    this.#unsubscribe();
    this.#uses.close();
    for (const hold of [...this.#retired, this.#hold]) hold?.endStreams();
    await (this.#isKept ? this.#journal?.flush() : this.#journal?.remove());
    for (const hold of [this.#hold, ...this.#retired]) await hold?.release();
  }

  #claiming(): HoldOptions {
    const { root, file, runner } = this.#options;
    const down = (request: Required<DownRequest>): Promise<void> => this.#down(request);
    const served = { runner, journal: () => this.#journal, uses: this.#uses, down };
    return { place: { root, file }, served, status: (phase) => this.#status(phase) };
  }

  async #down({ drainMs, keepJournal }: Required<DownRequest>): Promise<void> {
    this.#isKept ||= keepJournal;
    await this.stop(drainMs);
    this.#takeDown();
  }

  #status(phase: Phase): Status {
    const { build, mode, file, runner } = this.#options;
    const { project } = runner.snapshot();
    const about = { program: 'tunnels', protocol: PROTOCOL, build, pid: process.pid, phase, mode, file, project } as const;
    return { ...about, since: this.#since, events: { first: this.#firstEvent, next: this.#journal?.entries.nextSeq ?? 1 } };
  }

  #holdOn(hold: Hold): void {
    this.#hold = hold;
    this.#unwatch = watchSocket(hold.socket, () => void this.#comeBack());
    if (hold.unusable) this.#warn({ message: `${hold.unusable.message}: ${hold.folder} is used instead`, hint: hold.unusable.hint });
  }

  /** Its socket was removed: nobody could find the project any more. */
  async #comeBack(): Promise<void> {
    const before = this.#hold;
    if (!before) return;
    // Another process may have the folder by now, and its own journal in it.
    this.#journal?.moveTo(null);
    for (let isFirst = true; !this.#closing.signal.aborted; isFirst = false) {
      try {
        const outcome = await takeHold({ ...this.#claiming(), again: true, signal: this.#closing.signal });
        if (!outcome.won) return await this.#giveWay(outcome.holder);
        before.retire();
        this.#retired.push(before);
        outcome.hold.standing.phase = before.standing.phase;
        this.#journal?.moveTo(outcome.hold.folder);
        this.#holdOn(outcome.hold);
        return this.#warn({ message: `the control socket was removed: there is a new one in ${outcome.hold.folder}`, hint: null });
      } catch (error) {
        if (this.#closing.signal.aborted) return;
        const [message, hint] = isDaemonError(error) ? [error.message, error.hint] : [String(error), null];
        if (isFirst)
          this.#warn({ message: `the control socket was removed, and other commands cannot reach this project: ${message}`, hint });
      }
      await this.#pause();
    }
  }

  /** Another process found nobody there and has the project now: two must not serve it. */
  async #giveWay({ status }: Alive): Promise<void> {
    const message = `the control socket was removed, and process ${status.pid} has taken the project: this one drains and ends`;
    this.#warn({ message, hint: null });
    await this.stop(null);
    this.#takeDown();
  }

  #warn(notice: Notice): void {
    this.#journal?.warn(notice);
    this.#options.onWarning?.(notice);
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, AGAIN_EVERY);
      this.#closing.signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
    });
  }
}
