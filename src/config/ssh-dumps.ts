/** What `ssh -G` prints for several names, for the price of one start from this process: a small shell starts them. */
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
/**
 * The number of lanes, then a file and a name for each question; the lanes take them in turn, at the same time, and write to a descriptor
 * each what ssh prints and a NUL, where it fails the NUL alone.
 */
const SCRIPT = `lane() {
  own=$1 lanes=$2 turn=0
  shift 2
  while [ $# -gt 0 ]; do
    if [ $((turn % lanes)) -eq "$own" ]; then
      if [ -n "$1" ]; then said=$(ssh -G -F "$1" -- "$2"); else said=$(ssh -G -- "$2"); fi || said=
      printf '%s\\000' "$said"
    fi
    turn=$((turn + 1))
    shift 2
  done
}
at=0
while [ "$at" -lt "$1" ]; do
  lane "$at" "$@" >&$((at + ${FIRST_FD})) &
  at=$((at + 1))
done
wait`;

/** The answers, in the order of the questions; after 5 s without one it is given up. */
export async function dumpsOf(questions: readonly DumpQuestion[], limitMs = LIMIT_MS): Promise<Dump[]> {
  const answered = questions.length > 1 ? await fromShell(questions, limitMs) : new Map<DumpQuestion, Dump>();
  // One alone; what a shell says nothing of; and where there is no shell.
  const left = questions.filter((question) => !answered.has(question)).values();
  const lane = async (): Promise<void> => {
    for (const question of left) answered.set(question, await dumpOf(question, limitMs));
  };
  await Promise.all(Array.from({ length: MOST_LANES }, lane));
  return questions.flatMap((question) => answered.get(question) ?? []);
}

function dumpOf({ name, file }: DumpQuestion, limitMs: number): Promise<Dump> {
  const args = ['-G', ...(file === null ? [] : ['-F', file]), '--', name];
  return new Promise((resolve) => {
    const child = execFile('ssh', args, { timeout: limitMs, maxBuffer: MOST_BYTES, windowsHide: true }, (error, stdout, stderr) => {
      if (!error) resolve({ dump: parseDump(stdout) });
      else if (error.code === 'ENOENT') resolve('no-ssh');
      else if (error.killed) resolve(tooLate(name, limitMs));
      else resolve({ failed: lastWords(stderr) || `ssh -G ${name} failed` });
    });
    child.stdin?.end();
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
  const ended = new Promise<void>((resolve) => child.once('error', () => resolve()).once('close', () => resolve()));
  const answers = await Promise.all(
    Array.from({ length: lanes }, (_, lane) =>
      readLane({
        stream: child.stdio[FIRST_FD + lane] as Readable,
        ended,
        questions: questions.filter((_, index) => index % lanes === lane),
        limitMs,
      }),
    ),
  );
  if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) killGroup(child.pid);
  return new Map(answers.flat());
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
    if ((child.stdio as unknown) !== undefined) return child;
    child.once('error', () => undefined);
    return null;
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

function readLane({ stream, ended, questions, limitMs }: Lane): Promise<(readonly [DumpQuestion, Dump])[]> {
  const answers: (readonly [DumpQuestion, Dump])[] = [];
  return new Promise((resolve) => {
    let at = 0;
    let rest = '';
    const end = (): void => {
      clearTimeout(timer);
      stream.destroy();
      resolve(answers);
    };
    const timer = setTimeout(() => {
      const [slow, ...others] = questions.slice(at);
      if (slow)
        answers.push(
          [slow, tooLate(slow.name, limitMs)],
          ...others.map((each) => [each, notAsked(each.name, slow.name, limitMs)] as const),
        );
      end();
    }, limitMs);
    void ended.then(end);
    stream.on('error', end);
    stream.setEncoding('utf8').on('data', (text: string) => {
      const said = `${rest}${text}`.split('\0');
      rest = said.pop() ?? '';
      for (const dump of said) {
        const question = questions[at];
        if (question && dump !== '') answers.push([question, { dump: parseDump(dump) }]);
        at += 1;
        timer.refresh();
      }
      if (at === questions.length || rest.length > MOST_BYTES) end();
    });
  });
}

function killGroup(pid: number): void {
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
