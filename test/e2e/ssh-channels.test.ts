import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { tcp, unix } from '../../src/core/address.ts';
import { connect } from '../../src/ssh/connect.ts';
import type { Connection, RemoteClient } from '../../src/ssh/connection.ts';
import { startAgent } from '../helpers/agent.ts';
import { startFaultProxy } from '../helpers/fault-proxy.ts';
import { freePort } from '../helpers/free-port.ts';
import { keyPair } from '../helpers/keys.ts';
import { remove, scratch } from '../helpers/scratch.ts';
import {
  bytes,
  byteStream,
  collect,
  dial,
  exchange,
  hashOf,
  startEcho,
  startSink,
  startSource,
  startStalled,
} from '../helpers/services.ts';
import { sleep, until, within } from '../helpers/wait.ts';
import { afterwards, attempt, failureOf, later, open, server } from './ssh-connecting.ts';

const MIB = 1 << 20;

function folder(): string {
  const dir = scratch('sock');
  afterwards(() => remove(dir));
  return dir;
}

/** A service of the test's own, which is given each connection. */
async function serve(onSocket: (socket: Socket) => void): Promise<{ port: number; server: Server }> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket.on('error', () => {}));
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  afterwards(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  return { port: typeof address === 'object' && address ? address.port : 0, server };
}

const started = async <T extends { stop(): Promise<void> }>(promise: Promise<T>): Promise<T> => {
  const service = await promise;
  afterwards(() => service.stop());
  return service;
};

const closed = (stream: Duplex): Promise<unknown> =>
  within(new Promise((resolve) => (stream.closed ? resolve(null) : stream.once('close', resolve))), { what: 'the stream to close' });

