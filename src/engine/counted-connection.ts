/** A connection that knows its open channels, so that it can end when the last one has, and be compared with others. */
import type { Duplex } from 'node:stream';
import { Bag, type BagEntry } from '../core/bag.ts';
import type { Load } from '../core/connection-pool.ts';
import type { Connection, RemoteClient } from '../ssh/connection.ts';
import type { Clock } from './clock.ts';

export interface CountedConnection extends Connection {
  /** Open ones, of either direction. */
  channels(): ReadonlySet<Duplex>;
  /** Once it is lost: how many channels went with it. They may have closed by themselves by the time its end is told. */
  readonly lostChannels: number;
  /** How long it has had no channel, in milliseconds; null where it has one, or had until now. */
  readonly unusedMs: number | null;
  readonly load: Load;
  /**
   * Ends the connection once no channel is open, none is being opened, no command runs, no listener is being closed and the server has
   * handed on the last bytes, or after `limitMs`, which may be infinite.
   */
  retire(limitMs: number): Promise<void>;
}

/** `queuedBytes` is asked for what its transport has not taken yet. */
export function countChannels(connection: Connection, clock: Clock, queuedBytes: () => number): CountedConnection {
  const open = new Bag<Duplex>();
  let opening = 0;
  let closedThisTurn = 0;
  let unusedSince = clock.now();
  /** More than once for some streams. */
  const onClose = (channel: BagEntry<Duplex>): void => {
    if (!open.delete(channel)) return;
    unusedSince = clock.now();
    if (closedThisTurn === 0) setImmediate(() => (closedThisTurn = 0));
    closedThisTurn += 1;
    settle();
  };
  let whenIdle: (() => void) | null = null;
  /** Requests that have not been answered, and commands that run. */
  let working = 0;
  const isIdle = (): boolean => open.size === 0 && working === 0;
  /** A turn later: what has just ended may be followed by the next thing, as the removal of a socket file by the end of its listener. */
  const settle = (): void => {
    const waits = whenIdle;
    if (waits) setImmediate(() => void connection.flushed().then(() => isIdle() && waits()));
  };
  const during = async <T>(work: Promise<T>): Promise<T> => {
    working += 1;
    try {
      return await work;
    } finally {
      working -= 1;
      settle();
    }
  };
  let timer: unknown;
  const counted = (channel: Duplex): Duplex => {
    const entry = open.add(channel);
    channel.on('close', () => onClose(entry));
    return channel;
  };
  const answered = (): void => {
    opening -= 1;
    working -= 1;
    settle();
  };
  const opened = (channel: Duplex): Duplex => {
    counted(channel);
    answered();
    return channel;
  };
  const refused = (error: unknown): never => {
    answered();
    throw error;
  };
  const dial: Connection['dial'] = (target, options) => {
    opening += 1;
    working += 1;
    return connection.dial(target, options).then(opened, refused);
  };
  const countAccepted = (client: RemoteClient): RemoteClient => ({
    origin: client.origin,
    destination: client.destination,
    accept: () => counted(client.accept()),
    refuse: () => client.refuse(),
  });
  const idle = (limitMs: number): Promise<void> =>
    new Promise((resolve) => {
      whenIdle = resolve;
      clock.clearTimeout(timer);
      if (limitMs <= 0) return resolve();
      settle();
      if (limitMs < Number.POSITIVE_INFINITY) timer = clock.setTimeout(resolve, limitMs);
    });
  return {
    get serverVersion() {
      return connection.serverVersion;
    },
    get remoteAddress() {
      return connection.remoteAddress;
    },
    closed: connection.closed,
    channels: () => new Set(open.values()),
    get lostChannels() {
      return open.size + closedThisTurn;
    },
    get unusedMs() {
      return open.size + opening + closedThisTurn > 0 ? null : clock.now() - unusedSince;
    },
    get load() {
      return { channels: open.size + opening, queuedBytes: queuedBytes() };
    },
    dial,
    listen: async (at, onClient) => {
      const listener = await during(connection.listen(at, (client) => onClient(countAccepted(client))));
      return { bound: listener.bound, close: () => during(listener.close()) };
    },
    exec: async (command) => {
      const process = await during(connection.exec(command));
      void during(process.exit);
      return process;
    },
    ping: (timeoutMs) => connection.ping(timeoutMs),
    setKeepalive: (keepalive) => connection.setKeepalive(keepalive),
    doubt: () => connection.doubt(),
    flushed: () => connection.flushed(),
    end: (timeoutMs) => connection.end(timeoutMs),
    retire: async (limitMs) => {
      const previous = whenIdle;
      await Promise.race([idle(limitMs), connection.closed]);
      previous?.();
      clock.clearTimeout(timer);
      await connection.end();
    },
  };
}
