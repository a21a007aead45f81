/** launch: ssh on real sshds: readiness, what it says when it fails, and that it dies with the connection. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { formatAddress, tcp, unix } from '../../src/core/address.ts';
import type { TunnelSpec } from '../../src/core/spec.ts';
import { launchSsh, type LaunchedTunnel, type LaunchOptions } from '../../src/forward/ssh-process.ts';
import type { Connection } from '../../src/ssh/connection.ts';
import { freePort } from '../helpers/free-port.ts';
import { keyPair } from '../helpers/keys.ts';
import { sshConfigBlock } from '../helpers/project.ts';
import { remove, scratch } from '../helpers/scratch.ts';
import { exchange, PAGE, startEcho, startWww, type Service } from '../helpers/services.ts';
import { runChild } from '../helpers/child.ts';
import { tunnelSpec } from '../helpers/spec.ts';
import type { Sshd, SshdOptions } from '../helpers/sshd.ts';
import { until } from '../helpers/wait.ts';
import { afterwards, failureOf, open, server } from './ssh-connecting.ts';

interface Scene {
  /** The client host, on which ssh is run. */
  readonly bastion: Sshd;
  readonly connection: Connection;
  /** The destination as the client host's ssh_config knows it. */
  readonly alias: string;
  readonly inner: Sshd;
  readonly echo: Service;
  launch(spec: Partial<TunnelSpec>, more?: Partial<LaunchOptions>): Promise<LaunchedTunnel>;
}

let scenes = 0;

async function scene(innerOptions: SshdOptions = {}, bastionOptions: SshdOptions = {}, config: readonly string[] = []): Promise<Scene> {
  scenes += 1;
  const alias = `inner-${process.pid}-${scenes}`;
  const inner = await server({ name: 'inner', ...innerOptions });
  const bastion = await server({ name: 'bastion', sshConfig: sshConfigBlock(alias, inner, config), ...bastionOptions });
  // Not one of those that the system gives to clients: the one after it would be somebody's who dials.
  const echo = await startEcho({ port: await freePort() });
  afterwards(() => echo.stop());
  const connection = await open(bastion);
  return {
    bastion,
    connection,
    alias,
    inner,
    echo,
    launch: async (part, more = {}) => {
      const spec = tunnelSpec('t', {
        client: 'bastion',
        hosts: ['inner'],
        launch: 'ssh',
        ingress: tcp('localhost', 0),
        egress: tcp('127.0.0.1', echo.port),
        ...part,
      });
      const launched = await launchSsh({
        connection,
        spec,
        destination: { hostname: alias },
        signal: new AbortController().signal,
        ...more,
      });
      afterwards(() => launched.close());
      return launched;
    },
  };
}

/** Everything that runs with the alias among its words: ssh, and the shell around it. */
const running = (alias: string): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(alias);
      } catch {
        return false;
      }
    })
    .map(Number);

const gone = (alias: string): Promise<unknown> => until(() => running(alias).length === 0, { what: 'ssh and its shell to be gone' });

const portOf = ({ bound }: LaunchedTunnel): number => (bound.kind === 'tcp' ? bound.port : 0);
const hello = async (port: number, host = '127.0.0.1'): Promise<string> => (await exchange({ host, port }, 'hello')).toString();