describe('dial', () => {
  test('bytes go both ways, over TCP and to a unix socket', async () => {
    const connection = await open(await server());
    const path = join(folder(), 's');
    const echoes = [await started(startEcho()), await started(startEcho({ path }))];
    for (const target of [tcp('127.0.0.1', echoes[0]?.port ?? 0), unix(path)]) {
      const stream = await connection.dial(target);
      stream.end('hello');
      expect((await collect(stream)).toString()).toBe('hello');
      await closed(stream);
    }
  });

  test('the far end sees the end of our half and answers after it', async () => {
    const connection = await open(await server());
    const sink = await started(startSink());
    const stream = await connection.dial(tcp('127.0.0.1', sink.port));
    byteStream(5 * MIB + 3).pipe(stream);
    expect((await collect(stream)).toString()).toBe(`${hashOf(5 * MIB + 3)} ${5 * MIB + 3}\n`);
  });

  test('we see the end of the far half and go on sending after it', async () => {
    const connection = await open(await server());
    const received: Buffer[] = [];
    const done = later<string>();
    const { port } = await serve((socket) => {
      socket.end('goodbye');
      socket.on('data', (data) => void received.push(data)).on('end', () => done.resolve(Buffer.concat(received).toString()));
    });
    const stream = await connection.dial(tcp('127.0.0.1', port));
    expect((await collect(stream)).toString()).toBe('goodbye');
    expect(stream.destroyed).toBe(false);
    stream.write('still ');
    await sleep(50);
    stream.end('here');
    expect(await within(done.promise, { what: 'what we sent after the end' })).toBe('still here');
    await closed(stream);
  });

  test('64 MiB each way, equal hash', async () => {
    const connection = await open(await server());
    const source = await started(startSource());
    const sink = await started(startSink());
    const down = await connection.dial(tcp('127.0.0.1', source.port));
    const hash = createHash('sha256');
    down.write(`${64 * MIB}\n`);
    for await (const chunk of down) hash.update(chunk as Buffer);
    expect(hash.digest('hex')).toBe(hashOf(64 * MIB));
    const up = await connection.dial(tcp('127.0.0.1', sink.port));
    byteStream(64 * MIB).pipe(up);
    expect((await collect(up)).toString()).toBe(`${hashOf(64 * MIB)} ${64 * MIB}\n`);
  });

  test('keys renewed in mid-transfer change no byte, both ways at once', async () => {
    const connection = await open(await server({ config: { RekeyLimit: '1M' } }));
    const echo = await started(startEcho());
    const stream = await connection.dial(tcp('127.0.0.1', echo.port));
    const hash = createHash('sha256');
    byteStream(16 * MIB).pipe(stream);
    for await (const chunk of stream) hash.update(chunk as Buffer);
    expect(hash.digest('hex')).toBe(hashOf(16 * MIB));
  });

  test('what was sent is read to its last byte when the far end closes at once', async () => {
    const connection = await open(await server());
    const { port } = await serve((socket) => {
      // Unread bytes would make the kernel reset the connection, and drop ours.
      socket.resume();
      socket.end(bytes(3 * MIB), () => setTimeout(() => socket.destroy(), 20));
    });
    for (let round = 0; round < 5; round += 1) {
      const stream = await connection.dial(tcp('127.0.0.1', port));
      stream.on('error', () => {});
      stream.write(Buffer.alloc(256 * 1024));
      await sleep(30);
      const received = await collect(stream);
      expect(received.equals(bytes(3 * MIB))).toBe(true);
      stream.destroy();
    }
  });

  test('a reader that stalls holds a bounded amount, and the writer is told to wait', async () => {
    const connection = await open(await server());
    const stalled = await started(startStalled());
    const up = await connection.dial(tcp('127.0.0.1', stalled.port));
    let written = 0;
    const chunk = Buffer.alloc(64 * 1024);
    while (up.write(chunk) && written < 64 * MIB) written += chunk.length;
    await within(
      (async () => {
        for (let quiet = 0; quiet < 50; ) {
          const before = written;
          while (!up.writableNeedDrain && written < 64 * MIB) {
            up.write(chunk);
            written += chunk.length;
          }
          quiet = written === before ? quiet + 1 : 0;
          await sleep(5);
        }
      })(),
      { what: 'the writer to be stopped', ms: 20_000 },
    );
    expect(written).toBeLessThan(16 * MIB);
    up.destroy();

    const source = await started(startSource({ bytes: 64 * MIB }));
    const down = await connection.dial(tcp('127.0.0.1', source.port));
    const before = process.memoryUsage().arrayBuffers + process.memoryUsage().external;
    await sleep(300);
    expect(process.memoryUsage().arrayBuffers + process.memoryUsage().external - before).toBeLessThan(32 * MIB);
    const hash = createHash('sha256');
    for await (const piece of down) hash.update(piece as Buffer);
    expect(hash.digest('hex')).toBe(hashOf(64 * MIB));
  });

  test('destroy closes the channel at the far end, a bulk transfer under way or not', async () => {
    const connection = await open(await server());
    const gone = later<undefined>();
    const { port } = await serve((socket) => {
      const fill = (): void => {
        while (!socket.destroyed && socket.write(Buffer.alloc(64 * 1024)));
      };
      socket.on('drain', fill).on('close', () => gone.resolve(undefined));
      fill();
    });
    const stream = await connection.dial(tcp('127.0.0.1', port));
    await sleep(50);
    stream.destroy();
    await closed(stream);
    await within(gone.promise, { what: 'the far end to close' });
    expect(stream.destroyed).toBe(true);
  });

  test('a target that resets ends the stream, whether something is being sent or not', async () => {
    const connection = await open(await server());
    const { port } = await serve((socket) => void setTimeout(() => socket.resetAndDestroy(), 50));
    const [idle, sending] = [await connection.dial(tcp('127.0.0.1', port)), await connection.dial(tcp('127.0.0.1', port))];
    for (const stream of [idle, sending]) stream.on('error', () => {}).resume();
    const more = setInterval(() => void (sending.writable && sending.write(Buffer.alloc(64 * 1024))), 10);
    await closed(sending);
    clearInterval(more);
    // sshd closes its half at the reset, and the whole at our first byte after it.
    idle.write('x');
    await closed(idle);
  });

  test('the ways a target can fail are told apart, and the connection goes on', async () => {
    const sshd = await server({ config: { PermitOpen: 'none' } });
    const forbidden = await open(sshd);
    expect(await failureOf(forbidden.dial(tcp('127.0.0.1', 80)))).toMatchObject({ code: 'target-forbidden' });
    const connection = await open(await server());
    const port = await freePort();
    expect(await failureOf(connection.dial(tcp('127.0.0.1', port)))).toMatchObject({
      code: 'target-refused',
      message: `connection refused by 127.0.0.1:${port}`,
    });
    expect(await failureOf(connection.dial(tcp('no-such-host.invalid', 80)))).toMatchObject({ code: 'target-unreachable' });
    expect(await failureOf(connection.dial(unix('/nowhere/s')))).toMatchObject({ code: 'target-refused' });
    expect(await connection.ping(2_000)).toBeGreaterThan(0);
  });

  test('a server that does not answer is waited for only so long, and the signal ends the wait', async () => {
    const sshd = await server();
    const connection = await open(sshd);
    sshd.signalSessions('SIGSTOP');
    expect(await failureOf(connection.dial(tcp('127.0.0.1', 1), { timeoutMs: 100 }))).toMatchObject({ code: 'timeout' });
    const abort = new AbortController();
    const dialled = failureOf(connection.dial(tcp('127.0.0.1', 1), { signal: abort.signal }));
    abort.abort();
    expect(await dialled).toMatchObject({ code: 'connection-lost' });
    sshd.signalSessions('SIGCONT');
  });
});

