/** What `ssh -G` prints for names, for the price of one start from this process: a small shell starts them. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import type { Readable } from 'node:stream';
import { parseDump, type SshDump } from './ssh-settings.ts';

export interface DumpQuestion {
  readonly name: string;
  /** As `ssh -F`; null for the user's own and the system's. */
  readonly file: string | null;
}

export type Dump = { readonly dump: SshDump } | { readonly failed: string } | 'no-ssh';

const LIMIT_MS = 5000;
const MOST_BYTES = 1024 * 1024;
/** ssh -G takes 14 ms of one core: more at a time only makes each slower. A shell counts descriptors to 9. */
const MOST_LANES = Math.min(4, availableParallelism());
const FIRST_FD = 3;
const FAILED = '\u0001';
/** Of the lanes, in the shell's words: a lane that dies is seen by the end of its pipe, which nobody else may hold. */
const CLOSED = '3>&- 4>&- 5>&- 6>&-';
/**
 * The number of lanes, then a file and a name for each question; the lanes take them in turn, at the same time, and write to a descriptor
 * each what ssh prints and a NUL, and a \1 before the NUL where ssh fails. ssh writes there itself: to keep what it says the shell would fork a second shell.
 */
const SCRIPT = `lane() {
  own=$1 lanes=$2 turn=0
  shift 2
  while [ $# -gt 0 ]; do
    if [ $((turn % lanes)) -eq "$own" ]; then
      if [ -n "$1" ]; then command ssh -G -F "$1" -- "$2"; else command ssh -G -- "$2"; fi || printf '\\001'
      printf '\\000'
    fi
    turn=$((turn + 1))
    shift 2
  done
}
at=0
while [ "$at" -lt "$1" ]; do
  lane "$at" "$@" >&$((at + ${FIRST_FD})) ${CLOSED} &
  at=$((at + 1))
done
exec ${CLOSED}
wait`;

/** The answers, in the order of the questions; after 5 s without one it is given up. */
export async function dumpsOf(questions: readonly DumpQuestion[], limitMs = LIMIT_MS): Promise<Dump[]> {
  const answered = questions.length > 0 ? await fromShell(questions, limitMs) : new Map<DumpQuestion, Dump>();
  // What the shell says nothing of, and all where there is none.
  const left = questions.filter((question) => !answered.has(question)).values();
  let hasSsh = true;
  const lane = async (): Promise<void> => {
    for (const question of left) {
      const dump: Dump = hasSsh ? await dumpOf(question, limitMs) : 'no-ssh';
      if (dump === 'no-ssh') hasSsh = false;
      answered.set(question, dump);
    }
  };
  await Promise.all(Array.from({ length: MOST_LANES }, lane));
  return questions.flatMap((question) => answered.get(question) ?? []);
}

function dumpOf({ name, file }: DumpQuestion, limitMs: number): Promise<Dump> {
  const args = ['-G', ...(file === null ? [] : ['-F', file]), '--', name];
  return new Promise((resolve) => {
    try {
      const child = execFile('ssh', args, { timeout: limitMs, maxBuffer: MOST_BYTES, windowsHide: true }, (error, stdout, stderr) => {
        if (!error) resolve({ dump: parseDump(stdout) });
        else if (error.code === 'ENOENT') resolve('no-ssh');
        else if (error.killed) resolve(tooLate(name, limitMs));
        else resolve({ failed: lastWords(stderr) || `ssh -G ${name} failed` });
      });
      child.stdin?.end();
    } catch (error) {
      // Out of memory, or words too long: node throws what it does not know.
      resolve({ failed: `ssh -G ${name.slice(0, 100)} could not be started: ${error instanceof Error ? error.message : String(error)}` });
    }
  });
}

const tooLate = (name: string, limitMs: number): Dump => ({ failed: `ssh -G ${name} did not answer within ${limitMs / 1000} s` });

/** Who waited for each of them would wait for minutes where a command of `Match exec` hangs for all. */
const notAsked = (name: string, slow: string, limitMs: number): Dump => ({
  failed: `ssh -G ${slow} did not answer within ${limitMs / 1000} s, and ${name} was not asked after it`,
});

