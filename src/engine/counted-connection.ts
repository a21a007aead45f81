/** A connection that knows how many of its channels are open, so that it can end when the last one has. */
import type { Duplex } from 'node:stream';
import type { Connection, RemoteClient } from '../ssh/connection.ts';
import type { Clock } from './clock.ts';

export interface CountedConnection extends Connection {
  /** Ends the connection once no channel is open, or after `limitMs`. */
  retire(limitMs: number): Promise<void>;
}

export function countChannels(connection: Connection, clock: Clock): CountedConnection {
  let open = 0;
  let whenIdle: (() => void) | null = null;
  let timer: unknown;
  const counted = (channel: Duplex): Duplex => {
    open += 1;
    channel.once('close', () => {
      open -= 1;
      if (open === 0) whenIdle?.();
    });
    return channel;
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
      if (open === 0 || limitMs <= 0) resolve();
      else timer = clock.setTimeout(resolve, limitMs);
    });
  return {
    get serverVersion() {
      return connection.serverVersion;
    },
    get remoteAddress() {
      return connection.remoteAddress;
    },
    closed: connection.closed,
    dial: async (target, options) => counted(await connection.dial(target, options)),
    listen: (at, onClient) => connection.listen(at, (client) => onClient(countAccepted(client))),
    exec: (command) => connection.exec(command),
    ping: (timeoutMs) => connection.ping(timeoutMs),
    setKeepalive: (keepalive) => connection.setKeepalive(keepalive),
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
