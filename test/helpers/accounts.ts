/**
 * Users that exist for one sshd only: it runs in a mount namespace of its own, where /etc/passwd, shadow and group are
 * copies with the accounts added. Nothing of the machine is changed. Root only.
 */
import { chmodSync, chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { check } from './child.ts';

export interface Account {
  readonly name: string;
  /** Without one, a key is the only way in. */
  readonly password?: string;
  /** Default /bin/sh; `/usr/sbin/nologin` for an account without a shell. */
  readonly shell?: string;
}

export const accountsAvailable = (): boolean => process.platform === 'linux' && process.getuid?.() === 0;

/** Where nobody of the machine is; the numbers need no meaning outside the namespace. */
const FIRST_UID = 64_100;

/** PAM with nothing but the shadow file: this is what gives keyboard-interactive a question to ask. */
const PAM = ['auth required pam_unix.so', 'account required pam_unix.so', 'session required pam_permit.so', ''].join('\n');

/** A crypt(3) hash, `$6$…`. */
export async function passwordHash(password: string): Promise<string> {
  return (await check('openssl', ['passwd', '-6', '-stdin'], { input: `${password}\n` })).trim();
}

/** The command that runs the rest of its arguments among the accounts. */
export async function accountsWrapper(dir: string, accounts: readonly Account[]): Promise<readonly string[]> {
  const etc = join(dir, 'etc');
  mkdirSync(etc);
  const passwd = [readFileSync('/etc/passwd', 'utf8').trimEnd()];
  const shadow = [readFileSync('/etc/shadow', 'utf8').trimEnd()];
  const group = [readFileSync('/etc/group', 'utf8').trimEnd()];
  for (const [index, { name, password, shell = '/bin/sh' }] of accounts.entries()) {
    const id = FIRST_UID + index;
    const home = join(dir, 'home', name);
    mkdirSync(home, { recursive: true });
    chownSync(home, id, id);
    passwd.push(`${name}:x:${id}:${id}:test account:${home}:${shell}`);
    // `*` is no password but not a locked account: sshd refuses keys too for one that begins with `!`.
    shadow.push(`${name}:${password === undefined ? '*' : await passwordHash(password)}:19000:0:99999:7:::`);
    group.push(`${name}:x:${id}:`);
  }
  writeFileSync(join(etc, 'passwd'), `${passwd.join('\n')}\n`);
  writeFileSync(join(etc, 'group'), `${group.join('\n')}\n`);
  writeFileSync(join(etc, 'shadow'), `${shadow.join('\n')}\n`, { mode: 0o600 });
  writeFileSync(join(etc, 'pam'), PAM);
  const script = join(etc, 'enter');
  writeFileSync(
    script,
    `#!/bin/sh
set -e
for name in passwd shadow group; do mount --bind "${etc}/$name" "/etc/$name"; done
if [ -e /etc/pam.d/sshd ]; then mount --bind "${etc}/pam" /etc/pam.d/sshd; fi
exec "$@"
`,
  );
  chmodSync(script, 0o700);
  // The accounts have to get through to their homes and to authorized_keys.
  chmodSync(dir, 0o711);
  return ['unshare', '--mount', '--propagation', 'private', script];
}