describe('when the connection is lost', () => {
  test('streams fail, waits end, closed tells why, and nothing throws afterwards', async () => {
    const sshd = await server();
    const connection = await open(sshd);
    const [echo, stalled] = [await started(startEcho()), await started(startStalled())];
    const idle = await connection.dial(tcp('127.0.0.1', echo.port));
    const blocked = await connection.dial(tcp('127.0.0.1', stalled.port));
    const errors: (string | undefined)[] = [];
    for (const stream of [idle, blocked]) stream.on('error', (error: NodeJS.ErrnoException) => errors.push(error.code));
    const pending = new Promise<Error | null | undefined>((resolve) => blocked.write(Buffer.alloc(16 * MIB), resolve));
    idle.resume();
    const wait = closed(idle);
    const waitBlocked = closed(blocked);
    sshd.signalSessions('SIGKILL');
    expect(await within(connection.closed, { what: 'closed' })).toMatchObject({ code: 'connection-lost' });
    expect(await within(pending, { what: 'the pending write' })).toMatchObject({ code: expect.stringMatching(/ECONNRESET|EPIPE/) });
    await Promise.all([wait, waitBlocked]);
    expect(errors[0]).toBe('ECONNRESET');
    expect(await failureOf(connection.dial(tcp('127.0.0.1', 1)))).toMatchObject({ code: 'connection-lost' });
    expect(await failureOf(connection.listen(tcp('localhost', 0), () => {}))).toMatchObject({ code: 'connection-lost' });
    expect(await failureOf(connection.exec('true'))).toMatchObject({ code: 'connection-lost' });
    expect(await failureOf(connection.ping(100))).toMatchObject({ code: 'connection-lost' });
    await connection.end();
  });

  test('what had arrived can still be read, and then the error comes, not an end', async () => {
    const sshd = await server();
    const connection = await open(sshd);
    const { port } = await serve((socket) => void socket.write('half of it'));
    const stream = await connection.dial(tcp('127.0.0.1', port));
    const outcome = later<string>();
    stream.once('error', (error: NodeJS.ErrnoException) => outcome.resolve(error.code ?? ''));
    stream.once('end', () => outcome.resolve('end'));
    stream.read(0);
    await until(() => stream.readableLength, { what: 'the bytes' });
    sshd.signalSessions('SIGKILL');
    await connection.closed;
    let read = '';
    stream.on('data', (data: Buffer) => {
      read += data.toString();
    });
    expect(await within(outcome.promise, { what: 'the error' })).toBe('ECONNRESET');
    expect(read).toBe('half of it');
  });

  test('end() is told apart from a loss, and ends within its limit on a dead link', async () => {
    const sshd = await server();
    const proxy = await started(startFaultProxy(sshd.port));
    const polite = await open(sshd, { host: { port: proxy.port, hostKeyPolicy: 'ignore', knownHosts: [] } });
    await polite.end();
    expect(await polite.closed).toBeNull();
    const dead = await open(sshd, { host: { port: proxy.port, hostKeyPolicy: 'ignore', knownHosts: [] } });
    proxy.faults.blackHole = 'both';
    const from = performance.now();
    await dead.end(200);
    expect(performance.now() - from).toBeLessThan(1_000);
    expect(await dead.closed).toBeNull();
  });
});

