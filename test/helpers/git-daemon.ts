/** A bare git repository with one commit, served by `git daemon`. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { check, startChild } from './child.ts';
import { freePort } from './free-port.ts';
import { remove, scratch } from './scratch.ts';
import { until } from './wait.ts';

export interface GitDaemon {
  readonly port: number;
  /** `shop.git`: clone `git://127.0.0.1:PORT/shop.git`. */
  readonly repository: string;
  /** The commit that a clone has at its head. */
  readonly head: string;
  stop(): Promise<void>;
}

/** No configuration of the user's or the machine's, and no prompt. */
export const gitEnv = (): NodeJS.ProcessEnv => ({
  ...process.env,
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_TERMINAL_PROMPT: '0',
  GIT_AUTHOR_NAME: 'Test',
  GIT_AUTHOR_EMAIL: 'test@example.com',
  GIT_COMMITTER_NAME: 'Test',
  GIT_COMMITTER_EMAIL: 'test@example.com',
});

/** Makes `dir/shop.git`, which can also be served as files over HTTP; gives the commit at its head. */
export async function createRepository(dir: string): Promise<string> {
  const git = (...args: readonly string[]): Promise<string> => check('git', args, { cwd: dir, env: gitEnv() });
  await git('init', '-q', '-b', 'main', 'work');
  writeFileSync(join(dir, 'work', 'README'), 'The shop.\n');
  await git('-C', 'work', 'add', 'README');
  await git('-C', 'work', 'commit', '-q', '-m', 'first');
  await git('clone', '-q', '--bare', 'work', 'shop.git');
  await git('-C', 'shop.git', 'update-server-info');
  return (await git('-C', 'work', 'rev-parse', 'HEAD')).trim();
}

export async function startGitDaemon(options: { readonly host?: string } = {}): Promise<GitDaemon> {
  const dir = scratch('git');
  const host = options.host ?? '127.0.0.1';
  try {
    const head = await createRepository(dir);
    for (let attempt = 1; ; attempt += 1) {
      const port = await freePort(host);
      const args = ['daemon', '--export-all', '--reuseaddr', `--base-path=${dir}`, `--listen=${host}`, `--port=${port}`, '--verbose', dir];
      const daemon = startChild('git', args, { env: gitEnv() });
      try {
        await until(
          async () => {
            if (daemon.hasExited()) throw new Error(`git daemon did not start: ${daemon.stderr()}`);
            return daemon.stderr().includes('Ready to rumble');
          },
          { what: 'git daemon to be ready', ms: 10_000, detail: daemon.stderr },
        );
        return {
          port,
          repository: 'shop.git',
          head,
          stop: async () => {
            await daemon.stop('SIGTERM');
            remove(dir);
          },
        };
      } catch (error) {
        await daemon.stop('SIGKILL').catch(() => undefined);
        if (attempt >= 3) throw error;
      }
    }
  } catch (error) {
    remove(dir);
    throw error;
  }
}
