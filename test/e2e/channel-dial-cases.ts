/** What must hold of channels that are opened from here, whoever implements them. */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { tcp, unix } from '../../src/core/address.ts';
import { connect } from '../../src/ssh/connect.ts';
import type { Connection } from '../../src/ssh/connection.ts';
import { startFaultProxy } from '../helpers/fault-proxy.ts';
import { freePort } from '../helpers/free-port.ts';
import { byteStream, collect, hashOf, startEcho, startSink, startStalled } from '../helpers/services.ts';
import { sleep, until, within } from '../helpers/wait.ts';
import { closed, folder, MIB, serve, started } from './far-end.ts';
import { attempt, failureOf, later, open, server } from './ssh-connecting.ts';

export function dialCases(): void {
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

    test('a server that asks whether we are there is answered while nothing is said on an open channel', async () => {
      const sshd = await server({ config: { ClientAliveInterval: 1, ClientAliveCountMax: 1 }, logLevel: 'DEBUG2' });
      const connection = await open(sshd, { host: { keepalive: { intervalMs: 0, count: 0 } } });
      const echo = await started(startEcho());
      const stream = await connection.dial(tcp('127.0.0.1', echo.port));
      // It gives us up when the first is not answered by the time of the second.
      const asked = (): boolean => sshd.log().split('request keepalive@openssh.com').length > 3;
      await until(asked, { what: 'the server to have asked three times', ms: 15_000 });
      stream.end('still there');
      expect((await collect(stream)).toString()).toBe('still there');
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
}
