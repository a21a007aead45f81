/** What must hold of what is moved over channels, whoever implements them. */
import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { bytes, byteStream, collect, dial, hashOf, startEcho, startSink, startSource, startStalled } from '../helpers/services.ts';
import { tcp, type TcpAddress } from '../../src/core/address.ts';
import { splice } from '../../src/forward/splice.ts';
import { sleep, until, within } from '../helpers/wait.ts';
import { closed, MIB, serve, started } from './far-end.ts';
import { later, open, server } from './ssh-connecting.ts';

export function transferCases(): void {
  describe('a transfer', () => {
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

    test.each(['down', 'up', 'both ways at once', 'on three channels'])('keys renewed in mid-transfer change no byte: %s', async (way) => {
      const sshd = await server({ config: { RekeyLimit: '1M' }, logLevel: 'DEBUG' });
      const connection = await open(sshd);
      const size = 16 * MIB;
      const echoed = async (): Promise<void> => {
        const stream = await connection.dial(tcp('127.0.0.1', (await started(startEcho())).port));
        const hash = createHash('sha256');
        byteStream(size).pipe(stream);
        for await (const chunk of stream) hash.update(chunk as Buffer);
        expect(hash.digest('hex')).toBe(hashOf(size));
      };
      const down = async (): Promise<void> => {
        const stream = await connection.dial(tcp('127.0.0.1', (await started(startSource({ bytes: size }))).port));
        const hash = createHash('sha256');
        for await (const chunk of stream) hash.update(chunk as Buffer);
        expect(hash.digest('hex')).toBe(hashOf(size));
      };
      const up = async (): Promise<void> => {
        const stream = await connection.dial(tcp('127.0.0.1', (await started(startSink())).port));
        byteStream(size).pipe(stream);
        expect((await collect(stream)).toString()).toBe(`${hashOf(size)} ${size}\n`);
      };
      if (way === 'down') await down();
      else if (way === 'up') await up();
      else if (way === 'both ways at once') await echoed();
      else await Promise.all([down(), up(), echoed()]);
      expect(sshd.log().split('ssh_set_newkeys: rekeying').length).toBeGreaterThan(8);
    });

    test('what was sent is read to its last byte when the far end closes at once', async () => {
      const connection = await open(await server());
      const { port } = await serve((socket) => {
        // Bytes that come after it is gone would make the kernel reset the connection, and drop what it sent.
        let left = 2;
        const over = (): void => void (--left === 0 && socket.destroy());
        let got = 0;
        socket.on('data', (data) => (got += data.length) === 256 * 1024 && over());
        socket.end(bytes(3 * MIB), over);
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

    test('every byte is exact where sockets take what comes at different speeds', async () => {
      const connection = await open(await server());
      const size = 24 * MIB;
      const source = await started(startSource({ bytes: size }));
      const { port } = await serve((socket) => {
        void connection.dial(tcp('127.0.0.1', source.port)).then((stream) => splice(socket, stream));
      });
      const taken = async (reader: number): Promise<string> => {
        const socket = await dial(port);
        const hash = createHash('sha256');
        let [count, pauses] = [0, 0];
        for await (const chunk of socket) {
          count += hash.update(chunk as Buffer) ? (chunk as Buffer).length : 0;
          if (reader > 0 && count > (pauses + 1) * MIB) {
            pauses += 1;
            await sleep(5 * reader);
          }
        }
        return `${count} ${hash.digest('hex')}`;
      };
      expect(await Promise.all([0, 1, 2, 3].map(taken))).toEqual(Array.from({ length: 4 }, () => `${size} ${hashOf(size)}`));
    });

    test('the last bytes of a channel reach a reader that is slow to take them, though the connection is ended at once', async () => {
      const connection = await open(await server());
      const size = 2_000_000;
      let told = (): void => {};
      const over = new Promise<void>((resolve) => (told = resolve));
      const { bound } = await connection.listen(tcp('127.0.0.1', 0), (client) => {
        const stream = client.accept();
        stream.on('close', told).resume().end(bytes(size));
      });
      const reader = await dial((bound as TcpAddress).port);
      reader.end();
      await within(over, { what: 'all to be sent', ms: 10_000 });
      const ended = connection.end(20_000);
      await sleep(200);
      expect((await collect(reader)).equals(bytes(size))).toBe(true);
      await ended;
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

    test('a reader that stalls holds up nobody beside it', async () => {
      const connection = await open(await server());
      const source = await started(startSource({ bytes: 64 * MIB }));
      const echo = await started(startEcho());
      const stalled = await Promise.all([1, 2, 3].map(() => connection.dial(tcp('127.0.0.1', source.port))));
      const parked = await connection.dial(tcp('127.0.0.1', (await started(startStalled())).port));
      parked.on('error', () => {}).write(bytes(32 * MIB));
      await sleep(200);
      const live = await connection.dial(tcp('127.0.0.1', echo.port));
      const said = bytes(4 * MIB);
      live.end(said);
      expect((await collect(live)).equals(said)).toBe(true);
      for (const stream of stalled) {
        const hash = createHash('sha256');
        for await (const chunk of stream) hash.update(chunk as Buffer);
        expect(hash.digest('hex')).toBe(hashOf(64 * MIB));
      }
      parked.destroy();
    });

    test('closed with writes parked: each is told, the far end hears of it, and the connection goes on', async () => {
      const connection = await open(await server());
      const gone = later<undefined>();
      let far: Socket | null = null;
      const { port } = await serve((socket) => {
        far = socket.pause().on('close', () => gone.resolve(undefined));
      });
      const stream = await connection.dial(tcp('127.0.0.1', port));
      const outcomes: boolean[] = [];
      const writes = 200;
      for (let write = 0; write < writes; write += 1)
        stream.write(Buffer.alloc(128 * 1024), (error) => outcomes.push(error instanceof Error));
      await sleep(300);
      const taken = outcomes.length;
      expect(taken).toBeLessThan(writes);
      stream.destroy();
      await closed(stream);
      await until(() => outcomes.length === writes, { what: 'every write to be told' });
      expect(outcomes.slice(taken).every((failed) => failed)).toBe(true);
      (far as Socket | null)?.resume().end();
      await within(gone.promise, { what: 'the far end to close' });
      expect(await connection.ping(2_000)).toBeGreaterThan(0);
    });

    test('a thousand short connections at once: each gets its own bytes, and all are gone after', async () => {
      const sshd = await server();
      const connection = await open(sshd);
      const echo = await started(startEcho());
      const one = async (id: number): Promise<boolean> => {
        const stream = await connection.dial(tcp('127.0.0.1', echo.port));
        const said = Buffer.concat([Buffer.from(`${id} `), bytes(1 + ((id * 37) % 3_000))]);
        stream.end(said);
        const got = await collect(stream);
        await closed(stream);
        return got.equals(said);
      };
      const all = await Promise.all(Array.from({ length: 1_000 }, (_, id) => one(id)));
      expect(all.filter((exact) => !exact)).toEqual([]);
      await until(() => echo.open === 0, { what: 'the far ends to be closed' });
      expect(echo.accepted).toBe(1_000);
      // The numbers of channels are free on both sides: as many again.
      expect(await one(1_000)).toBe(true);
    });

    test('compressed: exact, and a session that dies in mid-transfer ends its streams and nothing else', async () => {
      const sshd = await server({ config: { Compression: 'yes' } });
      const connection = await open(sshd, { host: { compression: true } });
      const echo = await started(startEcho());
      const whole = await connection.dial(tcp('127.0.0.1', echo.port));
      whole.end(bytes(2 * MIB));
      expect((await collect(whole)).equals(bytes(2 * MIB))).toBe(true);
      for (const how of ['SIGKILL', 'SIGTERM'] as const) {
        const again = how === 'SIGKILL' ? connection : await open(sshd, { host: { compression: true } });
        const streams = await Promise.all([1, 2, 3].map(() => again.dial(tcp('127.0.0.1', echo.port))));
        const ends = streams.map((stream) => {
          byteStream(64 * MIB).pipe(stream.on('error', () => {}));
          return closed(stream.resume());
        });
        await sleep(50);
        sshd.signalSessions(how);
        await Promise.all(ends);
        expect(await within(again.closed, { what: 'closed' })).toMatchObject({ code: 'connection-lost' });
      }
    });
  });
}
