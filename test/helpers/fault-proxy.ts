/** A TCP proxy that misbehaves on request, while connections are open (the faults toxiproxy has). */
import { connect, createServer, type Socket } from 'node:net';
import { resetStream } from '../../src/forward/reset-stream.ts';
import type { Target } from './services.ts';
import { within } from './wait.ts';

/** `up` is from the client to the server, `down` is back. */
export type Direction = 'up' | 'down';

export interface Faults {
  /** Milliseconds that every byte is late, each way; the order is kept. 0 is off. */
  latencyMs: number;
  /** Bytes a second, each way and each connection. Infinity is off. */
  bytesPerSecond: number;
  /** Bytes go nowhere and nobody is told, as behind a firewall that forgot the connection. */
  blackHole: 'none' | 'both' | Direction;
  /** At most this many bytes in one write. Infinity is off. */
  sliceBytes: number;
  /** Resets the connection when this many bytes went `up` and `down` together. Infinity is off. */
  cutAfterBytes: number;
  /** What becomes of new connections: taken, reset, or (as with a black hole) taken and never served. */
  accept: 'yes' | 'reset' | 'hang';
}

export interface FaultProxy {
  readonly host: string;
  readonly port: number;
  /** Change these at any time; what is under way is held to them from then on. */
  readonly faults: Faults;
  readonly open: number;
  readonly accepted: number;
  readonly carried: Readonly<Record<Direction, number>>;
  /** Resets every open connection, and gives how many there were. */
  reset(): number;
  /** Stops listening (new clients are refused) and resets what is open; `listen` takes the same port again. */
  unlisten(): Promise<void>;
  listen(): Promise<void>;
  /** Sends new connections elsewhere. */
  retarget(target: Target): void;
  /** Removes all faults. */
  heal(): void;
  stop(): Promise<void>;
}

const healthy = (): Faults => ({
  latencyMs: 0,
  bytesPerSecond: Number.POSITIVE_INFINITY,
  blackHole: 'none',
  sliceBytes: Number.POSITIVE_INFINITY,
  cutAfterBytes: Number.POSITIVE_INFINITY,
  accept: 'yes',
});

const live = new Set<FaultProxy>();
/** Proxies of this process that have not been stopped. */
export const liveProxies = (): FaultProxy[] => [...live];

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  carried: number;
}

/** How much may wait in the proxy for one direction of one connection before its source is paused. */
const HELD_BYTES = 4 * 1024 * 1024;
/** How often a hole is looked at again. */
const HOLE_MS = 5;

