/** What a starting background process and the command that started it say to each other, over the IPC channel of node:child_process. */
import type { RunnerOptions } from '../runner/runner.ts';
import type { Questions } from '../runner/runner-port.ts';
import type { DaemonErrorView } from './daemon-error.ts';
import type { ApplyOutcome, Status } from './protocol.ts';

export interface StartRequest {
  /** Without the environment, which the process inherits. */
  readonly load: Omit<RunnerOptions['load'], 'env'>;
  /** The project file's real path (`projectIdentity`). */
  readonly file: string;
  /** `stateRoot`. */
  readonly root: string;
  readonly names: readonly string[];
  readonly noDeps: boolean;
  readonly watch: boolean;
  /** The project is up for this use alone. */
  readonly use?: string;
  readonly verbosity: 0 | 1 | 2 | 3;
}

export type Question =
  | ({ readonly kind: 'secret' } & Parameters<Questions['secret']>[0])
  | ({ readonly kind: 'hostKey' } & Parameters<Questions['hostKey']>[0]);

export type ToChild =
  | { readonly type: 'start'; readonly request: StartRequest }
  | { readonly type: 'answer'; readonly id: number; readonly answer: string | null }
  /** Ctrl-C before it was up. */
  | { readonly type: 'cancel' };

export type StartResult =
  | { readonly type: 'ready'; readonly pid: number; readonly outcome: ApplyOutcome }
  | { readonly type: 'invalid'; readonly outcome: ApplyOutcome }
  /** Another process holds the project and is up. */
  | { readonly type: 'joined'; readonly socket: string; readonly status: Status }
  | { readonly type: 'failed'; readonly error: DaemonErrorView };

export type ToParent =
  | StartResult
  | { readonly type: 'waiting'; readonly status: Status }
  | { readonly type: 'question'; readonly id: number; readonly question: Question }
  | { readonly type: 'withdrawn'; readonly id: number };

/** Questions that are answered at the other end of the channel, as long as there is one; then by nobody. */
export class RemoteQuestions implements Questions {
  readonly #send: (message: ToParent) => boolean;
  readonly #open = new Map<number, (answer: string | null) => void>();
  #next = 1;

  /** `send` gives false when there is nobody to send to any more. */
  constructor(send: (message: ToParent) => boolean) {
    this.#send = send;
  }

  secret(question: Parameters<Questions['secret']>[0], signal: AbortSignal): Promise<string | null> {
    return this.#ask({ kind: 'secret', ...question }, signal);
  }

  async hostKey(question: Parameters<Questions['hostKey']>[0], signal: AbortSignal): Promise<'yes' | 'no' | null> {
    const answer = await this.#ask({ kind: 'hostKey', ...question }, signal);
    return answer === 'yes' || answer === 'no' ? answer : null;
  }

  answered(id: number, answer: string | null): void {
    this.#open.get(id)?.(answer);
  }

  /** The other end has gone. */
  nobody(): void {
    for (const settle of this.#open.values()) settle(null);
  }

  #ask(question: Question, signal: AbortSignal): Promise<string | null> {
    return new Promise((resolve) => {
      const id = this.#next;
      this.#next += 1;
      const settle = (answer: string | null): void => {
        this.#open.delete(id);
        signal.removeEventListener('abort', onAbort);
        resolve(answer);
      };
      const onAbort = (): void => {
        settle(null);
        this.#send({ type: 'withdrawn', id });
      };
      if (signal.aborted || !this.#send({ type: 'question', id, question })) return resolve(null);
      this.#open.set(id, settle);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }
}