describe('keepalive', () => {
  const keepalive = { intervalMs: 200, count: 2 };

  test.each(['SIGSTOP', 'black hole'])('a link that dies of %s is noticed within interval × (count + 1)', async (fault) => {
    const sshd = await server();
    const proxy = await started(startFaultProxy(sshd.port));
    const connection = await open(sshd, { host: { port: proxy.port, hostKeyPolicy: 'ignore', knownHosts: [], keepalive } });
    await sleep(700);
    if (fault === 'SIGSTOP') sshd.signalSessions('SIGSTOP');
    else proxy.faults.blackHole = 'both';
    const from = performance.now();
    expect(await within(connection.closed, { what: 'closed' })).toMatchObject({ code: 'keepalive-timeout' });
    expect(performance.now() - from).toBeLessThan(keepalive.intervalMs * (keepalive.count + 1) + 150);
    sshd.signalSessions('SIGCONT');
  });

  test('it can be changed on the live connection, and a live link stays up', async () => {
    const sshd = await server();
    const connection = await open(sshd, { host: { keepalive: { intervalMs: 0, count: 0 } } });
    connection.setKeepalive({ intervalMs: 50, count: 1 });
    await sleep(500);
    expect(await connection.ping(1_000)).toBeLessThan(1_000);
    sshd.signalSessions('SIGSTOP');
    expect(await within(connection.closed, { what: 'closed', ms: 1_000 })).toMatchObject({ code: 'keepalive-timeout' });
    sshd.signalSessions('SIGCONT');
  });

  test('a ping to a silent server is a keepalive-timeout of its own', async () => {
    const sshd = await server();
    const connection = await open(sshd);
    sshd.signalSessions('SIGSTOP');
    expect(await failureOf(connection.ping(100))).toMatchObject({ code: 'keepalive-timeout' });
    sshd.signalSessions('SIGCONT');
    expect(await connection.ping(2_000)).toBeGreaterThan(0);
  });
});

