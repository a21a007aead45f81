import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { tcp, unix, type Address } from '../../src/core/address.ts';
import { isFailureError, type Failure } from '../../src/core/failure.ts';
import type { Client, Listener } from '../../src/forward/client.ts';
import { dialHere, listenHere, type ListenOptions } from '../../src/forward/local.ts';

const open: Listener[] = [];
const servers: Server[] = [];
const sockets: Socket[] = [];
let clients: Client[] = [];
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tl-'));
  clients = [];
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const client of clients) client.refuse();
  await Promise.all(open.splice(0).map((listener) => listener.close()));
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
  rmSync(folder, { recursive: true, force: true });
});

async function listen(address: Address, options: Partial<ListenOptions> = {}): Promise<Listener> {
  const listener = await listenHere(address, {
    socketMode: 0o600,
    onConflict: 'fail',
    onClient: (client) => clients.push(client),
    signal: new AbortController().signal,
    ...options,
  });
  open.push(listener);
  return listener;
}

const portOf = (listener: Listener): number => (listener.bound.kind === 'tcp' ? listener.bound.port : 0);

async function dial(host: string, port: number): Promise<Socket> {
  const socket = connect({ host, port, allowHalfOpen: true });
  socket.on('error', () => {});
  sockets.push(socket);
  await once(socket, 'connect');
  return socket;
}

async function hold(host: string, port = 0): Promise<number> {
  const server = createServer().listen(port, host);
  servers.push(server);
  await once(server, 'listening');
  return (server.address() as { port: number }).port;
}

async function failureOf(promise: Promise<unknown>): Promise<Failure> {
  try {
    await promise;
  } catch (error) {
    if (isFailureError(error)) return error.failure;
    throw error;
  }
  throw new Error('it did not fail');
}

async function until(condition: () => boolean): Promise<void> {
  for (let round = 0; round < 400 && !condition(); round += 1) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(condition()).toBe(true);
}

