import { afterEach, describe, expect, test } from 'vitest';
import { runChild } from '../helpers/child.ts';
import { keyPair } from '../helpers/keys.ts';
import { startEcho, exchange } from '../helpers/services.ts';
import { type Sshd, type SshdOptions, startSshd } from '../helpers/sshd.ts';

const started: Sshd[] = [];
afterEach(async () => {
  for (const sshd of started.splice(0)) await sshd.stop();
});

async function server(options: SshdOptions = {}): Promise<Sshd> {
  const sshd = await startSshd(options);
  started.push(sshd);
  return sshd;
}

/** The real client, with nothing of the user's. */
const client = (sshd: Sshd): string[] => {
  const options = ['UserKnownHostsFile=/dev/null', 'StrictHostKeyChecking=no', 'IdentitiesOnly=yes', 'BatchMode=yes', 'LogLevel=ERROR'];
  const words = ['-F', '/dev/null', '-p', String(sshd.port), '-i', sshd.userKey.privateKeyFile, ...options.flatMap((each) => ['-o', each])];
  return [...words, `${sshd.user}@${sshd.address}`];
};

describe('startSshd', () => {
  test('serves a login, counts it and leaves nothing', async () => {
    const sshd = await server();
    expect(sshd.connections()).toEqual({ accepted: 0, authenticated: 0, attempts: 0, live: 0 });
    const result = await runChild('ssh', [...client(sshd), 'echo', 'hello']);
    expect(result).toMatchObject({ code: 0, stdout: 'hello\n' });
    expect(sshd.connections()).toMatchObject({ accepted: 1, authenticated: 1 });
  });

  test('runs commands in a home of its own, where no file of the user’s says what a shell does first', async () => {
    const sshd = await server();
    const result = await runChild('ssh', [...client(sshd), 'echo "$HOME"; ls -A "$HOME"']);
    expect(result).toMatchObject({ code: 0, stdout: `${sshd.dir}/session-home\n` });
  });

  test('refuses a key that is no longer authorized', async () => {
    const sshd = await server();
    sshd.authorize(await keyPair({ name: 'stranger' }));
    const result = await runChild('ssh', [...client(sshd), 'true']);
    expect(result.code).toBe(255);
    expect(result.stderr).toContain('Permission denied');
  });

  test('restarts on the same port with another host key', async () => {
    const sshd = await server();
    const before = { port: sshd.port, fingerprint: sshd.fingerprint };
    await sshd.restart({ hostKeyName: 'other' });
    expect(sshd.port).toBe(before.port);
    expect(sshd.fingerprint).not.toBe(before.fingerprint);
    const scan = await runChild('ssh-keyscan', ['-t', 'ed25519', '-p', String(sshd.port), sshd.address]);
    expect(scan.stdout.trim()).toBe(sshd.knownHostsLine().trim());
  });
});

test('echo answers', async () => {
  const echo = await startEcho();
  expect((await exchange(echo.port, 'ping')).toString()).toBe('ping');
  await echo.stop();
});
