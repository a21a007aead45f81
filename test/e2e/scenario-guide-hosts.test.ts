/** The guide to SSH tunnels, G9 and G10: who lets whom in, and what is said about it. */
import { readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import ssh2, { type Connection as ServerConnection } from 'ssh2';
import { afterEach, describe, expect, test } from 'vitest';
import { describeKey, generateKey } from '../../src/ssh/generate-key.ts';
import { accountsAvailable } from '../helpers/accounts.ts';
import { type Agent, startAgent } from '../helpers/agent.ts';
import { freePort } from '../helpers/free-port.ts';
import { keyPair } from '../helpers/keys.ts';
import { createProject, hostEntry, type Project, type ProjectOptions, sshConfigBlock } from '../helpers/project.ts';
import { bytes, exchange, startEcho } from '../helpers/services.ts';
import { startSshd, type SshdOptions } from '../helpers/sshd.ts';
import { until } from '../helpers/wait.ts';

const undo: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const each of undo.splice(0).reverse()) await each();
});
const keep = async <T extends { stop(): Promise<unknown> }>(starting: Promise<T>): Promise<T> => {
  const started = await starting;
  undo.push(() => started.stop());
  return started;
};
const projectOf = (options: ProjectOptions): Project => {
  const made = createProject(options);
  undo.push(made.remove);
  return made;
};
const sshdOf = (name: string, options: SshdOptions = {}) => keep(startSshd({ name, hostKeyName: name, ...options }));

const MEGABYTE = bytes(1 << 20);
const carries = async (port: number): Promise<void> => expect((await exchange(port, MEGABYTE)).equals(MEGABYTE)).toBe(true);

const PASSPHRASE = 'pass phrase of the key 7351';
const PASSWORD = 'correct horse 9264';

interface HostileServer {
  readonly port: number;
  readonly fingerprint: string;
  /** How many it was asked to run. */
  commands(): number;
  askForAgent(): Promise<'opened' | 'refused'>;
}

describe('G9: the agent', () => {
  /** An SSH server that answers as it should, runs commands that never end, and may be made to ask for the agent. */
  async function hostileServer(): Promise<HostileServer> {
    const key = describeKey(generateKey().privateKey);
    const connections: ServerConnection[] = [];
    let commands = 0;
    const server = new ssh2.Server({ hostKeys: [key.privateKey] }, (client) => {
      connections.push(client);
      client.on('error', () => undefined);
      client.on('authentication', (context) => context.accept());
      client.on('tcpip', (accept) => {
        const channel = accept();
        channel.pipe(channel);
      });
      client.on('session', (accept) => {
        const session = accept();
        session.on('auth-agent', (yes) => (yes as unknown as (() => void) | undefined)?.());
        session.on('exec', (run) => {
          run();
          commands += 1;
        });
      });
    });
    const listener = createServer((socket) => server.injectSocket(socket));
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    undo.push(() => {
      for (const each of connections) each.end();
      return new Promise((resolve) => listener.close(resolve));
    });
    return {
      port: (listener.address() as AddressInfo).port,
      fingerprint: key.fingerprint,
      commands: () => commands,
      askForAgent: () =>
        new Promise((resolve) => {
          // ssh2's server has no call for it.
          const raw = connections[0] as unknown as {
            _chanMgr: { add(onAnswer: (error?: Error) => void): number };
            _protocol: { openssh_authAgent(id: number, window: number, packet: number): void };
          };
          const answered = Object.assign((error?: Error): void => resolve(error ? 'refused' : 'opened'), {
            type: 'auth-agent@openssh.com',
          });
          raw._protocol.openssh_authAgent(raw._chanMgr.add(answered), 1 << 21, 1 << 15);
        }),
    };
  }

  test('a server cannot open a channel to it, and the tunnel lives on', async () => {
    const agent = await keep(startAgent(await keyPair()));
    const server = await hostileServer();
    const project = projectOf({
      env: { SSH_AUTH_SOCK: agent.socket },
      yaml: {
        hosts: { hostile: { hostname: '127.0.0.1', port: server.port, user: 'deploy', host_key: server.fingerprint }, inner: {} },
        tunnels: {
          echo: { type: 'local', host: 'hostile', ingress: 0, egress: 'anywhere:7' },
          // A command is what an agent is forwarded for.
          launched: { type: 'remote', client: 'hostile', host: 'inner', launch: 'ssh', ingress: 7, egress: 'localhost:7' },
        },
      },
    });
    const up = project.up();
    await up.untilOpen(['echo']);
    await until(() => server.commands() === 1, { what: 'the server to be asked for an ssh' });
    expect(await server.askForAgent()).toBe('refused');
    expect((await exchange(up.port('echo'), 'still there')).toString()).toBe('still there');
    expect(await up.stop()).toMatchObject({ code: 0 });
  });

  async function launchedByAgent(agent: Agent, more: Readonly<Record<string, unknown>>) {
    const inner = await sshdOf('test-server', { authorizedKeys: [await keyPair({ name: 'in-agent' })] });
    const noKey = sshConfigBlock('test-server', inner).replace(/^ +Identit.*\n/gm, '');
    const bastion = await sshdOf('bastion', { sshConfig: noKey });
    const echo = await keep(startEcho());
    const onBastion = await freePort();
    const project = projectOf({
      env: { SSH_AUTH_SOCK: agent.socket },
      yaml: {
        hosts: { bastion: hostEntry(bastion, more) },
        tunnels: {
          inner: {
            type: 'local',
            client: 'bastion',
            host: 'test-server',
            launch: 'ssh',
            ingress: onBastion,
            egress: `localhost:${echo.port}`,
          },
        },
      },
    });
    return { up: project.up(), inner, onBastion };
  }

  test('is there for an ssh on the host where the file asks for it, and only there', async () => {
    const agent = await keep(startAgent(await keyPair({ name: 'in-agent' })));
    const asked = await launchedByAgent(agent, { forward_agent: true });
    await asked.up.untilOpen(['inner']);
    await carries(asked.onBastion);
    await asked.up.stop();

    const { up, inner } = await launchedByAgent(agent, {});
    const failed = await up.untilEvent((event) => event.subject?.name === 'inner' && event.to === 'failed');
    expect(failed).toMatchObject({ failure: { code: 'auth-rejected' } });
    expect(inner.connections().authenticated).toBe(0);
    expect(await up.exited).toMatchObject({ code: 1 });
  });
});

