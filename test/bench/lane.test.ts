import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { Lane, type Line } from '../../bench/lane.ts';

const OPEN: Line = { delayMs: 0, bytesPerSecond: Number.POSITIVE_INFINITY, queueBytes: 64 * 1024 };
const sockets: Socket[] = [];

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

/** Two ends of a connection. */
async function connected(): Promise<readonly [Socket, Socket]> {
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { readonly port: number };
  const client = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  const [accepted] = (await once(server, 'connection')) as [Socket];
  server.close();
  sockets.push(client, accepted);
  return [client, accepted];
}

/** What goes in at the one end of a line comes out at the other. */
async function lineOf(lane: Lane): Promise<{ readonly into: Socket; readonly out: Socket }> {
  const [into, from] = await connected();
  const [to, out] = await connected();
  lane.carry(from, to);
  return { into, out };
}

async function arrival(out: Socket, bytes: number): Promise<{ readonly data: Buffer; readonly at: number }> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of out.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length >= bytes) break;
  }
  return { data: Buffer.concat(chunks), at: performance.now() };
}

describe('one direction of a line', () => {
  test('carries every byte in its order, and the end', async () => {
    const { into, out } = await lineOf(new Lane({ ...OPEN, delayMs: 5 }));
    const data = randomBytes(3_000_000);
    into.end(data);
    expect((await arrival(out, Number.POSITIVE_INFINITY)).data.equals(data)).toBe(true);
  });

  test('is late by its delay', async () => {
    const { into, out } = await lineOf(new Lane({ ...OPEN, delayMs: 60 }));
    const from = performance.now();
    into.write('x');
    expect((await arrival(out, 1)).at - from).toBeGreaterThanOrEqual(59);
  });

  test('has any number of bytes under way at once', async () => {
    const { into, out } = await lineOf(new Lane({ ...OPEN, delayMs: 500 }));
    const data = Buffer.alloc(24 * 1024 * 1024);
    into.end(data);
    await arrival(out, 1);
    const first = performance.now();
    await arrival(out, Number.POSITIVE_INFINITY);
    // With 4 MiB under way at most, the rest would take five times the delay.
    expect(performance.now() - first).toBeLessThan(2_000);
  });

  test('lets its bytes a second through, shared by all its connections', async () => {
    const lane = new Lane({ ...OPEN, bytesPerSecond: 1_000_000 });
    const [one, other] = [await lineOf(lane), await lineOf(lane)];
    const from = performance.now();
    for (const { into } of [one, other]) into.write(Buffer.alloc(100_000));
    const ends = await Promise.all([one, other].map(({ out }) => arrival(out, 100_000)));
    expect(Math.max(...ends.map(({ at }) => at)) - from).toBeGreaterThanOrEqual(195);
  });
});