/** Those that ssh answered, and those for which it was waited in vain. */
async function fromShell(questions: readonly DumpQuestion[], limitMs: number): Promise<Map<DumpQuestion, Dump>> {
  const lanes = Math.min(MOST_LANES, questions.length);
  const words = [String(lanes), ...questions.flatMap(({ name, file }) => [file ?? '', name])];
  const child = startShell(words, lanes);
  if (child === null) return new Map();
  const ended = new Promise<void>((resolve) => child.on('error', () => resolve()).once('close', () => resolve()));
  const read = await Promise.all(
    Array.from({ length: lanes }, (_, lane) =>
      readLane({
        stream: child.stdio[FIRST_FD + lane] as Readable,
        ended,
        questions: questions.filter((_, index) => index % lanes === lane),
        limitMs,
      }),
    ),
  );
  // What a command of `Match exec` has left in the background is nobody's business where all went well.
  if (read.some(({ isGivenUp }) => isGivenUp)) killGroup(child);
  running.delete(child);
  if (running.size === 0) watchEnd('off');
  return new Map(read.flatMap(({ answers }) => answers));
}

const running = new Set<ChildProcess>();
const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** They have no terminal that would end them with this process. */
const onProcessExit = (): void => {
  for (const child of running) killGroup(child);
};

/** Where nobody else listens a signal ends this process, without an `exit`. */
const onSignal = (signal: NodeJS.Signals): void => {
  if (process.listenerCount(signal) > 1) return;
  onProcessExit();
  watchEnd('off');
  process.kill(process.pid, signal);
};

function watchEnd(change: 'on' | 'off'): void {
  process[change]('exit', onProcessExit);
  for (const signal of ENDING) process[change](signal, onSignal);
}

/** Null where it cannot be: words too long for this system, or no descriptors left. */
function startShell(words: readonly string[], lanes: number): ChildProcess | null {
  try {
    const pipes = Array.from({ length: lanes }, () => 'pipe' as const);
    // A group of its own: who ends the shell ends what it waits for.
    const child: ChildProcess = spawn('sh', ['-c', SCRIPT, 'sh', ...words], {
      detached: true,
      stdio: ['ignore', 'ignore', 'ignore', ...pipes],
    });
    // Without descriptors there are no pipes, whatever the types say; and the error comes later.
    if ((child.stdio as unknown) === undefined) {
      child.on('error', () => undefined);
      return null;
    }
    if (running.size === 0) watchEnd('on');
    running.add(child);
    return child;
  } catch {
    return null;
  }
}

interface Lane {
  readonly stream: Readable;
  /** When the shell is gone. */
  readonly ended: Promise<void>;
  readonly questions: readonly DumpQuestion[];
  readonly limitMs: number;
}

interface LaneRead {
  readonly answers: readonly (readonly [DumpQuestion, Dump])[];
  /** It may go on for ever. */
  readonly isGivenUp: boolean;
}

function readLane({ stream, ended, questions, limitMs }: Lane): Promise<LaneRead> {
  const answers: (readonly [DumpQuestion, Dump])[] = [];
  return new Promise((resolve) => {
    let at = 0;
    let rest = '';
    const end = (isGivenUp = false): void => {
      clearTimeout(timer);
      stream.destroy();
      resolve({ answers, isGivenUp });
    };
    const giveUp = (): void => {
      const [slow, ...others] = questions.slice(at);
      if (slow) {
        answers.push([slow, tooLate(slow.name, limitMs)]);
        for (const each of others) answers.push([each, notAsked(each.name, slow.name, limitMs)]);
      }
      end(true);
    };
    const lookOnce = (): void => {
      const before = at;
      // This process may be what stood still (Ctrl-Z), with the answers lying in the pipe.
      setImmediate(() =>
        setImmediate(() => {
          if (at === before && !stream.destroyed) giveUp();
        }),
      );
    };
    const timer = setTimeout(lookOnce, limitMs);
    void ended.then(() => end());
    stream
      .on('error', () => end())
      .on('end', () => end())
      .setEncoding('utf8')
      .on('data', (text: string) => {
        const said = `${rest}${text}`.split('\0');
        rest = said.pop() ?? '';
        for (const dump of said) {
          const question = questions[at];
          if (question && !dump.endsWith(FAILED)) answers.push([question, { dump: parseDump(dump) }]);
          at += 1;
          timer.refresh();
        }
        if (at === questions.length) end();
        else if (rest.length > MOST_BYTES) end(true);
      });
  });
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It is gone.
  }
}

/** The reason, without the announcement that it ends because of it. */
function lastWords(stderr: string): string {
  const lines = stderr.split(/\r?\n/).filter((line) => line.trim() !== '' && !/terminating,|Pseudo-terminal/.test(line));
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it quotes the file
  return (lines[0] ?? '').replace(/[\u0000-\u001f\u007f]/g, ' ').slice(0, 300);
}