describe('listen', () => {
  const echoBack = (client: RemoteClient): void => {
    const stream = client.accept();
    stream.pipe(stream);
  };

  test.each(['localhost', '127.0.0.1', '*'])(
    'on %s with port 0: the port is told, and clients come in with their address',
    async (host) => {
      const sshd = await server({ config: { GatewayPorts: 'clientspecified' } });
      const connection = await open(sshd);
      const seen: RemoteClient[] = [];
      const listener = await connection.listen(tcp(host, 0), (client) => {
        seen.push(client);
        echoBack(client);
      });
      if (listener.bound.kind !== 'tcp') throw new Error('not TCP');
      expect(listener.bound).toMatchObject({ host });
      expect(listener.bound.port).toBeGreaterThan(0);
      expect((await exchange(listener.bound.port, 'ping')).toString()).toBe('ping');
      expect(seen[0]?.origin?.address).toBe('127.0.0.1');
      expect(seen[0]?.destination).toMatchObject({ kind: 'tcp', port: listener.bound.port });
    },
  );

  test('several ports on one connection are kept apart, under GatewayPorts yes as well', async () => {
    const connection = await open(await server({ config: { GatewayPorts: 'yes' } }));
    const bound = await Promise.all(
      ['a', 'b', 'c'].map(async (name) => {
        const listener = await connection.listen(tcp('localhost', await freePort()), (client) => void client.accept().end(name));
        return { name, at: listener.bound };
      }),
    );
    for (const { name, at } of bound) expect((await exchange(at.kind === 'tcp' ? at.port : 0, '')).toString()).toBe(name);
  });

  test('on a unix socket', async () => {
    const path = join(folder(), 's');
    const connection = await open(await server());
    const listener = await connection.listen(unix(path), echoBack);
    expect(existsSync(path)).toBe(true);
    expect((await exchange({ path }, 'ping')).toString()).toBe('ping');
    await listener.close();
    await expect(dial({ path })).rejects.toThrow();
  });

  test('half-close both ways through it, exact bytes', async () => {
    const connection = await open(await server());
    const listener = await connection.listen(tcp('localhost', 0), echoBack);
    const count = 4 * MIB + 17;
    const received = await exchange(listener.bound.kind === 'tcp' ? listener.bound.port : 0, bytes(count));
    expect(received.equals(bytes(count))).toBe(true);
  });

  test('close stops it, leaves what is open, and the port can be taken again at once', async () => {
    const connection = await open(await server());
    const first = await connection.listen(tcp('localhost', 0), echoBack);
    if (first.bound.kind !== 'tcp') throw new Error('not TCP');
    const { port } = first.bound;
    const socket = await dial(port);
    socket.write('a');
    await new Promise((resolve) => socket.once('data', resolve));
    await first.close();
    await expect(dial(port)).rejects.toThrow(/ECONNREFUSED/);
    const second = await connection.listen(tcp('localhost', port), echoBack);
    expect((await exchange(port, 'again')).toString()).toBe('again');
    socket.end('b');
    expect((await collect(socket)).toString()).toBe('b');
    await second.close();
    await second.close();
  });

  test('a client that is refused is closed', async () => {
    const connection = await open(await server());
    const listener = await connection.listen(tcp('localhost', 0), (client) => client.refuse());
    const socket = await dial(listener.bound.kind === 'tcp' ? listener.bound.port : 0);
    expect((await collect(socket)).length).toBe(0);
  });

  test('a port in use and a forbidden one are remote-forward-denied', async () => {
    const echo = await started(startEcho());
    const connection = await open(await server());
    expect(await failureOf(connection.listen(tcp('127.0.0.1', echo.port), () => {}))).toMatchObject({ code: 'remote-forward-denied' });
    const strict = await open(await server({ config: { AllowTcpForwarding: 'local' } }));
    expect(await failureOf(strict.listen(tcp('localhost', 0), () => {}))).toMatchObject({ code: 'remote-forward-denied' });
  });

  test('a client that waits when the connection goes is given a destroyed stream', async () => {
    const sshd = await server();
    const connection = await open(sshd);
    const arrived = later<RemoteClient>();
    const listener = await connection.listen(tcp('localhost', 0), arrived.resolve);
    const socket = await dial(listener.bound.kind === 'tcp' ? listener.bound.port : 0);
    socket.on('error', () => {});
    const client = await within(arrived.promise, { what: 'the client' });
    sshd.signalSessions('SIGKILL');
    await connection.closed;
    expect(client.accept().destroyed).toBe(true);
    client.refuse();
    await listener.close();
    socket.destroy();
  });
});

describe('exec', () => {
  const text = async (stream: NodeJS.ReadableStream): Promise<string> => {
    let all = '';
    for await (const chunk of stream) all += String(chunk);
    return all;
  };

  test('streams, exit code and signal', async () => {
    const connection = await open(await server());
    const cat = await connection.exec('cat; echo oops >&2; exit 3');
    cat.stdin.end('in and out');
    expect(await Promise.all([text(cat.stdout), text(cat.stderr), cat.exit])).toEqual(['in and out', 'oops\n', { code: 3, signal: null }]);
    const killed = await connection.exec('kill -TERM $$');
    killed.stdout.resume();
    killed.stderr.resume();
    expect(await killed.exit).toEqual({ code: null, signal: 'SIGTERM' });
  });

  test('the agent is forwarded where that is asked for, and nowhere else', async () => {
    const key = await keyPair({ name: 'agent' });
    const agent = await started(startAgent(key));
    const sshd = await server({ authorizedKeys: [key] });
    for (const forwardAgent of [false, true]) {
      const connection = await open(sshd, { host: { agent: agent.socket, identityFiles: [], forwardAgent } });
      const listing = await connection.exec('test -n "$SSH_AUTH_SOCK" && ssh-add -l');
      listing.stderr.resume();
      listing.stdin.end();
      const [out, { code }] = await Promise.all([text(listing.stdout), listing.exit]);
      expect({ code, listed: out.includes(key.fingerprint) }).toEqual(
        forwardAgent ? { code: 0, listed: true } : { code: 1, listed: false },
      );
    }
  });

  test('close ends its stdin; a lost connection ends the wait', async () => {
    const sshd = await server();
    const connection = await open(sshd);
    const closing = await connection.exec('cat');
    closing.close();
    expect(await within(closing.exit, { what: 'exit' })).toEqual({ code: null, signal: null });
    const lost = await connection.exec('sleep 60');
    sshd.signalSessions('SIGKILL');
    expect(await within(lost.exit, { what: 'exit' })).toEqual({ code: null, signal: null });
  });

  test('an account for forwarding only says so', async () => {
    const sshd = await server({ config: { MaxSessions: '0' } });
    const connection = await open(sshd);
    expect(await failureOf(connection.exec('true'))).toMatchObject({ code: 'target-forbidden' });
  });
});

