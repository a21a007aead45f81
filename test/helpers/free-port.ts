/** Ports for servers that have to be told one. */
import { createServer } from 'node:net';

// Below those that the system gives to outgoing connections: one of these, on the port that was just found free, would be in the way of a server.
const FIRST = 12_000;
const LAST = 31_999;

const given = new Set<number>();

/**
 * A port that nobody listens on at `host`, and no other call in this process was given; at random, for other processes look too. Somebody else can take
 * it before it is used: whoever starts a server with it must be ready to try again.
 */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  for (let tried = 0; tried <= LAST - FIRST; tried += 1) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST + 1));
    if (given.has(port)) continue;
    given.add(port);
    if (await isFree(port, host)) return port;
  }
  throw new Error(`there is no free port from ${FIRST} to ${LAST}`);
}

const isFree = (port: number, host: string): Promise<boolean> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' ? resolve(false) : reject(error)));
    server.listen({ host, port }, () => server.close(() => resolve(true)));
  });