describe('G10: hosts', () => {
  test('are found by an alias that only ssh_config knows, jump included', async () => {
    const [bastion, inner, echo] = [await sshdOf('bastion'), await sshdOf('inner'), await keep(startEcho())];
    const project = projectOf({
      aliases: { 'shop-bastion': bastion },
      sshConfig: sshConfigBlock('shop-inner', inner, ['ProxyJump shop-bastion']),
      yaml: { tunnels: { near: `-L 0:localhost:${echo.port} shop-bastion`, far: `-L 0:localhost:${echo.port} shop-inner` } },
    });
    const up = project.up();
    await up.untilOpen(['near', 'far']);
    await carries(up.port('near'));
    await carries(up.port('far'));
    expect(bastion.connections()).toMatchObject({ accepted: 1, authenticated: 1 });
    expect(inner.connections()).toMatchObject({ accepted: 1, authenticated: 1 });
    expect(await up.stop()).toMatchObject({ code: 0 });
  });

  test('take a different key each, one of them encrypted', async () => {
    const keys = await Promise.all([
      keyPair({ name: 'first' }),
      keyPair({ name: 'second', type: 'ecdsa', format: 'pem' }),
      keyPair({ name: 'third', type: 'rsa', passphrase: PASSPHRASE }),
    ]);
    const [first, second, third] = await Promise.all([
      sshdOf('first', { authorizedKeys: keys.slice(0, 1) }),
      sshdOf('second', { authorizedKeys: keys.slice(1, 2) }),
      sshdOf('third', { authorizedKeys: keys.slice(2) }),
    ]);
    const echo = await keep(startEcho());
    const project = projectOf({
      aliases: { first },
      env: { KEY_PASSPHRASE: PASSPHRASE },
      yaml: {
        hosts: {
          second: hostEntry(second, { via: 'first' }),
          third: hostEntry(third, { via: 'second', passphrase: { env: 'KEY_PASSPHRASE' } }),
        },
        tunnels: { echo: `-L 0:localhost:${echo.port} third` },
      },
    });
    const up = project.up();
    await up.untilOpen(['echo']);
    await carries(up.port('echo'));
    for (const [at, sshd] of [first, second, third].entries()) {
      expect(sshd.connections()).toMatchObject({ accepted: 1, authenticated: 1, attempts: 1 });
      expect(sshd.log()).toMatch(new RegExp(`Accepted publickey for .* ${keys[at]?.fingerprint.replace(/[+/]/g, '\\$&')}`));
    }
    expect(await up.stop()).toMatchObject({ code: 0 });
  });

  const accounts = [{ name: 'alice', password: PASSWORD }];
  const ways = [
    { method: 'password', config: { PasswordAuthentication: true } },
    { method: 'keyboard-interactive/pam', config: { UsePAM: true, KbdInteractiveAuthentication: true } },
  ];
  test.runIf(accountsAvailable()).each(ways)('take a password by $method', async ({ method, config }) => {
    const sshd = await sshdOf('bastion', { accounts, config: { ...config, PubkeyAuthentication: false } });
    const echo = await keep(startEcho());
    const { identity_file: _, ...entry } = hostEntry(sshd, { password: { env: 'BASTION_PASSWORD' } });
    const project = projectOf({
      env: { BASTION_PASSWORD: PASSWORD },
      yaml: { hosts: { bastion: entry }, tunnels: { echo: `-L 0:localhost:${echo.port} bastion` } },
    });
    const up = project.up();
    await up.untilOpen(['echo']);
    await carries(up.port('echo'));
    expect(sshd.log()).toContain(`Accepted ${method} for alice`);
    expect(await up.stop()).toMatchObject({ code: 0 });
  });

  if (!accountsAvailable()) console.warn('not root: passwords and keyboard-interactive are not run, as they need an account');

  test('-v, -vv and -vvv say more each, and none a secret', async () => {
    // PEM, because it is opened quickly: the program is run eight times.
    const key = await keyPair({ name: 'quick', type: 'rsa', format: 'pem', passphrase: PASSPHRASE });
    const byKey = await sshdOf('by-key', { authorizedKeys: [key] });
    const byPassword = accountsAvailable()
      ? await sshdOf('by-password', { accounts, config: { PasswordAuthentication: true, PubkeyAuthentication: false } })
      : null;
    const echo = await keep(startEcho());
    const withPassword = byPassword && { 'by-password': hostEntry(byPassword, { via: 'by-key', password: { env: 'BASTION_PASSWORD' } }) };
    const last = byPassword ? 'by-password' : 'by-key';
    const project = projectOf({
      env: { KEY_PASSPHRASE: PASSPHRASE, BASTION_PASSWORD: PASSWORD },
      yaml: {
        hosts: { 'by-key': hostEntry(byKey, { passphrase: { env: 'KEY_PASSPHRASE' } }), ...withPassword },
        tunnels: { echo: `-L 0:localhost:${echo.port} ${last}` },
      },
    });
    const secrets = [
      PASSPHRASE,
      PASSWORD,
      ...readFileSync(key.privateKeyFile, 'utf8')
        .split('\n')
        .filter((line) => /^[A-Za-z0-9+/=]{40,}$/.test(line)),
    ];
    const forms = secrets.flatMap((text) => [
      text,
      Buffer.from(text).toString('base64').replace(/=+$/, ''),
      Buffer.from(text).toString('hex'),
    ]);
    const said = async (progress: string, flags: readonly string[]): Promise<string> => {
      const up = project.up(flags, { progress });
      if (progress === 'json') await up.untilOpen(['echo']);
      else await up.untilLine(/1 tunnel is open/);
      const port = progress === 'json' ? up.port('echo') : Number((await up.untilLine(/open 127\.0\.0\.1:(\d+)/))[1]);
      expect((await exchange(port, 'x')).toString()).toBe('x');
      await until(() => echo.open === 0, { what: 'the connection to end' });
      expect(await up.stop()).toMatchObject({ code: 0 });
      return up.stdout() + up.stderr();
    };
    for (const progress of ['plain', 'json']) {
      const lines: number[] = [];
      for (const flags of [[], ['-v'], ['-vv'], ['-v', '-v', '-v']]) {
        const text = await said(progress, flags);
        expect(forms.filter((form) => text.includes(form))).toEqual([]);
        lines.push(text.split('\n').length);
      }
      const [none = 0, v = 0, vv = 0, vvv = 0] = lines;
      expect(`${none} < ${v} < ${vv} < ${vvv}: ${none < v && v < vv && vv < vvv}`).toMatch(/true$/);
    }
  });
});
