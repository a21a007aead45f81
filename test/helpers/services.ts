/** The services at the far end of a tunnel: small, known answers, and byte-exact. */
import { createCipheriv, createHash } from 'node:crypto';
import { createServer as createHttpServer } from 'node:http';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { PassThrough, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { resetStream } from '../../src/forward/reset-stream.ts';
import { until, within } from './wait.ts';

export { startGitDaemon } from './git-daemon.ts';
export { startRedis } from './redis.ts';

/** Default: a free port on 127.0.0.1. */
export interface At {
  readonly host?: string;
  readonly port?: number;
  /** A unix socket instead. */
  readonly path?: string;
}

export interface Service {
  readonly host: string;
  /** 0 for a unix socket. */
  readonly port: number;
  readonly path: string | null;
  /** Connections accepted so far, and open now. */
  readonly accepted: number;
  readonly open: number;
  /** The source addresses of the connections, in order. */
  readonly sources: readonly string[];
  /** Ends open connections with a reset and stops listening. */
  stop(): Promise<void>;
}

const live = new Set<Service>();

/** Services of this process that have not been stopped. */
export const liveServices = (): Service[] => [...live];

async function serve(server: Server, at: At): Promise<Service> {
  const sockets = new Set<Socket>();
  const sources: string[] = [];
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    sources.push(socket.remoteAddress ?? '');
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
  });
  const host = at.host ?? '127.0.0.1';
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(at.path === undefined ? { host, port: at.port ?? 0 } : { path: at.path }, resolve);
  });
  const address = server.address();
  const service: Service = {
    host,
    port: typeof address === 'object' && address !== null ? address.port : 0,
    path: at.path ?? null,
    get accepted() {
      return sources.length;
    },
    get open() {
      return sockets.size;
    },
    sources,
    stop: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) resetStream(socket);
      await within(closed, { what: `the service on ${at.path ?? host} to close` });
      live.delete(service);
    },
  };
  live.add(service);
  return service;
}

/** Sends everything back; ends its half only when the other half has ended. */
export const startEcho = (at: At = {}): Promise<Service> =>
  serve(
    createServer({ allowHalfOpen: true, noDelay: true }, (socket) => socket.pipe(socket)),
    at,
  );

/** Accepts, never reads, never answers: a reader that stalls. */
export const startStalled = (at: At = {}): Promise<Service> => serve(createServer({ allowHalfOpen: true, pauseOnConnect: true }), at);

/** Reads to the end of the client's half, then answers `SHA256 LENGTH\n` and ends. */
export const startSink = (at: At = {}): Promise<Service> =>
  serve(
    createServer({ allowHalfOpen: true }, (socket) => {
      const hash = createHash('sha256');
      let bytes = 0;
      socket.on('data', (chunk) => {
        hash.update(chunk);
        bytes += chunk.length;
      });
      socket.once('end', () => socket.end(`${hash.digest('hex')} ${bytes}\n`));
    }),
    at,
  );

/** Sends `bytes(n)` to whoever sends the line `n`, or to everyone at once where `bytes` is given; then ends. */
export const startSource = (at: At & { readonly bytes?: number } = {}): Promise<Service> =>
  serve(
    createServer({ allowHalfOpen: true }, (socket) => {
      const send = (count: number): void => void pipeline(byteStream(count), socket).catch(() => socket.destroy());
      if (at.bytes !== undefined) {
        socket.resume();
        send(at.bytes);
        return;
      }
      let line = '';
      socket.setEncoding('latin1').on('data', (chunk) => {
        const before = line.includes('\n');
        line += String(chunk);
        if (!before && line.includes('\n')) send(Number.parseInt(line, 10));
      });
    }),
    at,
  );

/** What the web server answers to `/`. */
export const PAGE = '<!doctype html><title>web-server</title><p>Hello from the far end of the tunnel.</p>\n';

/** `/` is PAGE, `/slow` takes 300 ms, `/source` tells the client's address, `/bytes/N` has N bytes, `/status/N` that status; the rest 404. */
export const startWww = (at: At & { readonly page?: string } = {}): Promise<Service> => {
  const server = createHttpServer((request, response) => {
    const url = request.url ?? '/';
    const [, kind = '', argument = ''] = url.split('/');
    response.setHeader('content-type', 'text/html; charset=utf-8');
    if (url === '/') response.end(at.page ?? PAGE);
    else if (url === '/slow') setTimeout(() => response.end(at.page ?? PAGE), 300);
    else if (url === '/source') response.end(request.socket.remoteAddress);
    else if (kind === 'bytes') byteStream(Number(argument)).pipe(response);
    else if (kind === 'status') response.writeHead(Number(argument)).end();
    else response.writeHead(404).end('not found\n');
  });
  // A kept-alive connection would outlive the test that made it.
  server.keepAliveTimeout = 1;
  return serve(server, at);
};

