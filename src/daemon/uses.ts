/**
 * Commands that use the project while they run (`tunnels run`). Each keeps a connection open meanwhile, so that what it asked for goes
 * with it however it ends. A project that is up for them alone goes down with the last of them, unless an `up` has asked for it since.
 */
import type { ServerResponse } from 'node:http';
import type { ApplyResult, RunnerPort } from '../runner/runner-port.ts';
import type { Use } from '../runner/selection.ts';
import { DaemonError } from './daemon-error.ts';

export interface UsesOptions {
  readonly runner: Pick<RunnerPort, 'lend' | 'release'>;
  /** The use that the project was started for; null: it was asked for by `up`. */
  readonly first: string | null;
  /** Takes the project down: nobody uses it any more. */
  readonly onUnused: (drainMs: number | null) => Promise<void>;
}

/** Between asking and holding, which is at once. Milliseconds. */
const HOLD_LIMIT = 5_000;

interface Held {
  readonly limit: NodeJS.Timeout;
  holder: ServerResponse | null;
}

export class Uses {
  readonly #options: UsesOptions;
  readonly #held = new Map<string, Held>();
  #isAlone: boolean;

  constructor(options: UsesOptions) {
    this.#options = options;
    this.#isAlone = options.first !== null;
    if (options.first !== null) this.#add(options.first);
  }

  /** An `up` has asked for the project: it stays. */
  keep(): void {
    this.#isAlone = false;
  }

  /** `gone` is aborted when the command is no more, which then will not hold what it asked for. */
  async begin(id: string, use: Use, gone: AbortSignal): Promise<{ readonly result: ApplyResult; readonly tunnels: readonly string[] }> {
    this.#add(id);
    const onGone = (): void => void this.end(id, 0);
    gone.addEventListener('abort', onGone, { once: true });
    const lent = await this.#options.runner.lend(id, use).catch(async (error: unknown) => {
      await this.end(id, 0);
      throw error;
    });
    gone.removeEventListener('abort', onGone);
    if (!lent.result.applied || (gone.aborted && this.#held.has(id))) await this.end(id, 0);
    return lent;
  }

  /** The use lasts as long as this answer is open. */
  hold(id: string, answer: ServerResponse): void {
    const held = this.#held.get(id);
    if (!held) throw new DaemonError({ code: 'bad-request', message: 'bad request: there is no such use', hint: null });
    clearTimeout(held.limit);
    held.holder = answer;
    answer.once('close', () => void this.end(id, null));
    answer.writeHead(200, { 'content-type': 'application/x-ndjson' });
    answer.flushHeaders();
  }

  /** True: the project went down with it. Again with 0 hurries what drains. */
  async end(id: string, drainMs: number | null): Promise<boolean> {
    const held = this.#held.get(id);
    if (held) {
      this.#held.delete(id);
      clearTimeout(held.limit);
      held.holder?.end();
      if (this.#isAlone && this.#held.size === 0) {
        await this.#options.onUnused(drainMs);
        return true;
      }
    }
    if (held || drainMs === 0) await this.#options.runner.release(id, { drainMs });
    return false;
  }

  #add(id: string): void {
    const limit = setTimeout(() => void this.end(id, 0), HOLD_LIMIT).unref();
    this.#held.set(id, { limit, holder: null });
  }

  /** The command that the project was started for has gone: if it does not hold its use by now, it never will. */
  async abandon(): Promise<void> {
    const { first } = this.#options;
    if (first !== null && this.#held.get(first)?.holder === null) await this.end(first, 0);
  }

  /** The project ends. */
  close(): void {
    for (const { limit, holder } of this.#held.values()) {
      clearTimeout(limit);
      holder?.end();
    }
    this.#held.clear();
  }
}
