/** Requests as a newcomer would make them with curl, over a connection that can be kept. */
import { Agent, get, type IncomingMessage } from 'node:http';

/** Milliseconds until a request is given up. */
const LIMIT = 10_000;

export interface Fetched {
  readonly body: Buffer;
  readonly headers: IncomingMessage['headers'];
  /** This machine's port of the connection it came over: the same port is the same connection. */
  readonly localPort: number;
}

export const keepingAgent = (): Agent => new Agent({ keepAlive: true, maxSockets: 1 });

export function fetchOver(url: string, agent: Agent | false): Promise<Fetched> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent, timeout: LIMIT }, (response) => {
      const chunks: Buffer[] = [];
      const localPort = response.socket.localPort ?? 0;
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve({ body: Buffer.concat(chunks), headers: response.headers, localPort }));
      response.on('error', reject);
    });
    request.on('timeout', () => request.destroy(new Error(`no answer from ${url} within ${LIMIT / 1000}s`)));
    request.on('error', reject);
  });
}
