/** The server's side of HTTP CONNECT (RFC 9110 §9.3.6) over any stream. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { parseAddress, type TcpAddress } from '../core/address.ts';
import { failure, isFailureError, type Failure } from '../core/failure.ts';
import { canonicalHost } from './canonical-host.ts';
import { endWith } from './last-words.ts';
import type { Negotiated, Negotiation } from './negotiation.ts';

type Asked = { readonly target: TcpAddress } | { readonly status: number; readonly why: string };

const REASONS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  403: 'Forbidden',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  502: 'Bad Gateway',
  504: 'Gateway Timeout',
};

export async function serveHttpConnect(stream: Duplex, { connect, signal }: Negotiation): Promise<Negotiated> {
  const asked = await readRequest(stream, signal);
  if ('status' in asked) {
    answer(stream, asked.status, asked.why);
    return {
      ok: false,
      failure: failure({ code: 'target-forbidden', message: asked.why, hint: 'ask with the method CONNECT, or by SOCKS' }),
    };
  }
  try {
    const far = await connect(asked.target);
    stream.write('HTTP/1.1 200 Connection established\r\n\r\n');
    return { ok: true, near: stream, far };
  } catch (error) {
    if (!isFailureError(error)) throw error;
    answer(stream, statusOf(error.failure), error.failure.message);
    return { ok: false, failure: error.failure };
  }
}

export function statusOf({ code, cause, message }: Failure): number {
  if (code === 'target-forbidden') return 403;
  if (code === 'timeout' || /ETIMEDOUT|timed? ?out|did not answer/i.test(`${cause ?? ''} ${message}`)) return 504;
  return 502;
}

function answer(stream: Duplex, status: number, why: string): void {
  const body = `${why}\n`;
  const head = [
    `HTTP/1.1 ${status} ${REASONS[status] ?? 'Error'}`,
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...(status === 405 ? ['Allow: CONNECT'] : []),
    'Connection: close',
  ];
  endWith(stream, `${head.join('\r\n')}\r\n\r\n${body}`);
}

/** node:http parses the head; after a CONNECT it lets go of the stream, and what came behind the head is put back. */
function readRequest(stream: Duplex, signal: AbortSignal): Promise<Asked> {
  return new Promise((resolve) => {
    // One a client: it is a parser and a few listeners, no socket of its own.
    const server = createServer({ maxHeaderSize: 16 * 1024, requestTimeout: 0, headersTimeout: 0, keepAliveTimeout: 0 });
    const onAbort = (): void => settle({ status: 408, why: 'the request did not come in time' });
    const onClose = (): void => settle({ status: 400, why: 'the client left before it said what it wants' });
    const settle = (asked: Asked): void => {
      signal.removeEventListener('abort', onAbort);
      stream.off('close', onClose);
      server.removeAllListeners();
      server.on('clientError', () => {});
      resolve(asked);
    };
    server.on('connect', (request: IncomingMessage, _stream: Duplex, head: Buffer) => {
      stream.pause();
      if (head.length > 0) stream.unshift(head);
      const target = parseAuthority(request.url ?? '');
      settle(target ? { target } : { status: 400, why: `CONNECT needs host:port, not "${printable(request.url ?? '')}"` });
    });
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      // The answer is ours to write: node's own would wait for the body.
      response.detachSocket(stream as never);
      settle({ status: 405, why: `this proxy tunnels by CONNECT only (curl: -p), not by ${printable(request.method ?? '')}` });
    });
    server.on('clientError', () => settle({ status: 400, why: 'that is no HTTP request' }));
    signal.addEventListener('abort', onAbort, { once: true });
    stream.on('close', onClose);
    if (signal.aborted) return onAbort();
    server.emit('connection', stream);
    stream.resume();
  });
}

/** `host:port` and `[IPv6]:port`; the port is not optional (RFC 9110 §9.3.6). */
export function parseAuthority(text: string): TcpAddress | null {
  const parsed = parseAddress(text, '');
  if (!parsed.ok || parsed.value.count !== 1) return null;
  const { address } = parsed.value;
  if (address.kind !== 'tcp' || address.port === 0 || address.host === '' || address.host.includes('*')) return null;
  return { ...address, host: canonicalHost(address.host) };
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: a client's words end up in a terminal
const printable = (text: string): string => text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '?').slice(0, 100);