describe('an ssh on the client host', () => {
  test('carries a local tunnel on a given port, and its end leaves nothing', async () => {
    const { launch, alias } = await scene();
    const port = await freePort();
    const launched = await launch({ type: 'local', ingress: tcp('localhost', port) });
    expect(formatAddress(launched.bound)).toBe(`127.0.0.1:${port}`);
    expect(await hello(port)).toBe('hello');
    expect(running(alias).length).toBeGreaterThan(0);
    await launched.close();
    expect(await launched.closed).toBeNull();
    await gone(alias);
    await expect(hello(port)).rejects.toThrow();
  });

  test('finds a free port for a local tunnel on port 0', async () => {
    const { launch } = await scene();
    const launched = await launch({ type: 'local' });
    expect(portOf(launched)).toBeGreaterThan(1023);
    expect(await hello(portOf(launched))).toBe('hello');
  });

  test('carries a dynamic proxy', async () => {
    const { launch } = await scene();
    const www = await startWww();
    afterwards(() => www.stop());
    const launched = await launch({ type: 'dynamic', egress: null });
    const { stdout } = await runChild('curl', ['-sS', '--socks5-hostname', formatAddress(launched.bound), `http://127.0.0.1:${www.port}/`]);
    expect(stdout).toBe(PAGE);
  });

  test.each([
    ['a given port', false],
    ['port 0', true],
  ])('carries a remote tunnel on %s', async (_what, allocate) => {
    const { launch, alias } = await scene();
    const port = allocate ? 0 : await freePort();
    const launched = await launch({ type: 'remote', ingress: tcp('localhost', port) });
    if (!allocate) expect(portOf(launched)).toBe(port);
    expect(await hello(portOf(launched))).toBe('hello');
    await launched.close();
    await gone(alias);
  });

  test('carries a remote-dynamic proxy', async () => {
    const { launch } = await scene();
    const www = await startWww();
    afterwards(() => www.stop());
    const launched = await launch({ type: 'remote-dynamic', egress: null });
    const { stdout } = await runChild('curl', ['-sS', '--socks5', formatAddress(launched.bound), `http://127.0.0.1:${www.port}/`]);
    expect(stdout).toBe(PAGE);
  });

  test('listens on a unix socket with its mode, and removes it', async () => {
    const { launch } = await scene();
    const dir = scratch('launch');
    afterwards(() => remove(dir));
    const path = join(dir, 's');
    const launched = await launch({ type: 'local', ingress: unix(path), socketMode: 0o660 });
    expect(statSync(path).mode & 0o777).toBe(0o660);
    expect((await exchange({ path }, 'hello')).toString()).toBe('hello');
    await launched.close();
    await until(() => !existsSync(path), { what: 'the socket file to be removed' });
  });

  test('goes through a jump host', async () => {
    const middle = await server({ name: 'middle' });
    const inner = await server({ name: 'inner' });
    const [hop, alias] = [`middle-${process.pid}`, `behind-${process.pid}`];
    const bastion = await server({ name: 'bastion', sshConfig: sshConfigBlock(hop, middle) + sshConfigBlock(alias, inner) });
    const echo = await startEcho();
    afterwards(() => echo.stop());
    const connection = await open(bastion);
    const spec = tunnelSpec('t', { client: 'bastion', ingress: tcp('localhost', 0), egress: tcp('127.0.0.1', echo.port) });
    const destination = { hostname: alias, jumps: [{ hostname: hop }] };
    const launched = await launchSsh({ connection, spec, destination, signal: new AbortController().signal });
    afterwards(() => launched.close());
    expect(await hello(portOf(launched))).toBe('hello');
    expect(middle.connections().authenticated).toBeGreaterThan(0);
    await launched.close();
    await gone(alias);
    await gone(hop);
  });

  test.each(['the server of the connection is killed', 'the connection is ended'])('is gone when %s', async (how) => {
    const { launch, alias, bastion, connection } = await scene();
    const launched = await launch({ type: 'local' });
    // Only the server's own process: what it ran is left to notice by itself.
    if (how === 'the connection is ended') await connection.end();
    else for (const pid of bastion.sessionPids()) process.kill(pid, 'SIGKILL');
    await launched.closed;
    await gone(alias);
    await expect(hello(portOf(launched))).rejects.toThrow();
  });

  test('that dies is told with its last words', async () => {
    const { launch, inner } = await scene();
    const launched = await launch({ type: 'local' });
    inner.signalSessions('SIGKILL');
    expect(await launched.closed).toMatchObject({
      code: 'connection-lost',
      message: expect.stringMatching(/ssh on bastion: .*(closed|reset|broken)/i),
    });
  });

  test('does not hand its forwarding to a master of the user’s', async () => {
    const dir = scratch('mux');
    afterwards(() => remove(dir));
    const { launch, alias } = await scene({}, {}, ['ControlMaster auto', `ControlPath ${dir}/%C`, 'ControlPersist 30']);
    const launched = await launch({ type: 'local' });
    expect(await hello(portOf(launched))).toBe('hello');
    expect(readdirSync(dir)).toEqual([]);
    await launched.close();
    await gone(alias);
  });

  test('a target that is refused is no death of it', async () => {
    const { launch } = await scene();
    const launched = await launch({ type: 'local', egress: tcp('127.0.0.1', await freePort()) });
    expect((await exchange({ host: '127.0.0.1', port: portOf(launched) }, 'x').catch(() => Buffer.alloc(0))).length).toBe(0);
    const died = await Promise.race([launched.closed, new Promise((resolve) => setTimeout(() => resolve('alive'), 300))]);
    expect(died).toBe('alive');
  });
});

