/** How the control socket answers: one JSON value, or lines until the work is done. */
import type { ServerResponse } from 'node:http';
import { isDaemonError, type DaemonErrorCode, type DaemonErrorView } from './daemon-error.ts';
import { WORKING_EVERY, type CallLine } from './protocol.ts';

const STATUS: Partial<Record<DaemonErrorCode, number>> = { 'bad-request': 400, 'unknown-tunnel': 404, busy: 503 };

export function answerJson(answer: ServerResponse, value: unknown): void {
  const text = JSON.stringify(value);
  answer.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  answer.end(text);
}

export function answerError(answer: ServerResponse, error: DaemonErrorView): void {
  if (answer.headersSent) return void answer.destroy();
  const text = JSON.stringify({ error });
  answer.writeHead(STATUS[error.code] ?? 500, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  answer.end(text);
}

/** What a caller is told of a throw: never a stack. */
export const viewOf = (error: unknown): DaemonErrorView =>
  isDaemonError(error)
    ? error.view
    : { code: 'gone', message: `this is a bug in tunnels: ${error instanceof Error ? error.message : String(error)}`, hint: null };

export interface LongWork {
  /** The signal is aborted when the caller has gone. */
  readonly run: (signal: AbortSignal) => Promise<unknown>;
  /** Shown meanwhile. */
  readonly connections: () => number;
  /** Leaves the answer open after its last line: its end then tells that the process has ended. */
  readonly keepOpen?: boolean;
}

/** However long the work takes, the caller hears each second that it is being done. */
export async function answerLines(answer: ServerResponse, work: LongWork): Promise<void> {
  const gone = new AbortController();
  answer.once('close', () => gone.abort());
  const say = (line: CallLine): void => {
    if (!answer.destroyed) answer.write(`${JSON.stringify(line)}\n`);
  };
  answer.writeHead(200, { 'content-type': 'application/x-ndjson' });
  answer.flushHeaders();
  const timer = setInterval(() => say({ type: 'working', connections: work.connections() }), WORKING_EVERY);
  try {
    say({ type: 'done', result: (await work.run(gone.signal)) ?? null });
  } catch (error) {
    say({ type: 'failed', error: viewOf(error) });
  } finally {
    clearInterval(timer);
    if (!work.keepOpen) answer.end();
  }
}
