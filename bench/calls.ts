/** Calls to a process of the bench's own, over the channel that fork makes. */
import { type ChildProcess, fork } from 'node:child_process';
import { within } from '../test/helpers/wait.ts';

type Handlers = Readonly<Record<string, (argument: never) => unknown>>;

interface Request {
  readonly id: number;
  readonly method: string;
  readonly argument: unknown;
}

type Answer = { readonly id: number; readonly value: unknown } | { readonly id: number; readonly error: string };

export interface Calls<H extends Handlers> {
  readonly pid: number;
  call<K extends keyof H & string>(method: K, argument: Parameters<H[K]>[0], ms?: number): Promise<Awaited<ReturnType<H[K]>>>;
  stop(): Promise<void>;
}

/** The process's side: answers until its parent is gone. */
export function answerCalls(handlers: Handlers): void {
  const answer = async ({ id, method, argument }: Request): Promise<void> => {
    try {
      const handler = handlers[method];
      if (handler === undefined) throw new Error(`no such call: ${method}`);
      process.send?.({ id, value: await handler(argument as never) });
    } catch (error) {
      process.send?.({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  };
  process.on('message', (request: Request) => void answer(request));
  process.once('disconnect', () => process.exit(0));
}

/** Starts the program of the bench of that name: it was built beside this one. */
export function startCalls<H extends Handlers>(name: string): Calls<H> {
  const child: ChildProcess = fork(new URL(`./${name}.mjs`, import.meta.url), [], {
    serialization: 'advanced',
    execArgv: [],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  let last = 0;
  child.on('message', (answer: Answer) => {
    const call = waiting.get(answer.id);
    waiting.delete(answer.id);
    if ('error' in answer) call?.reject(new Error(answer.error));
    else call?.resolve(answer.value);
  });
  void exited.then(() => {
    for (const call of waiting.values()) call.reject(new Error(`the ${name} process ended`));
  });
  return {
    pid: child.pid ?? -1,
    call: async (method, argument, ms = 30_000) => {
      const id = (last += 1);
      const answered = new Promise<unknown>((resolve, reject) => waiting.set(id, { resolve, reject }));
      child.send({ id, method, argument } satisfies Request);
      return (await within(answered, { what: `${method} of the ${name} process`, ms })) as never;
    },
    stop: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
