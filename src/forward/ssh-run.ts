/** One ssh process on another machine: what it said so far, and its end. */
import { FailureError, isFailureError, type Failure } from '../core/failure.ts';
import type { Connection, ExecProcess } from '../ssh/connection.ts';
import { sshFailure } from './ssh-stderr.ts';

export interface RunningSsh {
  /** How it is called in messages. */
  readonly who: string;
  /** All of its stderr, up to the limit kept. */
  stderr(): string;
  ended(): boolean;
  /** True where a bind failed and ssh went on with what else it could bind. */
  halfBound(): boolean;
  /** What its stderr means, as far as it goes. */
  explain(): Failure;
  /** Resolves when it ended, whoever ended it. */
  readonly failed: Promise<Failure>;
  /** As `failed`, with null where close() ended it. */
  readonly closed: Promise<Failure | null>;
  close(): Promise<void>;
}

/** The lines that matter are the first and the last; a chatty ssh must not fill memory. In characters, of each. */
const KEPT = 32 * 1024;
const CLOSE_MS = 2_000;

export async function startSsh(connection: Connection, command: string, who: string): Promise<RunningSsh> {
  let process: ExecProcess;
  try {
    process = await connection.exec(command);
  } catch (error) {
    if (isFailureError(error) && error.failure.code === 'target-forbidden')
      throw new FailureError({
        code: 'bind-denied',
        message: `${who} cannot be started: the account may not run commands`,
        hint: 'use `launch: relay`',
        cause: error.failure.cause,
      });
    throw error;
  }
  let first = '';
  let last = '';
  let ended = false;
  let closing = false;
  process.stdin.on('error', () => {});
  process.stdout.on('error', () => {});
  process.stdout.resume();
  process.stderr.on('error', () => {});
  process.stderr.on('data', (chunk: Buffer) => {
    const text = chunk.toString('utf8');
    if (first.length < KEPT) first += text;
    else last = (last + text).slice(-KEPT);
  });
  const said = (): string => first + last;
  const failed = process.exit.then(({ code, signal }) => {
    ended = true;
    const explained = sshFailure(code === 127 ? `${said()}\nssh: not found` : said(), who);
    const how = signal ? `signal ${signal}` : code === null ? 'the connection was lost' : `exit code ${code}`;
    return { ...explained, cause: explained.cause ?? how };
  });
  return {
    who,
    stderr: said,
    ended: () => ended,
    halfBound: () => /bind \[[^\]]*\]:\d+: Address already in use/.test(said()),
    explain: () => sshFailure(said(), who),
    failed,
    closed: failed.then((why) => (closing ? null : why)),
    close: async () => {
      closing = true;
      if (ended) return;
      // The end of its stdin ends it; closing the channel at once would leave us without the proof.
      process.stdin.end();
      let timer: NodeJS.Timeout | undefined;
      await Promise.race([
        failed,
        new Promise((resolve) => {
          timer = setTimeout(resolve, CLOSE_MS);
        }),
      ]);
      clearTimeout(timer);
      process.close();
    },
  };
}
