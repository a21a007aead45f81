import { afterEach, describe, expect, test } from 'vitest';
import { type FaultProxy, startFaultProxy } from '../helpers/fault-proxy.ts';
import {
  bytes,
  collect,
  dial,
  download,
  exchange,
  hashOf,
  type Service,
  startEcho,
  startSink,
  startSource,
  upload,
} from '../helpers/services.ts';
import { sleep, until } from '../helpers/wait.ts';

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

const keep = <T extends { stop(): Promise<void> }>(thing: T): T => {
  stops.push(() => thing.stop());
  return thing;
};

async function echoBehindProxy(): Promise<{ echo: Service; proxy: FaultProxy }> {
  const echo = keep(await startEcho());
  return { echo, proxy: keep(await startFaultProxy(echo.port)) };
}

describe('services', () => {
  test('a sink and a source agree with hashOf', async () => {
    const [sink, source] = [keep(await startSink()), keep(await startSource())];
    const size = 3 * 1024 * 1024 + 17;
    expect(await upload(sink.port, size)).toEqual({ bytes: size, sha256: hashOf(size) });
    expect(await download(source.port, size)).toEqual({ bytes: size, sha256: hashOf(size) });
  });
});

describe('fault proxy', () => {
  test('carries bytes both ways, and half-close', async () => {
    const { proxy } = await echoBehindProxy();
    const payload = bytes(1_000_003);
    expect((await exchange(proxy.port, payload)).equals(payload)).toBe(true);
    expect(proxy.carried).toEqual({ up: payload.length, down: payload.length });
    await until(() => proxy.open === 0, { what: 'the proxy to forget the connection' });
  });

  test('is late by its latency, each way', async () => {
    const { proxy } = await echoBehindProxy();
    proxy.faults.latencyMs = 60;
    const from = performance.now();
    await exchange(proxy.port, 'x');
    expect(performance.now() - from).toBeGreaterThanOrEqual(119);
  });

  test('keeps to its bandwidth', async () => {
    const { proxy } = await echoBehindProxy();
    proxy.faults.bytesPerSecond = 200_000;
    const from = performance.now();
    await exchange(proxy.port, bytes(60_000));
    const took = performance.now() - from;
    expect(took).toBeGreaterThan(250);
    expect(took).toBeLessThan(1_500);
  });

  test.each(['up', 'down', 'both'] as const)(
    'a black hole %s swallows nothing for good: what was sent arrives once healed',
    async (blackHole) => {
      const { proxy } = await echoBehindProxy();
      const socket = await dial(proxy.port);
      const answer = collect(socket);
      proxy.faults.blackHole = blackHole;
      socket.end('hello');
      await sleep(50);
      expect(proxy.carried.down).toBe(0);
      proxy.heal();
      expect((await answer).toString()).toBe('hello');
      socket.destroy();
    },
  );

  test('slices writes', async () => {
    const { proxy } = await echoBehindProxy();
    proxy.faults.sliceBytes = 1;
    expect((await exchange(proxy.port, 'sliced')).toString()).toBe('sliced');
  });

  test('cuts at the n-th byte', async () => {
    const { proxy } = await echoBehindProxy();
    proxy.faults.cutAfterBytes = 10;
    await expect(exchange(proxy.port, bytes(64))).rejects.toThrow();
    expect(proxy.carried.up + proxy.carried.down).toBe(10);
  });

  test('resets what is open, refuses while it does not listen, and takes the same port again', async () => {
    const { proxy } = await echoBehindProxy();
    const { port } = proxy;
    const socket = await dial(port);
    await until(() => proxy.open === 1, { what: 'the proxy to have the connection' });
    const gone = collect(socket);
    gone.catch(() => undefined);
    await proxy.unlisten();
    await expect(gone).rejects.toThrow();
    await expect(dial(port)).rejects.toThrow('ECONNREFUSED');
    await proxy.listen();
    expect(proxy.port).toBe(port);
    expect((await exchange(port, 'again')).toString()).toBe('again');
  });
});