/** A mail server's manners: greets first, then answers lines with the tag they came with, as IMAP (RFC 3501) does. */
export const startMail = (at: At = {}): Promise<Service> =>
  serve(
    createServer({ noDelay: true }, (socket) => {
      socket.write('* OK mail-server ready\r\n');
      let rest = '';
      socket.setEncoding('utf8').on('data', (chunk) => {
        const lines = (rest + String(chunk)).split('\r\n');
        rest = lines.pop() ?? '';
        for (const line of lines) {
          const [tag = '*', verb = ''] = line.split(' ');
          if (/^LOGOUT$/i.test(verb)) socket.end(`* BYE\r\n${tag} OK LOGOUT\r\n`);
          else if (/^(NOOP|LOGIN|SELECT)$/i.test(verb)) socket.write(`${tag} OK ${verb.toUpperCase()}\r\n`);
          else socket.write(`${tag} BAD unknown command\r\n`);
        }
      });
    }),
    at,
  );

/** The same bytes every time, without a period: AES-CTR over zeros. */
export function byteStream(count: number): Readable {
  const out = new PassThrough({ highWaterMark: 256 * 1024 });
  void (async () => {
    const cipher = keystream();
    let wake = (): void => undefined;
    for (const event of ['drain', 'close']) out.on(event, () => wake());
    const zeros = Buffer.alloc(64 * 1024);
    for (let left = count; left > 0 && !out.destroyed; left -= zeros.length) {
      const chunk = cipher.update(left < zeros.length ? zeros.subarray(0, left) : zeros);
      if (!out.write(chunk)) await new Promise<void>((resolve) => (wake = resolve));
    }
    out.end();
  })();
  return out;
}

const keystream = () => createCipheriv('aes-128-ctr', Buffer.alloc(16, 7), Buffer.alloc(16, 9));

/** The first `count` of the same bytes at once. */
export const bytes = (count: number): Buffer => keystream().update(Buffer.alloc(count));

/** Of `byteStream(count)`, in hex. */
export function hashOf(count: number): string {
  const hash = createHash('sha256');
  const cipher = keystream();
  const zeros = Buffer.alloc(Math.min(count, 1024 * 1024));
  for (let left = count; left > 0; left -= zeros.length) hash.update(cipher.update(left < zeros.length ? zeros.subarray(0, left) : zeros));
  return hash.digest('hex');
}

/** Where a client goes: a port on 127.0.0.1, `{host, port}` or `{path}`. */
export type Target = number | { readonly host?: string; readonly port: number } | { readonly path: string };

/** A connected socket with allowHalfOpen; rejects where the connection is refused. */
export function dial(target: Target, ms = 10_000): Promise<Socket> {
  const where = typeof target === 'number' ? { host: '127.0.0.1', port: target } : { host: '127.0.0.1', ...target };
  const socket = connect({ ...where, allowHalfOpen: true, noDelay: true });
  const connected = new Promise<Socket>((resolve, reject) => {
    socket.once('connect', () => resolve(socket));
    socket.once('error', reject);
  });
  return within(connected, { what: `a connection to ${JSON.stringify(target)}`, ms }).catch((error: unknown) => {
    socket.destroy();
    throw error;
  });
}

/** Sends all of `payload`, ends this half, and gives everything that came back. */
export async function exchange(target: Target, payload: string | Buffer, ms = 20_000): Promise<Buffer> {
  const socket = await dial(target, ms);
  const collected = collect(socket);
  socket.end(payload);
  return within(collected, { what: `the answer of ${JSON.stringify(target)}`, ms }).finally(() => socket.destroy());
}

/** Everything the socket gives until the other side ends; rejects on a reset. */
export function collect(socket: Readable): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.once('end', () => resolve(Buffer.concat(chunks)));
    socket.once('error', reject);
    socket.once('close', () => reject(new Error(`closed without an end, after ${Buffer.concat(chunks).length} bytes`)));
  });
}

export interface Transferred {
  readonly bytes: number;
  /** SHA-256 in hex, to be compared with `hashOf(bytes)`. */
  readonly sha256: string;
}

/** Uploads `byteStream(count)` to a sink through `target`; gives what the sink says it got. */
export async function upload(target: Target, count: number, ms = 60_000): Promise<Transferred> {
  const socket = await dial(target, ms);
  const answer = collect(socket);
  answer.catch(() => undefined);
  try {
    byteStream(count).pipe(socket);
    const [sha256 = '', length = ''] = (await within(answer, { what: `the sink behind ${JSON.stringify(target)}`, ms }))
      .toString()
      .trim()
      .split(' ');
    return { sha256, bytes: Number(length) };
  } finally {
    socket.destroy();
  }
}

/** Downloads `count` bytes from a source (without `bytes` of its own) through `target`. */
export async function download(target: Target, count: number, ms = 60_000): Promise<Transferred> {
  const socket = await dial(target, ms);
  const hash = createHash('sha256');
  let length = 0;
  const ended = new Promise<void>((resolve, reject) => {
    socket.on('data', (chunk) => {
      hash.update(chunk);
      length += chunk.length;
    });
    socket.once('end', resolve);
    socket.once('error', reject);
  });
  try {
    socket.write(`${count}\n`);
    await within(ended, { what: `the source behind ${JSON.stringify(target)}`, ms });
    return { sha256: hash.digest('hex'), bytes: length };
  } finally {
    socket.destroy();
  }
}

/** Waits until something accepts connections there. */
export const untilListening = (target: Target, ms = 10_000): Promise<unknown> =>
  until(
    () =>
      dial(target, 1_000).then(
        (socket) => socket.destroy(),
        () => false,
      ),
    { what: `a listener on ${JSON.stringify(target)}`, ms, every: 25 },
  );
