import { createServer, type AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach, describe, expect, test } from 'vitest';
import { tcp, unix } from '../../src/core/address.ts';
import { isFailureError, type Failure } from '../../src/core/failure.ts';
import type { HostSpec } from '../../src/core/spec.ts';
import { connect } from '../../src/ssh/connect.ts';
import type { ConnectRequest } from '../../src/ssh/connect-request.ts';
import type { Connection } from '../../src/ssh/connection.ts';
import { channelTransport, tcpTransport } from '../../src/ssh/dial.ts';
import { startEmbeddedServer, type EmbeddedServer, type EmbeddedServerOptions } from '../../src/ssh/embedded-server.ts';
import { hostSpec } from '../helpers/spec.ts';

const undo: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const work of undo.splice(0).reverse()) await work();
});

async function start(options: EmbeddedServerOptions): Promise<EmbeddedServer> {
  const server = await startEmbeddedServer(options);
  undo.push(() => server.stop());
  return server;
}

function request(
  server: Pick<EmbeddedServer, 'host' | 'port' | 'fingerprint'>,
  part: Partial<HostSpec> = {},
  answer: string | null = null,
): ConnectRequest {
  const host = hostSpec('embedded', { hostname: server.host, port: server.port, hostKeys: [server.fingerprint], ...part });
  return {
    host,
    port: host.port,
    transport: tcpTransport({ host: host.hostname, port: host.port, addressFamily: 'any', timeoutMs: 2_000 }),
    asker: { secret: async () => answer, hostKey: async () => null },
    notify: () => {},
    signal: new AbortController().signal,
    verbosity: 0,
  };
}

async function open(server: EmbeddedServer, through?: { hop: Connection; as: { host: string; port: number } }): Promise<Connection> {
  const base = request(server);
  const connection = await connect(
    through ? { ...base, transport: channelTransport(through.hop, tcp(through.as.host, through.as.port)) } : base,
  );
  undo.push(() => connection.end(200));
  return connection;
}

/** Answers each line with its name and the line; ends when the client has. */
async function service(name: string): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    socket.on('data', (data) => void socket.write(`${name}: ${data.toString()}`));
    socket.on('end', () => socket.end(' bye'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  undo.push(() => new Promise((resolve) => server.close(resolve)));
  return (server.address() as AddressInfo).port;
}

async function ask(stream: Duplex, text: string): Promise<string> {
  stream.end(text);
  let all = '';
  for await (const chunk of stream) all += String(chunk);
  return all;
}

async function failureOf(promise: Promise<unknown>): Promise<Failure> {
  const error: unknown = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!isFailureError(error)) throw new Error(`expected a failure, not ${String(error)}`);
  return error.failure;
}

describe('who may log in', () => {
  test('anyone, where that is said; nobody, where nothing is', async () => {
    await open(await start({ anyone: true }));
    expect(await failureOf(connect(request(await start({}))))).toMatchObject({ code: 'auth-rejected' });
  });

  test('the password, and no other', async () => {
    const server = await start({ password: 'correct horse' });
    const connection = await connect(request(server, { password: { env: 'SECRET' } }, 'correct horse'));
    await connection.end();
    expect(await failureOf(connect(request(server, { password: { env: 'SECRET' } }, 'wrong')))).toMatchObject({ code: 'auth-rejected' });
  });
});

