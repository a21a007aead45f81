/**
 * What ssh_config says of a host, asked of ssh itself: `ssh -G` has Include, Match and most tokens done. It also prints every default, so
 * its answer is compared with the one for a name that nothing can match, and with the one without any file.
 */
import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { type Dump, type DumpQuestion, dumpsOf } from './ssh-dumps.ts';
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

const UNMATCHABLE = 'no-host-is-called-this-7f3a9c';

/** Without any file: what ssh was built with. It cannot change while this process runs. */
let builtIn: Promise<Dump> | null = null;

/** A lookup for one load: what is asked twice is looked up once. */
export function sshConfigLookup(): SshConfigLookup {
  const answers = new Map<string, Promise<Dump>>();
  const together = gathered();
  const ask = (name: string, file: string | null): Promise<Dump> => {
    const key = `${file ?? ''}\n${name}`;
    const before = answers.get(key);
    if (before) return before;
    const asked = together({ name, file });
    answers.set(key, asked);
    return asked;
  };
  return async ({ name, file: given, home }) => {
    const file = given ?? userFile(home);
    builtIn ??= together({ name: UNMATCHABLE, file: '/dev/null' });
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

/** What is asked in one turn of the event loop is asked at once. */
function gathered(): (question: DumpQuestion) => Promise<Dump> {
  let waiting: { readonly question: DumpQuestion; answer(dump: Dump): void }[] = [];
  const ask = async (): Promise<void> => {
    const asked = waiting;
    waiting = [];
    const dumps = await dumpsOf(asked.map(({ question }) => question)).catch((error: unknown) => String(error));
    asked.forEach(({ answer }, index) => {
      if (typeof dumps === 'string') answer({ failed: `ssh -G could not be asked: ${dumps}` });
      else answer(dumps[index] ?? 'no-ssh');
    });
  };
  return (question) =>
    new Promise((answer) => {
      if (waiting.length === 0) setImmediate(() => void ask());
      waiting.push({ question, answer });
    });
}
