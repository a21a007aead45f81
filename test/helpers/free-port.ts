/** Ports nobody listens on, for the servers that cannot be asked for port 0. */
import { createServer } from 'node:net';

/** Given out by this process: the system may well give the same port twice before it is used. */
const given = new Set<number>();

/** Somebody else can take the port before it is used: whoever starts a server with it must be ready to try again. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  for (;;) {
    const port = await allocated(host);
    if (given.has(port)) continue;
    given.add(port);
    return port;
  }
}

function allocated(host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ host, port: 0 }, () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
