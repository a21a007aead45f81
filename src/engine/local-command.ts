/** Runs a command on this machine: no shell, no stdin, a process group of its own, so that all it has started can be ended with it. */
import { spawn, type ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import type { CommandEnd, CommandRequest } from './command.ts';

/** Of each stream. */
const KEPT_BYTES = 64 * 1024;
/** From SIGTERM to SIGKILL. */
const GRACE_MS = 1_000;
/** Who has left the group may hold the pipes: they are not waited for longer than this after the end. */
const PIPES_MS = 200;
/** A process that even SIGKILL does not end is in the kernel's hands: it is given up. */
const GIVE_UP_MS = 2_000;

export async function runLocalCommand(request: CommandRequest): Promise<CommandEnd> {
  const { argv, cwd, env, keep, signal } = request;
  const [program = '', ...words] = argv;
  if (signal.aborted) return notStarted('ABORTED');
  let child: ChildProcess;
  try {
    child = spawn(program, words, { cwd, env: { ...process.env, ...env }, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    return notStarted(codeOf(error));
  }
  const group = new Group(child);
  const stdout = collect(child.stdout, keep, () => group.end());
  const stderr = collect(child.stderr, 'end');
  const onAbort = (): void => group.end();
  signal.addEventListener('abort', onAbort, { once: true });
  const how = await group.ended;
  signal.removeEventListener('abort', onAbort);
  const timer = setTimeout(() => destroyPipes(child), how.ended === 'not-started' ? 0 : PIPES_MS);
  await Promise.all([stdout.closed, stderr.closed]);
  clearTimeout(timer);
  return { how, stdout: stdout.text(), stderr: stderr.text(), overflow: stdout.overflowed() };
}

function destroyPipes({ stdout, stderr }: ChildProcess): void {
  stdout?.destroy();
  stderr?.destroy();
}

const running = new Set<Group>();
/** This process ends without having been able to wait for them. */
const onProcessExit = (): void => {
  for (const group of running) group.kill('SIGKILL');
};

/** The process, and whatever it has started that stayed in its group. */
class Group {
  readonly ended: Promise<CommandEnd['how']>;
  readonly #pid: number | undefined;
  readonly #timers = new Set<NodeJS.Timeout>();
  #giveUp: () => void = () => undefined;

  constructor(child: ChildProcess) {
    this.#pid = child.pid;
    if (running.size === 0) process.on('exit', onProcessExit);
    running.add(this);
    this.ended = new Promise<CommandEnd['how']>((resolve) => {
      child.once('error', (error) => resolve({ ended: 'not-started', why: codeOf(error) }));
      child.once('exit', (code, signal) =>
        resolve(signal === null ? { ended: 'exit', code: code ?? 0 } : { ended: 'signal', signal: String(signal) }),
      );
      this.#giveUp = () => resolve({ ended: 'signal', signal: 'SIGKILL, and is still there' });
    }).finally(() => {
      for (const timer of this.#timers) clearTimeout(timer);
      running.delete(this);
      if (running.size === 0) process.off('exit', onProcessExit);
      // What it has left behind: nobody would end it any more.
      this.kill('SIGKILL');
    });
  }

  /** Asks it to end, and then makes it. */
  end(): void {
    if (this.#timers.size > 0) return;
    this.kill('SIGTERM');
    this.#timers.add(setTimeout(() => this.kill('SIGKILL'), GRACE_MS));
    this.#timers.add(setTimeout(() => this.#giveUp(), GRACE_MS + GIVE_UP_MS));
  }

  kill(signal: NodeJS.Signals): void {
    if (this.#pid === undefined) return;
    try {
      process.kill(-this.#pid, signal);
    } catch {
      // ESRCH: nobody is left. EPERM: whoever is left has become somebody else.
    }
  }
}

interface Collected {
  readonly closed: Promise<void>;
  text(): string;
  overflowed(): boolean;
}

/** Out of file descriptors Node makes a child that has no streams at all: neither null nor as its types say. */
function collect(stream: Readable | null | undefined, keep: CommandRequest['keep'], onOverflow: () => void = () => undefined): Collected {
  let kept = Buffer.alloc(0);
  let overflow = false;
  stream?.on('data', (data: Buffer) => {
    const all = Buffer.concat([kept, data]);
    kept = keep === 'end' ? all.subarray(-KEPT_BYTES) : all.subarray(0, KEPT_BYTES);
    if (keep === 'end' || all.length <= KEPT_BYTES || overflow) return;
    overflow = true;
    onOverflow();
  });
  stream?.on('error', () => undefined);
  const closed = stream ? new Promise<void>((resolve) => stream.once('close', () => resolve())) : Promise.resolve();
  return { closed, text: () => kept.toString('utf8'), overflowed: () => overflow };
}

const notStarted = (why: string): CommandEnd => ({ how: { ended: 'not-started', why }, stdout: '', stderr: '', overflow: false });

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : String(error));
