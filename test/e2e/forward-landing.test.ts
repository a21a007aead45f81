/** Where remote listeners of real sshds land, and what is said of it (SCENARIOS P3, B13, A2). */
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { tcp, unix, type Address } from '../../src/core/address.ts';
import type { Client } from '../../src/forward/client.ts';
import { listenOnHost, type ProvenListener } from '../../src/forward/remote.ts';
import { splice } from '../../src/forward/splice.ts';
import { dialHere } from '../../src/forward/local.ts';
import type { Connection } from '../../src/ssh/connection.ts';
import { freePort } from '../helpers/free-port.ts';
import { remove, scratch } from '../helpers/scratch.ts';
import { exchange, startEcho } from '../helpers/services.ts';
import type { SshdOptions } from '../helpers/sshd.ts';
import { afterwards, failureOf, open, server } from './ssh-connecting.ts';

/** Listens on the host, and joins whoever comes to an echo service here. */
async function listen(connection: Connection, address: Address, expose = false): Promise<ProvenListener> {
  const echo = await startEcho();
  afterwards(() => echo.stop());
  const signal = new AbortController().signal;
  const onClient = async (client: Client): Promise<void> => {
    const target = await dialHere(tcp('127.0.0.1', echo.port), null, signal);
    splice(client.accept(), target);
  };
  const listener = await listenOnHost(connection, address, {
    host: 'gateway',
    expose,
    onClient: (client) => void onClient(client),
    signal,
  });
  afterwards(() => listener.close());
  return listener;
}

async function connected(options: SshdOptions): Promise<Connection> {
  return open(await server(options));
}

const hello = async (host: string, port: number): Promise<string> => (await exchange({ host, port }, 'hello')).toString();
const refused = (host: string, port: number): Promise<void> => expect(exchange({ host, port }, 'x')).rejects.toThrow();

describe('a remote listener lands', () => {
  test.each([
    ['no', 'localhost', false, '127.0.0.1'],
    ['clientspecified', 'localhost', false, '127.0.0.1'],
    ['clientspecified', '127.0.0.1', false, '127.0.0.1'],
    ['clientspecified', '::1', false, '::1'],
    ['clientspecified', '127.0.0.2', false, '127.0.0.2'],
    ['clientspecified', '*', true, '0.0.0.0'],
    ['yes', '*', true, '0.0.0.0'],
    ['yes', 'localhost', true, '0.0.0.0'],
  ])('GatewayPorts %s, asked for %s (expose %s): on %s, proven', async (gatewayPorts, host, expose, on) => {
    const connection = await connected({ config: { GatewayPorts: gatewayPorts } });
    const port = await freePort();
    const listener = await listen(connection, tcp(host, port), expose);
    expect(listener).toMatchObject({ bound: tcp(on, port), proof: 'proven', reason: null });
    expect(await hello(on === '0.0.0.0' ? '127.0.0.2' : on, port)).toBe('hello');
    if (on === '127.0.0.1') await refused('127.0.0.2', port);
  });

  test('port 0 is allocated and told', async () => {
    const connection = await connected({});
    const listener = await listen(connection, tcp('localhost', 0));
    expect(listener.proof).toBe('proven');
    const { port } = listener.bound as { port: number };
    expect(port).toBeGreaterThan(0);
    expect(await hello('127.0.0.1', port)).toBe('hello');
  });

  test.each([
    ['no', '*', true, /listens on loopback only/, /"GatewayPorts clientspecified" \(or yes\).*gateway/],
    ['no', '192.0.2.2', true, /listens on loopback only/, /clientspecified/],
    [
      'yes',
      'localhost',
      false,
      /asked for localhost:\d+, but sshd of gateway listens on all interfaces/,
      /clientspecified.*`expose: true`/,
    ],
  ])('GatewayPorts %s, asked for %s: bind-denied, and nothing is left listening', async (gatewayPorts, host, expose, message, hint) => {
    const connection = await connected({ config: { GatewayPorts: gatewayPorts } });
    const port = await freePort();
    const failed = await failureOf(listen(connection, tcp(host, port), expose));
    expect(failed.code).toBe('bind-denied');
    expect(failed.message).toMatch(message);
    expect(failed.hint).toMatch(hint);
    await refused('127.0.0.1', port);
  });

  test('a server that forbids connecting there leaves it unverified, and it works', async () => {
    const connection = await connected({ config: { AllowTcpForwarding: 'remote' } });
    const port = await freePort();
    const listener = await listen(connection, tcp('localhost', port));
    expect(listener).toMatchObject({
      bound: tcp('127.0.0.1', port),
      proof: 'unverified',
      reason: expect.stringContaining('AllowTcpForwarding'),
    });
    expect(await hello('127.0.0.1', port)).toBe('hello');
  });

  test.each([
    ['*', true, 'yes', '0.0.0.0', 'proven'],
    ['*', true, 'no', '0.0.0.0', 'unverified'],
  ] as const)('then a wildcard is tried from here: %s with GatewayPorts %3$s is %5$s', async (host, expose, gatewayPorts, on, proof) => {
    const connection = await connected({ listen: '127.0.0.3', config: { AllowTcpForwarding: 'remote', GatewayPorts: gatewayPorts } });
    const port = await freePort();
    expect(await listen(connection, tcp(host, port), expose)).toMatchObject({ bound: tcp(on, port), proof });
  });

  test('then a loopback request that is found open to others is denied', async () => {
    const connection = await connected({ listen: '127.0.0.3', config: { AllowTcpForwarding: 'remote', GatewayPorts: 'yes' } });
    expect(await failureOf(listen(connection, tcp('localhost', await freePort())))).toMatchObject({ code: 'bind-denied' });
  });

  test('half of localhost that is somebody else’s is a busy port', async () => {
    const connection = await connected({});
    const foreign = createServer((socket) => socket.end('not yours'));
    await new Promise<void>((resolve) => foreign.listen(0, '127.0.0.1', resolve));
    afterwards(() => foreign.close());
    const { port } = foreign.address() as { port: number };
    const failed = await failureOf(listen(connection, tcp('localhost', port)));
    expect(failed).toMatchObject({ code: 'remote-forward-denied', message: expect.stringContaining('in use') });
    await refused('::1', port);
  });
});

