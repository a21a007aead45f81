/** B6: no login is needed: accounts without a shell, forced commands, keys that may do nothing but forward. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { accountsAvailable } from '../helpers/accounts.ts';
import { keyPair } from '../helpers/keys.ts';
import { hostEntry } from '../helpers/project.ts';
import { at, echoes, scene } from '../helpers/scene.ts';
import { startEcho, startWww, type Service } from '../helpers/services.ts';
import { startSshd, type Sshd, type SshdOptions } from '../helpers/sshd.ts';
import { runChild } from '../helpers/child.ts';

const all = scene(afterAll);
const each = scene(afterEach);
let echo: Service;
let www: Service;

beforeAll(async () => {
  [echo, www] = await Promise.all([all.add(startEcho()), all.add(startWww({ page: 'behind the proxy' }))]);
});

/** Every type of tunnel over this server, with bytes through each. */
async function carries(sshd: Sshd): Promise<void> {
  const before = sshd.connections().authenticated;
  const host = { host: 'host' };
  const up = each
    .project({
      yaml: {
        hosts: { host: hostEntry(sshd) },
        tunnels: {
          local: { type: 'local', ...host, ingress: 0, egress: at(echo) },
          remote: { type: 'remote', ...host, ingress: 0, egress: at(echo) },
          dynamic: { type: 'dynamic', ...host, ingress: 0 },
          'remote-dynamic': { type: 'remote-dynamic', ...host, ingress: 0 },
        },
      },
    })
    .up();
  await up.untilOpen(['local', 'remote', 'dynamic', 'remote-dynamic']);
  await echoes(up.port('local'));
  await echoes(up.port('remote'));
  for (const proxy of ['dynamic', 'remote-dynamic']) {
    const words = ['-sS', '--noproxy', '', '-x', `socks5h://127.0.0.1:${up.port(proxy)}`, `http://${at(www)}/`];
    expect((await runChild('curl', words, { ms: 10_000 })).stdout).toBe('behind the proxy');
  }
  expect(sshd.connections()).toMatchObject({ authenticated: before + 1, live: 1 });
}

const start = (options: SshdOptions): Promise<Sshd> => each.add(startSshd(options));

/** What `ssh host true` ends with: the proof that there is no login. */
async function login(sshd: Sshd): Promise<number | null> {
  const options = [`UserKnownHostsFile=${sshd.knownHostsFile}`, 'IdentitiesOnly=yes', 'BatchMode=yes', 'LogLevel=ERROR'];
  const words = ['-F', '/dev/null', '-p', String(sshd.port), '-i', sshd.userKey.privateKeyFile, ...options.flatMap((each) => ['-o', each])];
  return (await runChild('ssh', [...words, `${sshd.user}@${sshd.address}`, 'true'])).code;
}

it('ForceCommand', async () => {
  const sshd = await start({ config: { ForceCommand: '/bin/false' } });
  expect(await login(sshd)).not.toBe(0);
  await carries(sshd);
});

it('a `restrict,port-forwarding` key', async () => {
  const sshd = await start({ authorizedKeys: [{ key: await keyPair(), options: 'restrict,port-forwarding,command="/bin/false"' }] });
  expect(await login(sshd)).not.toBe(0);
  await carries(sshd);
});

describe.runIf(accountsAvailable())('an account', () => {
  it.each(['/usr/sbin/nologin', '/bin/false'])('with the shell %s', async (shell) => {
    const sshd = await start({ accounts: [{ name: 'robot', shell }] });
    expect(sshd.user).toBe('robot');
    expect(await login(sshd)).not.toBe(0);
    await carries(sshd);
  });
});
