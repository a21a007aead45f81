/** Starts the process in the background, and tells how that went: its own first error, not "failed to start". */
import { spawn, type ChildProcess } from 'node:child_process';
import type { Questions } from '../runner/runner-port.ts';
import { DaemonError } from './daemon-error.ts';
import type { Status } from './protocol.ts';
import type { Question, StartRequest, StartResult, ToChild, ToParent } from './startup-channel.ts';

export interface StartOptions {
  readonly request: StartRequest;
  /** Inherited by the process: the only way a secret reaches it but for an answer to a question. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What is run with `__daemon`; default: this process's own program. */
  readonly program?: string;
  /** Who answers until `detach`; default: nobody. */
  readonly questions?: Questions;
  /** Somebody else is starting the project, or taking it down: told once. */
  readonly onWaiting?: (status: Status) => void;
  /** Ctrl-C: the process is told to give up. Rejects with `gone`. */
  readonly signal?: AbortSignal;
  /** Milliseconds until it must be up, in which no question was open. Default 60 000. */
  readonly limitMs?: number;
}

export type Started =
  | (Extract<StartResult, { readonly type: 'ready' }> & {
      /** Leaves the process alone. Until then it can ask, and this process stays. */
      readonly detach: () => void;
    })
  | Extract<StartResult, { readonly type: 'invalid' | 'joined' }>;

/** The first words of a process that could not even report: a missing module, no memory. */
const MAX_STDERR = 4_000;
const EXIT_LIMIT = 5_000;

/** Resolves when the project is applied (not when it is open), not valid, or held by another process that is up. Else rejects. */
export async function startDaemon(options: StartOptions): Promise<Started> {
  const { request } = options;
  // The file is there for whoever looks at a list of processes.
  const child = spawn(process.execPath, [...inherited(), options.program ?? process.argv[1] ?? '', '__daemon', '--', request.file], {
    cwd: request.load.cwd,
    env: options.env,
    // A session of its own: the terminal's signals and its end are not meant for it.
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let words = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    words = (words + text).slice(0, MAX_STDERR);
  });
  const asking = new Asking(child, options.questions);
  try {
    const result = await resultOf(child, { options, asking, words: () => words });
    if (result.type === 'failed') throw new DaemonError(result.error);
    if (result.type === 'ready') return { ...result, detach: () => detach(child, asking) };
    await exitOf(child);
    detach(child, asking);
    return result;
  } catch (error) {
    await exitOf(child);
    detach(child, asking);
    throw error;
  }
}

/** Node's own flags, but for a debugger's: its port is taken. */
const inherited = (): string[] => process.execArgv.filter((flag) => !flag.startsWith('--inspect'));

interface Startup {
  readonly options: StartOptions;
  readonly asking: Asking;
  readonly words: () => string;
}

function resultOf(child: ChildProcess, { options, asking, words }: Startup): Promise<StartResult> {
  const { limitMs = 60_000, signal } = options;
  return new Promise((resolve, reject) => {
    let left = limitMs;
    const tick = setInterval(() => {
      if (!asking.isOpen) left -= 100;
      if (left > 0) return;
      fail(
        `the background process ${child.pid ?? 0} was not up after ${limitMs / 1000} s`,
        'run tunnels up without -d to see what it waits for',
      );
      tell(child, { type: 'cancel' });
    }, 100);
    const onAbort = (): void => {
      tell(child, { type: 'cancel' });
      settle(() => reject(new DaemonError({ code: 'gone', message: 'interrupted before the project was up', hint: null })));
    };
    const settle = (then: () => void): void => {
      clearInterval(tick);
      signal?.removeEventListener('abort', onAbort);
      then();
    };
    const fail = (message: string, hint: string): void => settle(() => reject(new DaemonError({ code: 'start-failed', message, hint })));

    child.on('message', (message: ToParent) => {
      if (message.type === 'waiting') options.onWaiting?.(message.status);
      else if (message.type === 'question') asking.ask(message.id, message.question);
      else if (message.type === 'withdrawn') asking.withdraw(message.id);
      else settle(() => resolve(message));
    });
    child.once('error', (error) => fail(`cannot start the background process: ${error.message}`, 'run tunnels up without -d'));
    // `close` and not `exit`: what it said last is in the pipes until then.
    child.once('close', (code, by) => {
      const said = firstWords(words());
      const how = by === null ? `exit code ${code ?? 0}` : by;
      fail(
        `the background process ended before it was up (${how})${said === '' ? '' : `: ${said}`}`,
        'run tunnels up without -d to see more',
      );
    });
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
    tell(child, { type: 'start', request: options.request });
  });
}

/** The line that says what was wrong: around it, node prints the place and the stack. */
export function firstWords(stderr: string): string {
  const lines = stderr.split('\n').filter((line) => /^\S/.test(line) && !/^(node:|file:|Node\.js v|\()/.test(line));
  return (lines.find((line) => /\b(error|fatal|cannot|bug)\b|Error: /i.test(line)) ?? lines[0] ?? '').trim();
}

/** The questions the process has asked and that have not been answered yet. */
class Asking {
  readonly #child: ChildProcess;
  readonly #questions: Questions | undefined;
  readonly #open = new Map<number, AbortController>();

  constructor(child: ChildProcess, questions: Questions | undefined) {
    this.#child = child;
    this.#questions = questions;
  }

  get isOpen(): boolean {
    return this.#open.size > 0;
  }

  ask(id: number, question: Question): void {
    const withdrawn = new AbortController();
    this.#open.set(id, withdrawn);
    void this.#answer(question, withdrawn.signal)
      .catch(() => null)
      .then((answer) => {
        this.#open.delete(id);
        tell(this.#child, { type: 'answer', id, answer });
      });
  }

  withdraw(id: number): void {
    this.#open.get(id)?.abort();
  }

  withdrawAll(): void {
    for (const controller of this.#open.values()) controller.abort();
  }

  async #answer(question: Question, signal: AbortSignal): Promise<string | null> {
    if (!this.#questions) return null;
    return question.kind === 'secret' ? this.#questions.secret(question, signal) : this.#questions.hostKey(question, signal);
  }
}

function tell(child: ChildProcess, message: ToChild): void {
  // With a callback a failed write is no 'error' event: the end of the process tells more.
  if (child.connected) child.send(message, undefined, undefined, () => undefined);
}

function detach(child: ChildProcess, asking: Asking): void {
  asking.withdrawAll();
  child.removeAllListeners('message');
  if (child.connected) child.disconnect();
  child.stderr?.destroy();
  child.unref();
}

async function exitOf(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  await new Promise<void>((resolve) => {
    const limit = setTimeout(() => {
      child.kill('SIGKILL');
      resolve();
    }, EXIT_LIMIT);
    child.once('exit', () => {
      clearTimeout(limit);
      resolve();
    });
  });
}
