import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { duplexPair } from 'node:stream';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { resetStream } from '../../src/forward/reset-stream.ts';

async function pair(at: { readonly path: string } | { readonly port: number; readonly host: string }): Promise<{
  near: Socket;
  far: Socket;
  stop(): Promise<void>;
}> {
  const server = createServer({ allowHalfOpen: true }).listen(at);
  await once(server, 'listening');
  const address = server.address();
  const to = typeof address === 'string' ? { path: address } : { port: address?.port ?? 0, host: '127.0.0.1' };
  const far = connect({ ...to, allowHalfOpen: true });
  far.on('error', () => {});
  const [near] = (await once(server, 'connection')) as [Socket];
  near.on('error', () => {});
  return {
    near,
    far,
    stop: async () => {
      near.destroy();
      far.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const TCP = { port: 0, host: '127.0.0.1' };

describe('resetStream', () => {
  test('is a reset for the peer', async () => {
    const { near, far, stop } = await pair(TCP);
    const failed = once(far, 'error');
    far.resume();
    resetStream(near);
    expect(((await failed) as [NodeJS.ErrnoException])[0].code).toBe('ECONNRESET');
    await stop();
  });

  test.each([0, 10, 8 << 20])('closes in whatever stage of its end the socket is (%i bytes queued)', async (size) => {
    for (const later of [(go: () => void) => go(), process.nextTick, setImmediate, (go: () => void) => setTimeout(go, 20)]) {
      const { near, far, stop } = await pair(TCP);
      near.on('error', (error: NodeJS.ErrnoException) => expect(error.code).not.toBe('EINVAL'));
      if (size > 0) near.write(Buffer.alloc(size));
      const closed = once(near, 'close');
      near.end();
      later(() => resetStream(near));
      far.pause();
      await closed;
      await stop();
    }
  });

  test('is a close where there is no reset', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'tl-'));
    const { near, far, stop } = await pair({ path: join(dir, 's') });
    const ended = once(far, 'end');
    far.resume();
    resetStream(near);
    await ended;
    await stop();
    rmSync(dir, { recursive: true });
    const [stream] = duplexPair();
    const closed = once(stream, 'close');
    resetStream(stream);
    await closed;
  });
});