describe('listenHere on TCP', () => {
  test('localhost is 127.0.0.1 and ::1 on one allocated port', async () => {
    const listener = await listen(tcp('localhost', 0));
    expect(listener.bound).toMatchObject({ host: '127.0.0.1' });
    await dial('127.0.0.1', portOf(listener));
    await dial('::1', portOf(listener));
    await until(() => clients.length === 2);
    expect(clients.map((client) => client.origin?.address).sort()).toEqual(['127.0.0.1', '::1']);
  });

  test('* is every interface, shown as 0.0.0.0', async () => {
    const listener = await listen(tcp('*', 0));
    expect(listener.bound).toMatchObject({ host: '0.0.0.0' });
    await dial('127.0.0.2', portOf(listener));
    await dial('::1', portOf(listener));
    await until(() => clients.length === 2);
    expect(clients[0]?.origin?.address).toBe('127.0.0.1');
  });

  test("a client's bytes wait in the kernel until it is accepted", async () => {
    const listener = await listen(tcp('127.0.0.1', 0));
    const socket = await dial('127.0.0.1', portOf(listener));
    socket.write('early');
    await until(() => clients.length === 1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const stream = clients[0]?.accept();
    expect(stream?.readableLength).toBe(0);
    stream?.resume();
    const [chunk] = (await once(stream!, 'data')) as [Buffer];
    expect(chunk.toString()).toBe('early');
  });

  test('a refused client sees a reset', async () => {
    const listener = await listen(tcp('127.0.0.1', 0));
    const socket = await dial('127.0.0.1', portOf(listener));
    const failed = once(socket, 'error');
    socket.once('end', () => socket.emit('error', new Error('a clean end')));
    socket.resume();
    await until(() => clients.length === 1);
    clients[0]?.refuse();
    const [error] = (await failed) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNRESET');
  });

  test.each(['127.0.0.1', '::1'])('a busy port names its holder (held on %s)', async (host) => {
    const port = await hold(host);
    const failed = await failureOf(listen(tcp('localhost', port)));
    expect(failed).toMatchObject({ code: 'bind-in-use' });
    expect(failed.message).toContain(`pid ${process.pid}`);
    expect(failed.retryAfterMs).toBeUndefined();
  });

  test('on_conflict: wait asks to be tried again in a second', async () => {
    const port = await hold('127.0.0.1');
    expect(await failureOf(listen(tcp('localhost', port), { onConflict: 'wait' }))).toMatchObject({
      code: 'bind-in-use',
      retryAfterMs: 1000,
    });
  });

  test('on_conflict: next takes the next free port', async () => {
    const port = await hold('127.0.0.1');
    const listener = await listen(tcp('localhost', port), { onConflict: 'next' });
    expect(portOf(listener)).toBeGreaterThan(port);
    expect(portOf(listener)).toBeLessThanOrEqual(port + 100);
  });

  test('a failed pair leaves nothing bound', async () => {
    const port = await hold('::1');
    await failureOf(listen(tcp('localhost', port)));
    await hold('127.0.0.1', port);
  });

  test.each([
    ['192.0.2.77', 'bind-denied', /not an address of this machine/],
    ['no-such-name.invalid', 'dns', /cannot resolve/],
  ])('%s is refused as %s', async (host, code, message) => {
    const failed = await failureOf(listen(tcp(host, 0)));
    expect(failed.code).toBe(code);
    expect(failed.message).toMatch(message);
    expect(failed.hint).not.toBeNull();
  });

  test('close frees the port at once and leaves open connections alone', async () => {
    const listener = await listen(tcp('127.0.0.1', 0));
    const port = portOf(listener);
    const socket = await dial('127.0.0.1', port);
    await until(() => clients.length === 1);
    const stream = clients[0]!.accept();
    await listener.close();
    for (let round = 0; round < 10; round += 1) await (await listen(tcp('127.0.0.1', port))).close();
    stream.write('still here');
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    expect(chunk.toString()).toBe('still here');
  });

  test('an aborted listen is closed again', async () => {
    const stop = new AbortController();
    const port = await hold('127.0.0.1');
    await new Promise((resolve) => servers.pop()?.close(resolve));
    stop.abort();
    await failureOf(listen(tcp('127.0.0.1', port), { signal: stop.signal }));
    await hold('127.0.0.1', port);
  });
});

describe('listenHere on a unix socket', () => {
  test.each([0o600, 0o660, 0o666])('the file has mode %o, and goes with the listener', async (mode) => {
    const path = join(folder, 's');
    const before = process.umask();
    const listener = await listen(unix(path), { socketMode: mode });
    expect(process.umask()).toBe(before);
    expect(statSync(path).mode & 0o777).toBe(mode);
    const socket = connect(path);
    sockets.push(socket);
    await until(() => clients.length === 1);
    expect(clients[0]?.origin).toBeNull();
    await listener.close();
    expect(existsSync(path)).toBe(false);
  });

  test('a file whose listener is dead is replaced', async () => {
    const path = join(folder, 's');
    const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
    expect(spawnSync(process.execPath, ['-e', script], { timeout: 10_000 }).signal).toBe('SIGKILL');
    expect(existsSync(path)).toBe(true);
    await listen(unix(path));
    sockets.push(connect(path));
    await until(() => clients.length === 1);
  });

  test('a live one is in use, and its holder is named', async () => {
    const path = join(folder, 's');
    await listen(unix(path));
    const failed = await failureOf(listen(unix(path)));
    expect(failed.code).toBe('bind-in-use');
    expect(failed.message).toContain(`pid ${process.pid}`);
    expect(existsSync(path)).toBe(true);
  });

  test.each([
    ['a file', (path: string) => writeFileSync(path, 'precious'), /is no socket/],
    ['a symlink', (path: string) => symlinkSync('/etc/hostname', path), /is no socket/],
  ])('%s in its place is left alone', async (_what, make, message) => {
    const path = join(folder, 's');
    make(path);
    const failed = await failureOf(listen(unix(path)));
    expect(failed).toMatchObject({ code: 'bind-denied' });
    expect(failed.message).toMatch(message);
    expect(existsSync(path)).toBe(true);
  });

  test('a directory that is not there is said', async () => {
    const failed = await failureOf(listen(unix(join(folder, 'no', 's'))));
    expect(failed).toMatchObject({ code: 'bind-denied', message: expect.stringContaining('does not exist') });
  });

  test('the longest path works, one byte more is refused', async () => {
    const longest = join(folder, 'x'.repeat(107 - folder.length - 1));
    await listen(unix(longest));
    sockets.push(connect(longest));
    await until(() => clients.length === 1);
    expect(await failureOf(listen(unix(`${longest}y`)))).toMatchObject({
      code: 'bind-denied',
      message: expect.stringContaining('108 bytes'),
    });
  });
});

describe('dialHere', () => {
  const signal = new AbortController().signal;

  test('reaches TCP and unix targets', async () => {
    const path = join(folder, 's');
    await listen(unix(path));
    const port = await hold('127.0.0.1');
    for (const target of [tcp('localhost', port), tcp('127.0.0.1', port), unix(path)]) {
      const stream = await dialHere(target, null, signal);
      sockets.push(stream as Socket);
      expect(stream.writable).toBe(true);
    }
  });

  test('tells refused, unknown and missing targets apart', async () => {
    const port = await hold('127.0.0.1');
    await new Promise((resolve) => servers.pop()?.close(resolve));
    expect(await failureOf(dialHere(tcp('127.0.0.1', port), null, signal))).toMatchObject({ code: 'target-refused' });
    expect(await failureOf(dialHere(tcp('localhost', port), null, signal))).toMatchObject({ code: 'target-refused' });
    const unknown = await failureOf(dialHere(tcp('no-such-name.invalid', 80), null, signal));
    expect(unknown).toMatchObject({ code: 'target-unreachable', message: expect.stringContaining('cannot resolve') });
    expect(await failureOf(dialHere(unix(join(folder, 'none')), null, signal))).toMatchObject({ code: 'target-refused' });
  });

  test('an abort ends it', async () => {
    const stop = new AbortController();
    const dialling = failureOf(dialHere(tcp('192.0.2.99', 9), null, stop.signal));
    stop.abort();
    expect((await dialling).code).toBe('target-unreachable');
  });
});
