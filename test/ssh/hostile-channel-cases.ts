/** What a server may do to channels that is against the protocol, or against us; whoever implements them. */
import type { Duplex } from 'node:stream';
import { describe, expect, onTestFinished, test } from 'vitest';
import { tcp } from '../../src/core/address.ts';
import { isFailureError } from '../../src/core/failure.ts';
import { connect } from '../../src/ssh/connect.ts';
import type { Connection, RemoteClient } from '../../src/ssh/connection.ts';
import { tcpTransport } from '../../src/ssh/dial.ts';
import { startRawServer, type RawClient } from '../helpers/raw-ssh-server.ts';
import { bytes } from '../helpers/services.ts';
import { hostSpec } from '../helpers/spec.ts';
import { sleep, until, within } from '../helpers/wait.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const PACKET = 32 * KIB;

export interface Met {
  readonly connection: Connection;
  readonly server: RawClient;
}

export async function meetRaw(): Promise<Met> {
  const raw = await startRawServer();
  onTestFinished(() => raw.stop());
  const { port } = raw;
  const connection = await connect({
    host: hostSpec('hostile', { hostname: '127.0.0.1', port, hostKeys: [raw.hostKey], keepalive: { intervalMs: 0, count: 0 } }),
    port,
    transport: tcpTransport({ host: '127.0.0.1', port, addressFamily: 'any', timeoutMs: 2_000 }),
    asker: { secret: async () => null, hostKey: async () => null },
    notify: () => {},
    signal: new AbortController().signal,
    verbosity: 0,
  });
  onTestFinished(() => void connection.end(0));
  return { connection, server: await raw.client() };
}

export interface Opened {
  readonly stream: Duplex;
  /** Ours and the server's number. */
  readonly ours: number;
  readonly theirs: number;
  /** What the server may send. */
  readonly window: number;
  readonly errors: string[];
}

let next = 1_000;

/** A dial that the server says yes to. */
export async function openRaw({ connection, server }: Met, { window = 2 * MIB, packetBytes = PACKET } = {}): Promise<Opened> {
  const from = server.heard.length;
  const dialled = connection.dial(tcp('somewhere', 1));
  const open = await server.until('OPEN', from);
  next += 1;
  server.say('OPEN_CONFIRMATION', open.id, next, window, packetBytes);
  const stream = await dialled;
  const errors: string[] = [];
  stream.on('error', (error) => errors.push(error.message));
  return { stream, ours: open.id, theirs: next, window: open.window, errors };
}

/** That the connection lives and carries exact bytes, on a channel of its own. */
export async function expectAlive(met: Met): Promise<void> {
  const { stream, ours, theirs } = await openRaw(met);
  const said = bytes(100 * KIB);
  const got: Buffer[] = [];
  stream.on('data', (data: Buffer) => got.push(data));
  stream.write(said);
  for (let at = 0; at < said.length; at += 10_000) met.server.say('DATA', ours, said.subarray(at, at + 10_000));
  await until(() => met.server.received(theirs).length === said.length, { what: 'what we said' });
  expect(met.server.received(theirs).equals(said)).toBe(true);
  await until(() => Buffer.concat(got).length === said.length, { what: 'what the server said' });
  expect(Buffer.concat(got).equals(said)).toBe(true);
  stream.destroy();
}

const memory = (): number => process.memoryUsage().arrayBuffers;