describe('a host that refuses to listen says why, as far as it can be found out', () => {
  test('a busy port', async () => {
    const connection = await connected({});
    const echo = await startEcho();
    afterwards(() => echo.stop());
    const failed = await failureOf(listen(connection, tcp('127.0.0.1', echo.port)));
    expect(failed).toMatchObject({ code: 'remote-forward-denied', message: `port ${echo.port} on gateway is in use` });
    expect(failed.hint).toContain('ClientAliveInterval');
  });

  test.each([
    [
      'AllowTcpForwarding local',
      { AllowTcpForwarding: 'local' },
      /nothing listens there, so sshd forbids it.*AllowTcpForwarding.*PermitListen/,
    ],
    ['AllowTcpForwarding no', { AllowTcpForwarding: 'no' }, /AllowTcpForwarding/],
    ['PermitListen of another port', { PermitListen: 'localhost:1' }, /PermitListen/],
  ])('%s', async (_what, config, hint) => {
    const connection = await connected({ config: config });
    const failed = await failureOf(listen(connection, tcp('localhost', await freePort())));
    expect(failed.code).toBe('remote-forward-denied');
    expect(failed.hint).toMatch(hint);
  });

  test('a key with no-port-forwarding', async () => {
    const sshd = await server();
    sshd.authorize({ key: sshd.userKey, options: 'no-port-forwarding' });
    const failed = await failureOf(listen(await open(sshd), tcp('localhost', await freePort())));
    expect(failed.hint).toContain('no-port-forwarding');
  });
});

describe('a remote unix socket', () => {
  const place = (): string => {
    const dir = scratch('land');
    afterwards(() => remove(dir));
    return join(dir, 's');
  };
  const throughSocket = async (path: string): Promise<string> => (await exchange({ path }, 'hello')).toString();

  test('is proven, and carries bytes', async () => {
    const path = place();
    const listener = await listen(await connected({}), unix(path));
    expect(listener).toMatchObject({ bound: unix(path), proof: 'proven' });
    expect(await throughSocket(path)).toBe('hello');
  });

  test('a file left by a session that is over is explained', async () => {
    const path = place();
    const connection = await connected({});
    // Not by a listener of ours, which takes its file away with it.
    await (await connection.listen(unix(path), ({ refuse }) => refuse())).close();
    expect(existsSync(path)).toBe(true);
    const failed = await failureOf(listen(connection, unix(path)));
    expect(failed).toMatchObject({
      code: 'remote-forward-denied',
      message: expect.stringContaining('left there by a session that is over'),
    });
    expect(failed.hint).toMatch(/StreamLocalBindUnlink yes/);
  });

  test('with StreamLocalBindUnlink it is replaced', async () => {
    const path = place();
    const connection = await connected({ config: { StreamLocalBindUnlink: 'yes' } });
    await (await listen(connection, unix(path))).close();
    await listen(connection, unix(path));
    expect(await throughSocket(path)).toBe('hello');
  });

  test('one that is in use is said to be', async () => {
    const path = place();
    const connection = await connected({});
    await listen(connection, unix(path));
    const failed = await failureOf(listen(connection, unix(path)));
    expect(failed).toMatchObject({ message: `${path} on gateway is in use` });
  });

  test('a directory that is not there', async () => {
    const failed = await failureOf(listen(await connected({}), unix('/no/such/directory/s')));
    expect(failed).toMatchObject({ code: 'remote-forward-denied', hint: expect.stringContaining('directory') });
  });
});
