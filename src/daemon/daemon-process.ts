/** The process in the background: told over the startup channel what to run, it holds the project until it is taken down. */
import type { RunnerOptions } from '../runner/runner.ts';
import type { RunnerPort } from '../runner/runner-port.ts';
import { DaemonError } from './daemon-error.ts';
import { viewOf } from './answer.ts';
import { serveRunner, type Host } from './host.ts';
import { applyOutcome } from './operations.ts';
import { RemoteQuestions, type StartRequest, type StartResult, type ToChild, type ToParent } from './startup-channel.ts';

export interface DaemonOptions {
  readonly createRunner: (options: RunnerOptions) => RunnerPort | Promise<RunnerPort>;
  /** `buildId`. */
  readonly build: string;
}

/** A process that is started by hand, or whose starter died at once, does not stay. Milliseconds. */
const START_LIMIT = 10_000;
/** To hand over the last message before the process ends. Milliseconds. */
const FAREWELL_LIMIT = 1_000;

/**
 * Resolves with the exit code when the project has been taken down (0), could not be started (1), or is not valid (3). SIGTERM
 * and SIGHUP drain, a second one closes at once; SIGINT is ignored, since the terminal's Ctrl-C is not meant for it.
 */
export async function runDaemon(options: DaemonOptions): Promise<0 | 1 | 3> {
  const cancel = new AbortController();
  const questions = new RemoteQuestions(send);
  const request = await new Promise<StartRequest | null>((resolve) => {
    const limit = setTimeout(() => resolve(null), START_LIMIT);
    process.on('message', (message: ToChild) => {
      if (message.type === 'start') {
        clearTimeout(limit);
        resolve(message.request);
      } else if (message.type === 'answer') questions.answered(message.id, message.answer);
      else cancel.abort();
    });
    const onGone = (): void => {
      questions.nobody();
      resolve(null);
    };
    process.once('disconnect', onGone);
    // The starter may have died while this program was being loaded.
    if (!process.connected) onGone();
  });
  if (!request) {
    process.stderr.write('__daemon is started by tunnels up -d, not by hand\n');
    return 1;
  }
  return new Daemon(options, { request, questions, cancelled: cancel.signal }).run();
}

interface Start {
  readonly request: StartRequest;
  readonly questions: RemoteQuestions;
  readonly cancelled: AbortSignal;
}

class Daemon {
  readonly #options: DaemonOptions;
  readonly #start: Start;
  readonly #giveUp = new AbortController();
  #host: Host | null = null;
  #isUp = false;
  /** Resolves when a signal, or a cancelled start, has closed everything. */
  readonly #stopped: Promise<void>;
  #stop: (drainMs: number | null) => void = () => undefined;

  constructor(options: DaemonOptions, start: Start) {
    this.#options = options;
    this.#start = start;
    this.#stopped = new Promise((resolve) => {
      let signals = 0;
      this.#stop = (drainMs) => {
        signals += 1;
        this.#giveUp.abort();
        const stopping = this.#host?.stop(signals > 1 ? 0 : drainMs) ?? Promise.resolve();
        void stopping.finally(resolve);
      };
    });
  }

  async run(): Promise<0 | 1 | 3> {
    const { cancelled } = this.#start;
    const onSignal = (): void => this.#stop(null);
    const onCancel = (): void => this.#stop(0);
    const onGone = (): void => void (this.#host && this.#isUp ? this.#host.abandon() : this.#stop(0));
    const ignore = (): void => undefined;
    // Who ends the process for a bug is not decided here; but nobody sees its stderr, so the journal says why.
    const onBug = (error: unknown): void =>
      this.#host?.lastWords(
        `the background process ended, this is a bug in tunnels: ${error instanceof Error ? error.message : String(error)}`,
      );
    process.on('uncaughtExceptionMonitor', onBug);
    if (process.listenerCount('unhandledRejection') > 0) process.on('unhandledRejection', onBug);
    if (this.#start.request.use !== undefined) {
      process.once('disconnect', onGone);
      // 'disconnect' comes before what awaits the last message, when both were read at once.
      if (!process.connected) onGone();
    }
    process.on('SIGTERM', onSignal).on('SIGHUP', onSignal).on('SIGINT', ignore);
    cancelled.addEventListener('abort', onCancel, { once: true });
    if (cancelled.aborted) onCancel();
    try {
      const ended = await this.#begin();
      if (ended !== null) return ended;
      cancelled.removeEventListener('abort', onCancel);
      await Promise.race([this.#stopped, this.#host?.takenDown]);
      return 0;
    } catch (error) {
      await farewell({ type: 'failed', error: viewOf(error) });
      return 1;
    } finally {
      await this.#host?.close();
      process.off('uncaughtExceptionMonitor', onBug).off('unhandledRejection', onBug);
      process.off('disconnect', onGone).off('SIGTERM', onSignal).off('SIGHUP', onSignal).off('SIGINT', ignore);
    }
  }

  /** Null: it is up. Else the exit code, and the starter knows why. */
  async #begin(): Promise<0 | 1 | 3 | null> {
    const { request, questions } = this.#start;
    const use = request.use === undefined ? {} : { use: request.use };
    const runner = await this.#options.createRunner({
      load: { ...request.load, env: process.env },
      names: request.names,
      noDeps: request.noDeps,
      verbosity: request.verbosity,
      questions,
      ...use,
    });
    const held = await serveRunner({
      runner,
      file: request.file,
      root: request.root,
      build: this.#options.build,
      mode: 'background',
      ...use,
      onWaiting: (status) => void send({ type: 'waiting', status }),
      signal: this.#giveUp.signal,
    });
    if (!held.holds) {
      await farewell({ type: 'joined', socket: held.holder.socket, status: held.holder.status });
      return 0;
    }
    this.#host = held.host;
    if (this.#giveUp.signal.aborted) return 0;
    // Loading runs ssh -G and reads files on whatever disks: a signal does not wait for it.
    const result = await Promise.race([runner.apply(), this.#stopped, held.host.takenDown]);
    if (!result) return 0;
    const outcome = applyOutcome(result);
    if (!result.applied) {
      await farewell({ type: 'invalid', outcome });
      return 3;
    }
    if (result.loaded.project.tunnels.size === 0) throw noTunnel();
    if (request.watch) runner.watch();
    held.host.up();
    this.#isUp = true;
    send({ type: 'ready', pid: process.pid, outcome });
    return null;
  }
}

const noTunnel = (): DaemonError =>
  new DaemonError({
    code: 'start-failed',
    message: 'no tunnel is active: every tunnel of the file belongs to a profile that was not named',
    hint: 'name one with --profile',
  });

/** False when nobody is there any more. */
function send(message: ToParent): boolean {
  if (!process.connected || !process.send) return false;
  // With a callback a failed write is no 'error' event, which would end the process.
  process.send(message, undefined, undefined, () => undefined);
  return true;
}

async function farewell(message: StartResult): Promise<void> {
  await new Promise<void>((resolve) => {
    if (!process.connected || !process.send) return resolve();
    setTimeout(resolve, FAREWELL_LIMIT).unref();
    process.send(message, undefined, undefined, () => resolve());
  });
}
