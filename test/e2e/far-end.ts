/** What is at the far end of a channel, ended after the test. */
import { createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { remove, scratch } from '../helpers/scratch.ts';
import { within } from '../helpers/wait.ts';
import { afterwards } from './ssh-connecting.ts';

export const MIB = 1 << 20;

export function folder(): string {
  const dir = scratch('sock');
  afterwards(() => remove(dir));
  return dir;
}

/** A service of the test's own, which is given each connection. */
export async function serve(onSocket: (socket: Socket) => void): Promise<{ port: number; server: Server }> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket.on('error', () => {}));
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  afterwards(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  return { port: typeof address === 'object' && address ? address.port : 0, server };
}

export const started = async <T extends { stop(): Promise<void> }>(promise: Promise<T>): Promise<T> => {
  const service = await promise;
  afterwards(() => service.stop());
  return service;
};

export const closed = (stream: Duplex): Promise<unknown> =>
  within(new Promise((resolve) => (stream.closed ? resolve(null) : stream.once('close', resolve))), { what: 'the stream to close' });
