/** A command of ours on a host that ends at once: only its exit code is of interest. */
import type { Connection } from '../ssh/connection.ts';
import { quote } from './shell-quote.ts';

const LIMIT_MS = 3_000;

/**
 * Runs a script with sh, whatever the account's shell is; `words` are its $1 and on. Null where no command can be run, where it did not
 * end in time, or where the connection went. Never rejects.
 */
export async function runBriefly(connection: Connection, script: string, words: readonly string[]): Promise<number | null> {
  const command = ['exec', 'sh', '-c', quote(script), 'tunnels', ...words.map(quote)].join(' ');
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), LIMIT_MS);
  });
  const starting = connection.exec(command).catch(() => null);
  try {
    const process = await Promise.race([starting, limit]);
    if (!process) {
      // One that begins late is not left running.
      void starting.then((late) => late?.close());
      return null;
    }
    process.stdout.resume();
    process.stderr.resume();
    process.stdin.end();
    const ended = await Promise.race([process.exit, limit]);
    process.close();
    return ended?.code ?? null;
  } finally {
    clearTimeout(timer);
  }
}