export async function startFaultProxy(
  target: Target,
  options: { readonly port?: number; readonly host?: string } = {},
): Promise<FaultProxy> {
  const host = options.host ?? '127.0.0.1';
  const faults = healthy();
  const pairs = new Set<Pair>();
  const hung = new Set<Socket>();
  const carried = { up: 0, down: 0 };
  let accepted = 0;
  let goal = target;
  let port = options.port ?? 0;

  const cut = (pair: Pair): void => {
    // Node keeps the handle of a socket that it is asked to reset while it shuts down.
    for (const socket of [pair.client, pair.server]) resetStream(socket);
    pairs.delete(pair);
  };

  /** Carries one direction; every chunk has a time before which it must not leave. */
  const carry = (pair: Pair, direction: Direction): void => {
    const [from, to] = direction === 'up' ? [pair.client, pair.server] : [pair.server, pair.client];
    const queue: { readonly data: Buffer | null; readonly at: number }[] = [];
    let held = 0;
    let lineFreeAt = 0;
    let timer: NodeJS.Timeout | null = null;
    const later = (ms: number): void => {
      timer ??= setTimeout(() => {
        timer = null;
        pump();
      }, ms);
    };
    const pump = (): void => {
      for (let next = queue[0]; next !== undefined; next = queue[0]) {
        if (!pairs.has(pair)) return;
        if (faults.blackHole === 'both' || faults.blackHole === direction) return later(HOLE_MS);
        const now = performance.now();
        const at = Math.max(next.at, lineFreeAt);
        if (at > now) return later(at - now);
        queue.shift();
        if (next.data === null) {
          to.end();
          continue;
        }
        if (pair.carried + next.data.length > faults.cutAfterBytes) {
          // The last bytes that are allowed have to be with the kernel before the reset, or it takes them back.
          const rest = next.data.subarray(0, Math.max(0, faults.cutAfterBytes - pair.carried));
          carried[direction] += rest.length;
          to.write(rest, () => cut(pair));
          pairs.delete(pair);
          return;
        }
        pair.carried += next.data.length;
        carried[direction] += next.data.length;
        held -= next.data.length;
        lineFreeAt = Number.isFinite(faults.bytesPerSecond) ? now + (next.data.length / faults.bytesPerSecond) * 1000 : 0;
        if (!to.write(next.data)) from.pause();
        if (held < HELD_BYTES && to.writableLength < HELD_BYTES) from.resume();
      }
    };
    from.on('data', (chunk: Buffer) => {
      const at = performance.now() + faults.latencyMs;
      // Under a bandwidth limit large chunks would come in bursts.
      const slice = Math.min(faults.sliceBytes, Number.isFinite(faults.bytesPerSecond) ? 4096 : chunk.length);
      for (let offset = 0; offset < chunk.length; offset += slice) queue.push({ data: chunk.subarray(offset, offset + slice), at });
      held += chunk.length;
      if (held >= HELD_BYTES) from.pause();
      pump();
    });
    from.once('end', () => {
      queue.push({ data: null, at: performance.now() + faults.latencyMs });
      pump();
    });
    to.on('drain', () => {
      if (held < HELD_BYTES) from.resume();
    });
    from.once('close', () => {
      if (timer !== null && queue.length === 0) clearTimeout(timer);
    });
  };

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    accepted += 1;
    client.on('error', () => undefined);
    if (faults.accept === 'reset') {
      resetStream(client);
      return;
    }
    if (faults.accept === 'hang') {
      hung.add(client);
      client.once('close', () => hung.delete(client));
      client.resume();
      return;
    }
    const where = typeof goal === 'number' ? { host: '127.0.0.1', port: goal } : { host: '127.0.0.1', ...goal };
    const pair: Pair = { client, server: connect({ ...where, allowHalfOpen: true, noDelay: true }), carried: 0 };
    pairs.add(pair);
    // Whatever happens to one side happens to the other, unless the proxy plays dead.
    for (const socket of [pair.client, pair.server]) {
      socket.on('error', () => {
        if (faults.blackHole !== 'both') cut(pair);
      });
      socket.once('close', () => {
        if (pair.client.destroyed && pair.server.destroyed) pairs.delete(pair);
      });
    }
    carry(pair, 'up');
    carry(pair, 'down');
  });

  const listen = (): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port }, () => {
        server.off('error', reject);
        const address = server.address();
        if (typeof address === 'object' && address !== null) port = address.port;
        resolve();
      });
    });
  const reset = (): number => {
    const count = pairs.size + hung.size;
    for (const pair of [...pairs]) cut(pair);
    for (const socket of hung) resetStream(socket);
    return count;
  };
  const unlisten = async (): Promise<void> => {
    if (!server.listening) {
      reset();
      return;
    }
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    reset();
    await within(closed, { what: 'the fault proxy to close' });
  };

  await listen();
  const proxy: FaultProxy = {
    host,
    get port() {
      return port;
    },
    faults,
    get open() {
      return pairs.size;
    },
    get accepted() {
      return accepted;
    },
    carried,
    reset,
    unlisten,
    listen,
    retarget: (to) => {
      goal = to;
    },
    heal: () => {
      Object.assign(faults, healthy());
    },
    stop: async () => {
      await unlisten();
      live.delete(proxy);
    },
  };
  live.add(proxy);
  return proxy;
}
