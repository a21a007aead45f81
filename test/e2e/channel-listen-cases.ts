/** What must hold of channels that the server opens, whoever implements them. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { tcp, unix } from '../../src/core/address.ts';
import type { RemoteClient } from '../../src/ssh/connection.ts';
import { freePort } from '../helpers/free-port.ts';
import { bytes, collect, dial, exchange, startEcho } from '../helpers/services.ts';
import { within } from '../helpers/wait.ts';
import { folder, MIB, started } from './far-end.ts';
import { failureOf, later, open, server } from './ssh-connecting.ts';

export function listenCases(): void {
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

    test.each([false, true])(
      'a client that waits when the connection goes is given a destroyed stream (compressed: %s)',
      async (compression) => {
        const sshd = await server({ config: { Compression: 'yes' } });
        const connection = await open(sshd, { host: { compression } });
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
      },
    );
  });
}