export function hostileChannelCases(): void {
  describe('a server that', () => {
    test('grants nothing: the writer waits with what fits, others do not, and what it grants later is used to the byte', async () => {
      const met = await meetRaw();
      const { stream, ours, theirs, errors } = await openRaw(met, { window: 0 });
      const said = bytes(300 * KIB);
      let taken = false;
      expect(stream.write(said, () => (taken = true))).toBe(false);
      stream.end();
      await expectAlive(met);
      expect([taken, met.server.received(theirs).length]).toEqual([false, 0]);
      for (let granted = 0; granted < said.length; ) {
        const piece = Math.min(70_001, said.length - granted);
        met.server.say('WINDOW_ADJUST', ours, piece);
        granted += piece;
        await until(() => met.server.received(theirs).length === granted, { what: `${granted} bytes` });
      }
      await met.server.until('EOF');
      expect(met.server.received(theirs).equals(said)).toBe(true);
      expect(errors).toEqual([]);
    });

    test('grants nothing, and is left: destroy() closes the channel', async () => {
      const met = await meetRaw();
      const { stream, theirs } = await openRaw(met, { window: 0 });
      const outcome = new Promise((resolve) => stream.write('parked', (error) => resolve(error instanceof Error)));
      stream.destroy();
      expect(await outcome).toBe(true);
      expect(await met.server.until('CLOSE')).toMatchObject({ id: theirs });
      await expectAlive(met);
    });

    test('grants more than 2^32: all goes, exact', async () => {
      const met = await meetRaw();
      const { stream, ours, theirs } = await openRaw(met, { window: 0xffff_ffff });
      for (let more = 0; more < 10; more += 1) met.server.say('WINDOW_ADJUST', ours, 0xffff_ffff);
      const said = bytes(3 * MIB);
      stream.end(said);
      // It says nothing of what it has read: the last of it goes after we have waited for that.
      await until(() => met.server.received(theirs).length === said.length, { what: 'all of it', ms: 15_000 });
      expect(met.server.received(theirs).equals(said)).toBe(true);
    });

    test('takes one byte in a packet gets single bytes; one that takes none is given up, and the program goes on', async () => {
      const met = await meetRaw();
      const slow = await openRaw(met, { packetBytes: 1 });
      slow.stream.end('hello');
      await until(() => met.server.received(slow.theirs).toString() === 'hello', { what: 'five packets' });
      expect(met.server.heard.filter(({ what, id }) => what === 'DATA' && id === slow.theirs)).toHaveLength(5);
      const from = met.server.heard.length;
      const dialled = met.connection.dial(tcp('somewhere', 1)).then(
        (stream) => new Promise((resolve) => stream.on('error', resolve).write('x')),
        (error: unknown) => error,
      );
      met.server.say('OPEN_CONFIRMATION', (await met.server.until('OPEN', from)).id, 5, MIB, 0);
      expect(await within(dialled, { what: 'it to be given up' })).toBeInstanceOf(Error);
    });

    test('sends more than it may, to a reader that stalls: it is cut off, and holds no memory', async () => {
      const met = await meetRaw();
      const { stream, ours, errors } = await openRaw(met);
      const before = memory();
      const piece = Buffer.alloc(PACKET);
      const gone = new Promise((resolve) => stream.once('close', () => resolve(null)));
      for (let sent = 0; sent < 64 * MIB && !met.server.socket.destroyed; sent += 64 * PACKET) {
        for (let packet = 0; packet < 64; packet += 1) met.server.say('DATA', ours, piece);
        await sleep(1);
        // The server is of this process: what waits in its own queue is not what the stream holds.
        await until(() => met.server.socket.writableLength === 0 || met.server.socket.destroyed, {
          what: 'the pieces to be read',
          ms: 10_000,
        });
      }
      stream.resume();
      await within(gone, { what: 'the stream to close' });
      expect(errors).toEqual([expect.stringContaining('more than it was allowed to')]);
      expect(memory() - before).toBeLessThan(48 * MIB);
    });

    test('floods data of another kind: nobody is told of it, nothing is held, the others go on', async () => {
      const met = await meetRaw();
      const { stream, ours, window } = await openRaw(met);
      const got: Buffer[] = [];
      stream.on('data', (data: Buffer) => got.push(data));
      const piece = Buffer.alloc(16 * KIB);
      for (let sent = 0; sent + piece.length <= window; sent += piece.length) met.server.say('EXTENDED_DATA', ours, 1, piece);
      await expectAlive(met);
      expect(got).toEqual([]);
      stream.destroy();
      await met.server.until('CLOSE');
    });

    test('speaks of channels that never were, or are closed: nothing happens', async () => {
      const met = await meetRaw();
      const { stream, ours, theirs } = await openRaw(met);
      stream.resume().end();
      met.server.say('EOF', ours);
      met.server.say('CLOSE', ours);
      await new Promise((resolve) => stream.once('close', resolve));
      const { server } = met;
      for (const id of [ours, 77, 0x7fff_ffff]) {
        server.say('DATA', id, 'x');
        server.say('EXTENDED_DATA', id, 1, 'x');
        server.say('WINDOW_ADJUST', id, 1);
        server.say('REQUEST', id, 'keepalive@openssh.com', true);
        server.say('EOF', id);
        server.say('SUCCESS', id);
        server.say('FAILURE', id);
        server.say('OPEN_CONFIRMATION', id, 1, 1, 1);
        server.say('OPEN_FAILURE', id, 1, 'no', '');
        server.say('CLOSE', id);
      }
      await expectAlive(met);
      expect(server.heard.filter(({ what, id }) => what === 'CLOSE' && id === theirs)).toHaveLength(1);
    });

    test('names a channel by a number there cannot be: the connection is lost at worst, and told so', async () => {
      const met = await meetRaw();
      met.server.say('DATA', 0xffff_ffff, 'x');
      const outcome = await Promise.race([met.connection.closed, sleep(100).then(() => null)]);
      if (outcome) expect(outcome.code).toBe('connection-lost');
      else await expectAlive(met);
    });

    test('sends empty data, and data after its end: neither is heard of', async () => {
      const met = await meetRaw();
      const { stream, ours } = await openRaw(met);
      const got: string[] = [];
      stream.on('data', (data) => got.push(String(data)));
      for (let piece = 0; piece < 1_000; piece += 1) met.server.say('DATA', ours, '');
      met.server.say('DATA', ours, 'all');
      met.server.say('EOF', ours);
      await new Promise((resolve) => stream.once('end', resolve));
      met.server.say('DATA', ours, 'more');
      met.server.say('EOF', ours);
      await expectAlive(met);
      expect(got).toEqual(['all']);
    });

    test('answers a dial after it was given up: that channel is closed, and the next one is another', async () => {
      const met = await meetRaw();
      const failed = await met.connection.dial(tcp('slow', 1), { timeoutMs: 50 }).catch((error: unknown) => error);
      expect(isFailureError(failed) && failed.failure.code).toBe('timeout');
      const late = await met.server.until('OPEN');
      met.server.say('OPEN_CONFIRMATION', late.id, 3, MIB, PACKET);
      met.server.say('DATA', late.id, 'who is there?');
      expect(await met.server.until('CLOSE')).toMatchObject({ id: 3 });
      met.server.say('CLOSE', late.id);
      await expectAlive(met);
    });

    test('closes in the middle of what we say: what is parked fails, and the stream closes', async () => {
      const met = await meetRaw();
      const { stream, ours, theirs, errors } = await openRaw(met, { window: 10 });
      const outcomes: boolean[] = [];
      for (const word of ['parked', 'and more of it']) stream.write(word, (error) => outcomes.push(error instanceof Error));
      stream.resume();
      await until(() => met.server.received(theirs).length === 10, { what: 'what fits' });
      met.server.say('CLOSE', ours);
      await within(new Promise((resolve) => stream.once('close', resolve)), { what: 'the stream to close' });
      expect(outcomes.filter((failed) => failed).length).toBeGreaterThan(0);
      expect(errors).toHaveLength(1);
      await expectAlive(met);
    });

    test('opens a thousand channels nobody asked for, and as many on a port that was closed: each is refused', async () => {
      const met = await meetRaw();
      const clients: RemoteClient[] = [];
      const listener = await met.connection.listen(tcp('localhost', 1_234), (client) => clients.push(client));
      await listener.close();
      const { server } = met;
      for (let id = 0; id < 1_000; id += 1) {
        server.say('OPEN', 'forwarded-tcpip', id, MIB, PACKET, 'localhost', id % 2 ? 1_234 : 4_321, '127.0.0.1', 1);
        if (id % 100 === 0) server.say('OPEN', 'nonsense@example.com', 10_000 + id, MIB, PACKET);
      }
      const refused = (): number => server.heard.filter(({ what }) => what === 'OPEN_FAILURE').length;
      await until(() => refused() === 1_010, { what: 'every refusal' });
      expect([clients, server.heard.filter(({ what }) => what === 'OPEN_CONFIRMATION')]).toEqual([[], []]);
      await expectAlive(met);
    });
  });
}
