/** A stand-in for the git-server of the guide: HTTP, says who it is, and has something to download. */
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface GitService {
  readonly name: string;
  /** On 127.0.0.1 of this machine: only the embedded servers know under which name it is reached. */
  readonly port: number;
  stop(): Promise<void>;
}

/** Bytes that no compression and no luck could make right. */
function pack(name: string): Buffer {
  const blocks: Buffer[] = [];
  for (let index = 0; index < 32_768; index += 1) blocks.push(createHash('sha256').update(`${name} ${index}`).digest());
  return Buffer.concat(blocks);
}

export const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

export async function startGitService(name: string): Promise<GitService> {
  let content: Buffer | null = null;
  const server = createServer((request, response) => {
    if (request.url === '/shop.git/pack') {
      content ??= pack(name);
      response.writeHead(200, { 'content-type': 'application/octet-stream', 'x-sha256': sha256(content) });
      response.end(content);
    } else {
      response.writeHead(200, { 'content-type': 'text/plain' });
      response.end(`${name}: 1 repository, shop.git\n`);
    }
  });
  // The demo keeps a connection open over a reload: it must not be this server that closes it.
  server.keepAliveTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    name,
    port: (server.address() as AddressInfo).port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