describe('through jump hosts', () => {
  const chain = async (): Promise<{ connections: Connection[]; kill: () => void }> => {
    const servers = [
      await server({ name: 'one' }),
      await server({ name: 'two' }),
      await server({ name: 'three' }),
      await server({ name: 'four' }),
    ];
    const connections: Connection[] = [];
    for (const sshd of servers) {
      const through = connections.at(-1);
      connections.push(await open(sshd, through ? { through } : {}));
    }
    return { connections, kill: () => void servers[0]?.signalSessions('SIGKILL') };
  };

  test('three jumps carry bytes, half-close and the hop’s address', async () => {
    const { connections } = await chain();
    const sink = await started(startSink());
    const stream = await connections[3]!.dial(tcp('127.0.0.1', sink.port));
    byteStream(8 * MIB).pipe(stream);
    expect((await collect(stream)).toString()).toBe(`${hashOf(8 * MIB)} ${8 * MIB}\n`);
    expect(connections[0]?.remoteAddress).toBe('127.0.0.1');
    expect(connections[3]?.remoteAddress).toBeNull();
  });

  test('when the first jump dies, every connection through it is connection-lost', async () => {
    const { connections, kill } = await chain();
    kill();
    for (const connection of connections)
      expect(await within(connection.closed, { what: 'closed' })).toMatchObject({ code: 'connection-lost' });
  });

  test('a host that is not there is refused, seen from the hop', async () => {
    const hop = await open(await server({ name: 'hop' }));
    const sshd = await server({ name: 'inner' });
    await sshd.halt();
    const failure = await failureOf(connect(attempt(sshd, { through: hop }).request));
    expect(failure).toMatchObject({ code: 'refused', message: `inner: connection from the jump host refused by 127.0.0.1:${sshd.port}` });
  });
});

