/**
 * What ssh_config says of a host, asked of ssh itself: `ssh -G` has Include, Match and most tokens done. It also prints every default, so
 * its answer is compared with the one for a name that nothing can match, and with the one without any file.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { readSettings, type SshDump, type SshSettings } from './ssh-settings.ts';

export interface SshConfigQuery {
  /** A name as one would type it after `ssh`: a host or an alias, no user and no port. */
  readonly name: string;
  /** As `ssh -F`; null for the user's own and the system's. */
  readonly file: string | null;
  /** $HOME, where it is set. */
  readonly home: string | null;
}

export type SshConfigAnswer =
  /** `matched`: the file says something of just this name, and not only of all. */
  | { readonly status: 'answered'; readonly matched: boolean; readonly settings: SshSettings }
  /** There is no ssh on this machine. */
  | { readonly status: 'no-ssh' }
  | { readonly status: 'failed'; readonly message: string };

export type SshConfigLookup = (query: SshConfigQuery) => Promise<SshConfigAnswer>;

const LIMIT_MS = 5000;
/** ssh -G takes 14 ms of one core: more at a time only makes each slower. */
const AT_A_TIME = 8;
const UNMATCHABLE = 'no-host-is-called-this-7f3a9c';

type Dump = { readonly dump: SshDump } | { readonly failed: string } | 'no-ssh';

/** Without any file: what ssh was built with. It cannot change while this process runs. */
let builtIn: Promise<Dump> | null = null;

/** A lookup for one load: what is asked twice is looked up once. */
export function sshConfigLookup(): SshConfigLookup {
  const answers = new Map<string, Promise<Dump>>();
  const limit = limited(AT_A_TIME);
  const ask = (name: string, file: string | null): Promise<Dump> => {
    const key = `${file ?? ''}\n${name}`;
    const before = answers.get(key);
    if (before) return before;
    const asked = limit(() => dumpOf(name, file));
    answers.set(key, asked);
    return asked;
  };
  return async ({ name, file: given, home }) => {
    const file = given ?? userFile(home);
    builtIn ??= limit(() => dumpOf(UNMATCHABLE, '/dev/null'));
    const asked = builtIn;
    const [own, anyone, none] = await Promise.all([ask(name, file), ask(UNMATCHABLE, file), asked]);
    // Only an answer is kept: a failure may be over at the next load.
    if ((none === 'no-ssh' || 'failed' in none) && builtIn === asked) builtIn = null;
    if (own === 'no-ssh' || anyone === 'no-ssh' || none === 'no-ssh') return { status: 'no-ssh' };
    for (const each of [own, anyone, none]) if ('failed' in each) return { status: 'failed', message: each.failed };
    if (!('dump' in own && 'dump' in anyone && 'dump' in none)) return { status: 'no-ssh' };
    const matched = comparable(own.dump, name) !== comparable(anyone.dump, UNMATCHABLE);
    return {
      status: 'answered',
      matched,
      settings: readSettings({ dump: own.dump, defaults: none.dump, name, home: home ?? accountHome() }),
    };
  };
}

const accountHome = (): string => {
  try {
    return userInfo().homedir;
  } catch {
    return '/';
  }
};

/** ssh finds ~ in the account's entry and ignores $HOME; who sets HOME to another place means the ssh_config there. */
function userFile(home: string | null): string | null {
  if (home === null || home === '' || home === accountHome()) return null;
  const file = join(home, '.ssh', 'config');
  return existsSync(file) ? file : null;
}

/** All it said but the echo of the name. */
const comparable = (dump: SshDump, name: string): string =>
  [...dump]
    .filter(([key]) => key !== 'host')
    .map(([key, values]) => `${key} ${values.join('\n').toLowerCase().replaceAll(name.toLowerCase(), '%n')}`)
    .join('\n');

function dumpOf(name: string, file: string | null): Promise<Dump> {
  const args = ['-G', ...(file === null ? [] : ['-F', file]), '--', name];
  return new Promise((resolve) => {
    const child = execFile('ssh', args, { timeout: LIMIT_MS, maxBuffer: 1024 * 1024, windowsHide: true }, (error, stdout, stderr) => {
      if (!error) resolve({ dump: parseDump(stdout) });
      else if (error.code === 'ENOENT') resolve('no-ssh');
      else if (error.killed) resolve({ failed: `ssh -G ${name} did not answer within ${LIMIT_MS / 1000} s` });
      else resolve({ failed: lastWords(stderr) || `ssh -G ${name} failed` });
    });
    child.stdin?.end();
  });
}

function parseDump(text: string): SshDump {
  const dump = new Map<string, string[]>();
  for (const line of text.split(/\r?\n/)) {
    const blank = line.indexOf(' ');
    if (blank <= 0) continue;
    const key = line.slice(0, blank).toLowerCase();
    const values = dump.get(key);
    if (values) values.push(line.slice(blank + 1));
    else dump.set(key, [line.slice(blank + 1)]);
  }
  return dump;
}

/** The reason, without the announcement that it ends because of it. */
function lastWords(stderr: string): string {
  const lines = stderr.split(/\r?\n/).filter((line) => line.trim() !== '' && !/terminating,|Pseudo-terminal/.test(line));
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it quotes the file
  return (lines[0] ?? '').replace(/[\u0000-\u001f\u007f]/g, ' ').slice(0, 300);
}

/** Runs at most `count` at a time, in order. */
function limited(count: number): <T>(task: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (task) => {
    if (running >= count) await new Promise<void>((resolve) => waiting.push(resolve));
    running += 1;
    try {
      return await task();
    } finally {
      running -= 1;
      waiting.shift()?.();
    }
  };
}
