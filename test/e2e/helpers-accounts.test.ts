import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { type Account, accountsAvailable } from '../helpers/accounts.ts';
import { type RunResult, runChild } from '../helpers/child.ts';
import { remove, scratch } from '../helpers/scratch.ts';
import { type Sshd, type SshdOptions, startSshd } from '../helpers/sshd.ts';

const PASSWORD = 'correct horse';
const ALICE: Account = { name: 'alice', password: PASSWORD };
const ROBOT: Account = { name: 'robot', shell: '/usr/sbin/nologin' };

const cleanup: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const each of cleanup.splice(0).reverse()) await each();
});

async function server(options: SshdOptions): Promise<Sshd> {
  const sshd = await startSshd(options);
  cleanup.push(() => sshd.stop());
  return sshd;
}

/** ssh asks this program for the password when there is no terminal. */
function askpass(answer: string): string {
  const dir = scratch('ask');
  cleanup.push(() => remove(dir));
  const file = join(dir, 'askpass');
  writeFileSync(file, `#!/bin/sh\necho '${answer}'\n`, { mode: 0o700 });
  return file;
}

interface Login {
  readonly user: string;
  readonly methods: string;
  readonly password?: string;
  readonly args?: readonly string[];
}

function login(sshd: Sshd, { user, methods, password = '', args = ['id', '-un'] }: Login): Promise<RunResult> {
  const options = [
    ['UserKnownHostsFile', sshd.knownHostsFile],
    ['IdentitiesOnly', 'yes'],
    ['PreferredAuthentications', methods],
    ['NumberOfPasswordPrompts', '1'],
    ['LogLevel', 'ERROR'],
  ].flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  const words = [
    '-F',
    '/dev/null',
    '-p',
    String(sshd.port),
    '-i',
    sshd.userKey.privateKeyFile,
    ...options,
    `${user}@${sshd.address}`,
    ...args,
  ];
  return runChild('ssh', words, { env: { ...process.env, SSH_ASKPASS: askpass(password), SSH_ASKPASS_REQUIRE: 'force', DISPLAY: ':0' } });
}

describe.runIf(accountsAvailable())('an sshd with accounts of its own', () => {
  test('lets a key in as that user', async () => {
    const sshd = await server({ accounts: [ALICE] });
    expect(sshd.user).toBe('alice');
    expect(await login(sshd, { user: 'alice', methods: 'publickey' })).toMatchObject({ code: 0, stdout: 'alice\n' });
  });

  const ways: readonly { readonly methods: string; readonly config: SshdOptions['config'] }[] = [
    { methods: 'password', config: { PasswordAuthentication: true } },
    { methods: 'keyboard-interactive', config: { UsePAM: true, KbdInteractiveAuthentication: true } },
  ];
  test.each(ways)('takes the right password and not a wrong one by $methods', async ({ methods, config = {} }) => {
    const sshd = await server({ accounts: [ALICE], config });
    expect(await login(sshd, { user: 'alice', methods, password: PASSWORD })).toMatchObject({ code: 0, stdout: 'alice\n' });
    expect(await login(sshd, { user: 'alice', methods, password: 'wrong' })).toMatchObject({ code: 255 });
  });

  test('has an account without a shell, which can forward all the same', async () => {
    const sshd = await server({ accounts: [ROBOT] });
    const shell = await login(sshd, { user: 'robot', methods: 'publickey', args: ['true'] });
    expect(shell.code).not.toBe(0);
    const banner = await login(sshd, { user: 'robot', methods: 'publickey', args: ['-W', `127.0.0.1:${sshd.port}`] });
    expect(banner.stdout).toMatch(/^SSH-2\.0-/);
  });

  test('changes nothing of the machine', async () => {
    const before = readFileSync('/etc/passwd', 'utf8');
    const sshd = await server({ accounts: [ALICE] });
    expect(readFileSync('/etc/passwd', 'utf8')).toBe(before);
    expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain(sshd.dir);
  });
});
