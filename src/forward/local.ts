/** Listening on this machine: the ingress of `local` and `dynamic`. */
import { createServer, type Server, type Socket } from 'node:net';
import { isLoopback, tcp, type Address, type TcpAddress } from '../core/address.ts';
import { FailureError } from '../core/failure.ts';
import { bindFailure } from './bind-failure.ts';
import type { Client, Listener, OnClient } from './client.ts';
import { resetStream } from './reset-stream.ts';
import { listenOnSocketFile } from './socket-file.ts';

export { dialHere } from './dial-here.ts';

export interface ListenOptions {
  /** Permission bits of a unix socket, 0 to 0o777. */
  readonly socketMode: number;
  /** A busy port: fail; `wait`: fail with a retry in a second; `next`: the next free port up, of at most 100. */
  readonly onConflict: 'fail' | 'wait' | 'next';
  readonly onClient: OnClient;
  readonly signal: AbortSignal;
}

/** Clients the kernel holds for us until we take them; it caps this at net.core.somaxconn. */
const BACKLOG = 4096;
/** How often port 0 is tried again where the port got for 127.0.0.1 is taken on ::1. */
const PAIR_TRIES = 20;
const NEXT_TRIES = 100;
const WAIT_MS = 1_000;

/**
 * Binds an ingress on this machine. `localhost` is 127.0.0.1 and ::1 both where both exist, on one port; `*` is every interface.
 * Rejects with `bind-in-use` (naming the holder where it can be found out) or `bind-denied`.
 */
export async function listenHere(address: Address, options: ListenOptions): Promise<Listener> {
  const { onConflict } = options;
  const conflict = { onConflict, retryAfterMs: onConflict === 'wait' ? WAIT_MS : undefined };
  if (address.kind === 'unix') {
    const server = newServer(options, false);
    await listenOnSocketFile(server, address.path, options.socketMode).catch(async (error: unknown) => {
      throw await bindFailure(address, error, conflict);
    });
    return finish([server], address, options.signal);
  }
  const last = onConflict === 'next' && address.port > 0 ? Math.min(address.port + NEXT_TRIES, 65535) : address.port;
  for (let port = address.port; ; port += 1) {
    const at = tcp(address.host, port);
    try {
      const { servers, port: got } = await bindAll(at, options);
      return finish(servers, tcp(reported(at.host), got), options.signal);
    } catch (error) {
      if (codeOf(error) === 'EADDRINUSE' && port < last) continue;
      throw await bindFailure(address, error, conflict);
    }
  }
}

/** What `ps` shows for a name that stands for several addresses. */
const reported = (host: string): string => (host === 'localhost' ? '127.0.0.1' : host === '*' ? '0.0.0.0' : host);

function finish(servers: readonly Server[], bound: Address, signal: AbortSignal): Listener {
  const closeAll = (): void => {
    // close() frees the port at once; its callback only comes when the last connection is over, which is not waited for.
    for (const server of servers) if (server.listening) server.close();
  };
  if (signal.aborted) {
    closeAll();
    throw new FailureError({ code: 'connection-lost', message: 'listening was stopped' });
  }
  // Accepting may fail (out of file descriptors): that client is lost, the listener is not.
  for (const server of servers) server.on('error', () => {});
  return { bound, close: async () => closeAll() };
}

async function bindAll(at: TcpAddress, options: ListenOptions): Promise<{ servers: Server[]; port: number }> {
  if (at.host === 'localhost') return bindLoopbacks(at.port, options);
  const server = newServer(options, !isLoopback(at.host));
  if (at.host !== '*') return { servers: [server], port: await listen(server, at.host, at.port) };
  try {
    return { servers: [server], port: await listen(server, '::', at.port) };
  } catch (error) {
    if (!isNoSuchAddress(error)) throw error;
    const v4 = newServer(options, true);
    return { servers: [v4], port: await listen(v4, '0.0.0.0', at.port) };
  }
}

async function bindLoopbacks(port: number, options: ListenOptions): Promise<{ servers: Server[]; port: number }> {
  for (let attempt = 1; ; attempt += 1) {
    const v4 = newServer(options, false);
    const v6 = newServer(options, false);
    let got: number;
    try {
      got = await listen(v4, '127.0.0.1', port);
    } catch (error) {
      if (!isNoSuchAddress(error)) throw error;
      return { servers: [v6], port: await listen(v6, '::1', port) };
    }
    try {
      await listen(v6, '::1', got);
      return { servers: [v4, v6], port: got };
    } catch (error) {
      if (isNoSuchAddress(error)) return { servers: [v4], port: got };
      v4.close();
      if (port === 0 && codeOf(error) === 'EADDRINUSE' && attempt < PAIR_TRIES) continue;
      throw error;
    }
  }
}

function newServer(options: ListenOptions, keepAlive: boolean): Server {
  // pauseOnConnect: a parked client's bytes stay in the kernel, so the sender is held back and we hold nothing.
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true, keepAlive, keepAliveInitialDelay: 60_000 });
  server.on('connection', (socket) => options.onClient(clientOf(socket)));
  return server;
}

/** A client may go away while it is parked: that is not an error of ours. */
const ignore = (): void => undefined;

function clientOf(socket: Socket): Client {
  socket.on('error', ignore);
  const { remoteAddress, remotePort } = socket;
  return {
    origin: remoteAddress === undefined ? null : { address: plainAddress(remoteAddress), port: remotePort ?? 0 },
    accept: () => socket,
    refuse: () => resetStream(socket),
  };
}

/** What is IPv4 in IPv6 is written as the former. */
const plainAddress = (address: string): string => (address.startsWith('::ffff:') ? address.replace(/^::ffff:(?=\d+\.)/, '') : address);

const listen = (server: Server, host: string, port: number): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, backlog: BACKLOG, ipv6Only: host === '::1' }, () => {
      server.off('error', reject);
      const bound = server.address();
      resolve(typeof bound === 'object' && bound !== null ? bound.port : port);
    });
  });

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;
const isNoSuchAddress = (error: unknown): boolean => ['EADDRNOTAVAIL', 'EAFNOSUPPORT'].includes(codeOf(error) ?? '');
