/** One HTTP call over a unix socket, with limits; what goes wrong becomes a DaemonError. */
import { request, type IncomingMessage } from 'node:http';
import { DaemonError, errnoOf, type DaemonErrorView } from './daemon-error.ts';

export interface Call {
  readonly socket: string;
  readonly method: 'GET' | 'POST';
  /** With its query. */
  readonly path: string;
  readonly body?: unknown;
  /** Milliseconds until the answer must have begun. */
  readonly limitMs: number;
  readonly signal?: AbortSignal;
}

/** The largest whole answer that is taken: /snapshot of ten thousand tunnels is 5 MB. */
const MAX_ANSWER = 64 * 1024 * 1024;

/** The answer, of which nothing is read yet. Rejects with the system's error where the connection is not made. */
export function open(call: Call): Promise<IncomingMessage> {
  const body = call.body === undefined ? undefined : JSON.stringify(call.body);
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    // servername: else Node asks whether `host` is an IPv6 address, and making that expression costs a command 8 ms of its 60.
    const to = { socketPath: call.socket, method: call.method, path: call.path, headers, agent: false, host: 'tunnels', servername: '' };
    const sent = request(to);
    const timer = setTimeout(() => sent.destroy(silent(call)), call.limitMs);
    const onAbort = (): void => void sent.destroy(new DaemonError({ code: 'gone', message: 'the call was given up', hint: null }));
    call.signal?.addEventListener('abort', onAbort, { once: true });
    if (call.signal?.aborted) onAbort();
    sent.once('close', () => {
      clearTimeout(timer);
      call.signal?.removeEventListener('abort', onAbort);
    });
    sent.once('response', (answer) => {
      clearTimeout(timer);
      answer.on('error', () => undefined);
      resolve(answer);
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** An answer that stays open, of which nothing is read yet; an error answer rejects with what it says. */
export async function openStream(call: Call): Promise<IncomingMessage> {
  const answer = await open(call);
  if (answer.statusCode !== 200) throw refusal(await readAll(answer, call), call);
  return answer;
}

/** The whole answer as JSON; an error answer rejects with what it says. */
export async function getJson(call: Call): Promise<unknown> {
  const answer = await open(call);
  const timer = setTimeout(() => answer.destroy(silent(call)), call.limitMs);
  try {
    const text = await readAll(answer, call);
    if (answer.statusCode === 200) return parse(text, call);
    throw refusal(text, call);
  } finally {
    clearTimeout(timer);
  }
}

/** An ndjson answer, line by line; `silenceMs` is the longest wait for the next one, null for any. Ends when the other side ends. */
export async function* readLines(call: Call, silenceMs: number | null): AsyncGenerator<unknown, void> {
  const answer = await openStream(call);
  const timer = silenceMs === null ? null : setTimeout(() => answer.destroy(silent(call)), silenceMs);
  let rest = '';
  try {
    answer.setEncoding('utf8');
    for await (const chunk of answer as AsyncIterable<string>) {
      timer?.refresh();
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > MAX_ANSWER) throw nonsense(call);
      for (const line of lines) if (line !== '') yield parse(line, call);
    }
  } catch (error) {
    // A process that ends cuts its answers off: for a reader that is the end, and whether it may be is the caller's to know.
    if (errnoOf(error) !== 'ECONNRESET' && errnoOf(error) !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  } finally {
    if (timer) clearTimeout(timer);
    answer.destroy();
  }
}

async function readAll(answer: IncomingMessage, call: Call): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_ANSWER) throw nonsense(call);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parse(text: string, call: Call): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw nonsense(call);
  }
}

function refusal(text: string, call: Call): DaemonError {
  const body = parse(text, call) as { readonly error?: Partial<DaemonErrorView> } | null;
  const error = body?.error;
  if (typeof error?.code !== 'string' || typeof error.message !== 'string') return nonsense(call);
  return new DaemonError({ code: error.code, message: error.message, hint: error.hint ?? null });
}

const silent = (call: Call): DaemonError =>
  new DaemonError({
    code: 'no-answer',
    message: `the running project did not answer ${call.path.split('?')[0] ?? ''} within ${call.limitMs / 1000} s`,
    hint: 'if its process is stopped, continue it (kill -CONT); if it hangs, end it (kill -KILL) and run tunnels up again',
  });

export const nonsense = (call: Pick<Call, 'socket'>): DaemonError =>
  new DaemonError({
    code: 'foreign-socket',
    message: `what answers at ${call.socket} is not tunnels`,
    hint: 'find out who listens there (ss -xlp), end it and remove the socket',
  });