describe('an ssh that cannot do it says why', () => {
  test('a key that is not accepted', async () => {
    const { launch, inner, alias } = await scene();
    inner.authorize(await keyPair({ name: 'another' }));
    const failed = await failureOf(launch({ type: 'local' }));
    expect(failed).toMatchObject({ code: 'auth-rejected', hint: expect.stringContaining('keys of the client host') });
    await gone(alias);
  });

  test('a server that is not there', async () => {
    const { launch, inner } = await scene();
    await inner.halt();
    expect(await failureOf(launch({ type: 'local' }))).toMatchObject({ code: 'refused' });
  });

  test('a name that does not resolve', async () => {
    const { launch } = await scene();
    expect(await failureOf(launch({}, { destination: { hostname: 'no-such-host.invalid' } }))).toMatchObject({ code: 'dns' });
  });

  test('a changed host key', async () => {
    const { launch, inner } = await scene();
    await inner.restart({ hostKeyName: 'impostor' });
    expect(await failureOf(launch({}))).toMatchObject({ code: 'host-key-changed' });
  });

  test('a host key nobody knows', async () => {
    const { launch } = await scene({}, {}, ['GlobalKnownHostsFile /dev/null']);
    const known = await failureOf(launch({}, { destination: { hostname: '127.0.0.1', port: (await server()).port } }));
    expect(known).toMatchObject({ code: 'host-key-unknown' });
  });

  test('a busy port on the client host', async () => {
    const { launch, echo, alias } = await scene();
    expect(await failureOf(launch({ ingress: tcp('localhost', echo.port) }))).toMatchObject({ code: 'bind-in-use' });
    await gone(alias);
  });

  test('on_conflict: next takes another', async () => {
    const { launch, echo } = await scene();
    const launched = await launch({ ingress: tcp('localhost', echo.port), onConflict: 'next' });
    expect(portOf(launched)).toBeGreaterThan(echo.port);
  });

  test('on_conflict: next takes another on the destination, too, and the same one again', async () => {
    const { launch, echo } = await scene();
    const spec: Partial<TunnelSpec> = { type: 'remote', ingress: tcp('localhost', echo.port), onConflict: 'next' };
    const launched = await launch(spec);
    expect(portOf(launched)).toBeGreaterThan(echo.port);
    expect(await hello(portOf(launched))).toBe('hello');
    await launched.close();
    const previous = tcp('localhost', await freePort());
    expect(portOf(await launch(spec, { previous }))).toBe(previous.port);
  });

  test('a remote port that another process has on one family only', async () => {
    const { launch, echo, alias } = await scene();
    expect(await failureOf(launch({ type: 'remote', ingress: tcp('localhost', echo.port) }))).toMatchObject({
      code: 'remote-forward-denied',
      message: expect.stringContaining(`port ${echo.port} on ${alias} is in use by another process`),
    });
    await gone(alias);
  });

  test('a remote port that is busy or forbidden', async () => {
    const { launch, echo, alias } = await scene({ config: { PermitListen: 'localhost:1' } });
    expect(await failureOf(launch({ type: 'remote', ingress: tcp('localhost', await freePort()) }))).toMatchObject({
      code: 'remote-forward-denied',
    });
    expect(await failureOf(launch({ type: 'remote', ingress: tcp('localhost', echo.port) }))).toMatchObject({
      code: 'remote-forward-denied',
    });
    await gone(alias);
  });

  test.each([
    ['no', '*', true, /loopback only/],
    ['yes', 'localhost', false, /all interfaces/],
  ])('a remote listener that landed elsewhere: GatewayPorts %s, asked for %s', async (gatewayPorts, host, expose, message) => {
    const { launch, alias } = await scene({ config: { GatewayPorts: gatewayPorts } });
    const failed = await failureOf(launch({ type: 'remote', ingress: tcp(host, await freePort()), expose }));
    expect(failed).toMatchObject({
      code: 'bind-denied',
      message: expect.stringMatching(message),
      hint: expect.stringContaining('GatewayPorts'),
    });
    await gone(alias);
  });

  test('an account that may not run commands', async () => {
    const { launch } = await scene({}, { config: { ForceCommand: '/bin/false' } });
    const failed = await failureOf(launch({}));
    expect(failed.message).toContain('ssh on bastion');
  });

  test('a client host that forbids connecting to its ports: ssh’s own word counts', async () => {
    const { launch } = await scene({}, { config: { AllowTcpForwarding: 'no' } });
    const port = await freePort();
    await launch({ ingress: tcp('localhost', port) });
    expect(await hello(port)).toBe('hello');
  });

  test('a hostile name never reaches a command line', async () => {
    const { launch } = await scene();
    expect(await failureOf(launch({}, { destination: { hostname: '-oProxyCommand=touch /tmp/x' } }))).toMatchObject({
      code: 'bind-denied',
    });
  });
});