describe('its network', () => {
  test('a name leads where resolve says, and nowhere else', async () => {
    const port = await service('git');
    const connection = await open(
      await start({
        anyone: true,
        name: 'bastion',
        resolve: ({ host, port: asked }) => (host === 'git-server' && asked === 7999 ? { host: '127.0.0.1', port } : null),
      }),
    );
    expect(await ask(await connection.dial(tcp('git-server', 7999)), 'hello')).toBe('git: hello bye');
    for (const target of [tcp('git-server', 80), tcp('elsewhere', 7999), tcp('127.0.0.1', port), tcp('localhost', 7999)])
      expect(await failureOf(connection.dial(target))).toMatchObject({ code: 'target-unreachable' });
    expect(await failureOf(connection.dial(unix('/tmp/x')))).toMatchObject({ code: 'target-forbidden' });
  });

  test('its loopback has services and remote forwardings, which other hosts do not see', async () => {
    const web = await service('web');
    const [one, two] = [await start({ anyone: true, name: 'one', services: { 80: web } }), await start({ anyone: true, name: 'two' })];
    const [first, second] = [await open(one), await open(two)];
    expect(await ask(await first.dial(tcp('localhost', 80)), 'x')).toBe('web: x bye');
    const names = ['one', 'two'] as const;
    for (const [index, connection] of [first, second].entries())
      await connection.listen(tcp('localhost', 2999), (client) => void client.accept().end(names[index]));
    expect(await ask(await first.dial(tcp('localhost', 2999)), '')).toBe('one');
    expect(await ask(await second.dial(tcp('two', 2999)), '')).toBe('two');
    expect(one.realPort(2999)).not.toBe(two.realPort(2999));
  });

  test('a remote forwarding: port 0 is allocated, a taken port refused, close frees it', async () => {
    const server = await start({ anyone: true });
    const connection = await open(server);
    const listener = await connection.listen(tcp('localhost', 0), (client) => void client.accept().end('hi'));
    const { bound } = listener;
    if (bound.kind !== 'tcp') throw new Error('not TCP');
    expect(await ask(await connection.dial(bound), '')).toBe('hi');
    expect(await failureOf(connection.listen(bound, () => {}))).toMatchObject({ code: 'remote-forward-denied' });
    await listener.close();
    expect(server.realPort(bound.port)).toBeNull();
    await connection.listen(bound, () => {});
  });

  test('remote forwardings can be forbidden, and go with their connection', async () => {
    const strict = await open(await start({ anyone: true, remoteBinds: false }));
    expect(await failureOf(strict.listen(tcp('localhost', 0), () => {}))).toMatchObject({ code: 'remote-forward-denied' });
    const server = await start({ anyone: true });
    const gone = await open(server);
    await gone.listen(tcp('localhost', 2999), () => {});
    server.dropConnections();
    expect(await gone.closed).toMatchObject({ code: 'connection-lost' });
    const next = await open(server);
    await next.listen(tcp('localhost', 2999), () => {});
  });

  test('the double tunnel: through the bastion to test-server, and from there to git-server', async () => {
    const git = await service('git-server');
    const inner = await start({
      anyone: true,
      name: 'test-server',
      resolve: ({ host, port }) => (host === 'git-server' && port === 7999 ? { host: '127.0.0.1', port: git } : null),
    });
    const bastion = await start({
      anyone: true,
      name: 'bastion',
      resolve: ({ host, port }) => (host === 'test-server' && port === 22 ? { host: '127.0.0.1', port: inner.port } : null),
    });
    const near = await open(bastion);
    const far = await open(inner, { hop: near, as: { host: 'test-server', port: 22 } });
    await near.listen(tcp('localhost', 2999), (client) => {
      const stream = client.accept();
      void far.dial(tcp('git-server', 7999)).then((egress) => stream.pipe(egress).pipe(stream));
    });
    expect(await ask(await near.dial(tcp('localhost', 2999)), 'clone')).toBe('git-server: clone bye');
  });

  test('a megabyte each way comes back unchanged, with half-close', async () => {
    const echo = createServer({ allowHalfOpen: true }, (socket) => void socket.pipe(socket));
    await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
    undo.push(() => new Promise((resolve) => echo.close(resolve)));
    const connection = await open(await start({ anyone: true, services: { 7: (echo.address() as AddressInfo).port } }));
    const stream = await connection.dial(tcp('localhost', 7));
    const sent = Buffer.from(Array.from({ length: 1 << 20 }, (_, index) => (index * 31) % 251));
    stream.end(sent);
    const received: Buffer[] = [];
    for await (const chunk of stream) received.push(chunk as Buffer);
    expect(Buffer.concat(received).equals(sent)).toBe(true);
  });
});