describe('connecting', () => {
  test('nobody listens: refused', async () => {
    const sshd = await server({ name: 'bastion' });
    await sshd.halt();
    expect(await failureOf(connect(attempt(sshd).request))).toMatchObject({
      code: 'refused',
      message: `bastion: connection refused by 127.0.0.1:${sshd.port}`,
      hint: expect.stringContaining('is sshd running there?'),
    });
  });

  test('a name that does not resolve: dns', async () => {
    const sshd = await server({ name: 'bastion' });
    const tried = attempt(sshd, { host: { hostname: 'no-such-host.invalid' } });
    expect(await failureOf(connect(tried.request))).toMatchObject({
      code: 'dns',
      message: expect.stringContaining('no-such-host.invalid'),
    });
  });

  test('accepted and never served: timeout, within the limit', async () => {
    const sshd = await server();
    const proxy = await started(startFaultProxy(sshd.port));
    proxy.faults.accept = 'hang';
    const from = performance.now();
    expect(await failureOf(connect(attempt(sshd, { host: { port: proxy.port, connectTimeoutMs: 300 } }).request))).toMatchObject({
      code: 'timeout',
    });
    expect(performance.now() - from).toBeLessThan(1_500);
  });

  test('the signal ends it at once, in the dial, the handshake and a question', async () => {
    const sshd = await server();
    const proxy = await started(startFaultProxy(sshd.port));
    proxy.faults.accept = 'hang';
    const hanging = attempt(sshd, { host: { port: proxy.port } });
    const asking = attempt(sshd, { host: { knownHosts: [], hostKeyPolicy: 'ask' } });
    const neverAnswered = { ...asking.request, asker: { ...asking.request.asker, hostKey: () => new Promise<null>(() => {}) } };
    const before = attempt(sshd);
    before.abort.abort();
    const failures = [failureOf(connect(hanging.request)), failureOf(connect(neverAnswered)), failureOf(connect(before.request))];
    await sleep(300);
    const from = performance.now();
    hanging.abort.abort();
    asking.abort.abort();
    for (const failure of await Promise.all(failures))
      expect(failure).toMatchObject({ code: 'connection-lost', message: expect.stringContaining('cancelled') });
    expect(performance.now() - from).toBeLessThan(100);
  });

  test('something else than an SSH server is told so, without its escapes', async () => {
    const { port } = await serve((socket) => socket.end('HTTP/1.1 400 \u001b[31mBad\u001b[0m Request\r\n\r\n'));
    const sshd = await server();
    const failure = await failureOf(connect(attempt(sshd, { host: { port } }).request));
    expect(failure).toMatchObject({ code: 'refused', message: expect.stringContaining('is no SSH server') });
    expect(failure.message).toContain('HTTP/1.1 400 Bad Request');
  });

  test('a penalty notice is refused, with a wait', async () => {
    const { port } = await serve((socket) => socket.end('Not allowed at this time\r\n'));
    const sshd = await server();
    expect(await failureOf(connect(attempt(sshd, { host: { port } }).request))).toMatchObject({ code: 'refused', retryAfterMs: 15_000 });
  });

  test('verbosity: our words, then what was agreed, then ssh2’s, and no secret', async () => {
    const sshd = await server();
    const levels = async (verbosity: 0 | 1 | 2 | 3): Promise<number[]> => {
      const tried = attempt(sshd, { verbosity, host: { password: { env: 'SECRET' } }, answers: { secrets: ['correct horse'] } });
      await (await connect(tried.request)).end();
      expect(JSON.stringify(tried.notices)).not.toContain('correct horse');
      return [...new Set(tried.notices.flatMap((notice) => (notice.type === 'debug' ? [notice.level] : [])))].sort();
    };
    expect([await levels(0), await levels(1), await levels(2), await levels(3)]).toEqual([[], [1], [1, 2], [1, 2, 3]]);
  });

  test('compression, and ciphers by name; unknown ones are warned about, none left is refused', async () => {
    const sshd = await server({ config: { Compression: 'yes' } });
    await (await open(sshd, { host: { compression: true } })).end();
    const partly = attempt(sshd, {
      host: { ciphers: ['rot13', 'aes256-ctr'], kex: ['ecdh-sha2-nistp384'], macs: ['hmac-sha2-512'] },
      verbosity: 2,
    });
    await (await connect(partly.request)).end();
    expect(partly.notices).toContainEqual(expect.objectContaining({ type: 'warning', message: expect.stringContaining('rot13') }));
    expect(JSON.stringify(partly.notices)).toContain('agreed on ecdh-sha2-nistp384, ssh-ed25519, aes256-ctr, hmac-sha2-512');
    expect(await failureOf(connect(attempt(sshd, { host: { ciphers: ['rot13'] } }).request))).toMatchObject({ code: 'refused' });
    const nothing = attempt(await server({ config: { Ciphers: 'aes128-ctr' } }), { host: { ciphers: ['aes256-ctr'] } });
    expect(await failureOf(connect(nothing.request))).toMatchObject({
      code: 'refused',
      message: expect.stringContaining('nothing in common'),
    });
  });

  test('a banner is passed on without its escapes', async () => {
    const file = join(folder(), 'banner');
    const { writeFileSync } = await import('node:fs');
    writeFileSync(file, 'Authorised \u001b]0;gotcha\u0007use only\n');
    const tried = attempt(await server({ config: { Banner: file } }));
    await (await connect(tried.request)).end();
    expect(tried.notices).toContainEqual({ type: 'banner', text: expect.not.stringContaining('gotcha') });
    expect(tried.notices).toContainEqual({ type: 'banner', text: 'Authorised use only' });
  });
});
