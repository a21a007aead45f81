/** The control socket: node:http over a claimed unix socket. No request can end the process, or hold up the tunnels. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { boundExports } from '../runner/bound-exports.ts';
import type { RunnerPort } from '../runner/runner-port.ts';
import { answerError, answerJson, answerLines, viewOf } from './answer.ts';
import { DaemonError } from './daemon-error.ts';
import { streamEvents } from './event-stream.ts';
import type { Journal } from './journal.ts';
import { applyAsked, applyOutcome, chosen, restart, useAsked } from './operations.ts';
import type { DownRequest, Status } from './protocol.ts';
import {
  applyRequest,
  downRequest,
  namesRequest,
  readBody,
  releaseRequest,
  stopRequest,
  streamQuery,
  useId,
  useRequest,
  waitRequest,
} from './request.ts';
import type { Uses } from './uses.ts';
import { waitFor } from './wait-for.ts';
import { toWire } from './wire-graph.ts';

export interface Served {
  readonly runner: RunnerPort;
  readonly status: () => Status;
  /** Null until the project is this process's. */
  readonly journal: () => Journal | null;
  readonly uses: Uses;
  /** Resolves when every tunnel is closed. */
  readonly down: (request: Required<DownRequest>) => Promise<void>;
}

const MAX_CONNECTIONS = 512;
const MAX_STREAMS = 128;

type Handler = (request: IncomingMessage, answer: ServerResponse, query: URLSearchParams) => Promise<void> | void;

export interface ControlServer {
  readonly server: Server;
  /** Sends what followers have not got yet, and ends their streams. */
  readonly endStreams: () => void;
}

export function createControlServer(served: Served): ControlServer {
  const streams = new Set<() => void>();
  const routes = routesOf(served, streams);
  const server = createServer((request, answer) => {
    answer.on('error', () => undefined);
    request.on('error', () => undefined);
    answer.setHeader('connection', 'close');
    handle(routes, request, answer).catch((error: unknown) => answerError(answer, viewOf(error)));
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.headersTimeout = 5_000;
  server.requestTimeout = 10_000;
  server.on('clientError', (_error, socket) => {
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n');
    else socket.destroy();
  });
  const endStreams = (): void => {
    for (const end of streams) end();
  };
  return { server, endStreams };
}

async function handle(routes: ReadonlyMap<string, Handler>, request: IncomingMessage, answer: ServerResponse): Promise<void> {
  const [path = '', query = ''] = (request.url ?? '').split('?');
  const handler = routes.get(`${request.method} ${path}`);
  if (handler) return handler(request, answer, new URLSearchParams(query));
  throw new DaemonError({ code: 'bad-request', message: `bad request: there is no ${request.method} ${path.slice(0, 100)}`, hint: null });
}

function routesOf({ runner, status, journal, uses, down }: Served, streams: Set<() => void>): ReadonlyMap<string, Handler> {
  const connections = (): number => runner.openConnections();

  const stream =
    (withDebug: boolean): Handler =>
    (_request, answer, query) => {
      const from = held();
      const options = streamQuery(query);
      if (streams.size >= MAX_STREAMS) throw busy(`${MAX_STREAMS} readers follow the project already`);
      const end = streamEvents(from, answer, { ...options, without: (entry) => !withDebug && entry.type === 'debug' });
      streams.add(end);
      answer.once('close', () => streams.delete(end));
    };

  function held(): Journal {
    const from = journal();
    if (!from || status().phase === 'claiming') throw busy('the project is still being started');
    return from;
  }

  const call =
    (run: (fields: Awaited<ReturnType<typeof readBody>>, signal: AbortSignal) => Promise<unknown>): Handler =>
    async (request, answer) => {
      const fields = await readBody(request);
      held();
      if (status().phase === 'stopping') throw busy('the project is going down');
      await answerLines(answer, { run: (signal) => run(fields, signal), connections });
    };

  const names = (fields: Parameters<typeof namesRequest>[0]): readonly string[] => chosen(runner, namesRequest(fields).names);

  return new Map<string, Handler>([
    ['GET /status', (_, answer) => answerJson(answer, status())],
    ['GET /snapshot', (_, answer) => answerJson(answer, runner.snapshot())],
    ['GET /graph', (_, answer) => answerJson(answer, runner.graph ? toWire(runner.graph) : null)],
    ['GET /exports', (_, answer) => answerJson(answer, boundExports(runner.snapshot(), runner.graph))],
    ['GET /events', stream(true)],
    ['GET /logs', stream(false)],
    [
      'POST /apply',
      call(async (fields) => {
        const outcome = await applyAsked(runner, applyRequest(fields));
        if (outcome.applied) uses.keep();
        return outcome;
      }),
    ],
    ['POST /use', call((fields, gone) => useAsked(uses, useRequest(fields), gone))],
    ['GET /hold', (_, answer, query) => uses.hold(useId(query.get('id')), answer)],
    [
      'POST /release',
      async (request, answer) => {
        const { id, drainMs } = releaseRequest(await readBody(request));
        let isLast = false;
        const run = async (): Promise<boolean> => {
          // The project goes down with it already: then this is about how soon.
          if (status().phase === 'stopping') await down({ drainMs, keepJournal: false });
          isLast = status().phase === 'stopping' || (await uses.end(id, drainMs));
          return isLast;
        };
        await answerLines(answer, { run, connections, keepOpen: true });
        if (!isLast) answer.end();
      },
    ],
    ['POST /reload', call(async () => applyOutcome(await runner.apply()))],
    // Of a reload, or of an `up` with what it asks for.
    ['POST /plan', call(async (fields) => applyOutcome(await runner.plan(fields['reload'] === true ? undefined : applyRequest(fields))))],
    ['POST /stop', call((fields) => runner.stopTunnels(names(fields), { drainMs: stopRequest(fields).drainMs }))],
    ['POST /start', call(async (fields) => runner.startTunnels(names(fields)))],
    ['POST /restart', call((fields) => restart(runner, stopRequest(fields)))],
    ['POST /wait', call((fields, signal) => waitFor(runner, { ...waitRequest(fields), names: names(fields) }, signal))],
    [
      'POST /down',
      async (request, answer) => {
        const asked = downRequest(await readBody(request));
        if (status().phase === 'claiming') throw busy('the project is still being started');
        await answerLines(answer, { run: () => down(asked), connections, keepOpen: true });
      },
    ],
  ]);
}

const busy = (message: string): DaemonError => new DaemonError({ code: 'busy', message, hint: 'try again in a moment' });
