/** A running project, to a command: every call is typed, has a limit, and fails with what to do next. */
import type { TunnelsEvent } from '../core/event.ts';
import type { Graph } from '../core/graph.ts';
import type { Snapshot } from '../core/snapshot.ts';
import { PROTOCOL } from './build-id.ts';
import { DaemonError, errnoOf } from './daemon-error.ts';
import { getJson, nonsense, openStream, readLines } from './http-call.ts';
import { processEnd } from './process-end.ts';
import type {
  ApplyOutcome,
  ApplyRequest,
  CallLine,
  DownRequest,
  NamesRequest,
  ReleaseRequest,
  Status,
  StopRequest,
  StreamLine,
  StreamQuery,
  TunnelExports,
  UseOutcome,
  UseRequest,
  WaitOutcome,
  WaitRequest,
} from './protocol.ts';
import { WORKING_EVERY } from './protocol.ts';
import { fromWire, type WireGraph } from './wire-graph.ts';

/** Milliseconds for a call that is answered at once. */
const ANSWER_LIMIT = 10_000;
/** Milliseconds without a sign of life in a call that takes long. */
const SILENCE_LIMIT = 10 * WORKING_EVERY;
/** Milliseconds between the last tunnel's end and the process's. */
const EXIT_LIMIT = 10_000;

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** Open connections that the call waits for, told each second. */
  readonly onWorking?: (connections: number) => void;
}

export class DaemonClient {
  readonly socket: string;
  /** As it was when the client was made. */
  readonly found: Status;

  constructor(socket: string, found: Status) {
    this.socket = socket;
    this.found = found;
  }

  status(): Promise<Status> {
    return this.#get<Status>('/status');
  }

  snapshot(): Promise<Snapshot> {
    return this.#get<Snapshot>('/snapshot');
  }

  /** Null until the file has been applied. */
  async graph(): Promise<Graph | null> {
    const wire = await this.#get<WireGraph | null>('/graph');
    return wire && fromWire(wire);
  }

  /** Of the tunnels that are bound. */
  exports(): Promise<readonly TunnelExports[]> {
    return this.#get<readonly TunnelExports[]>('/exports');
  }

  /** Everything that happens. Ends with the past, or with `follow` when the project ends or the signal says so. */
  events(query: StreamQuery = {}, signal?: AbortSignal): AsyncGenerator<StreamLine, void> {
    return this.#stream('/events', query, signal);
  }

  /** The events without those for -v. */
  logs(query: StreamQuery = {}, signal?: AbortSignal): AsyncGenerator<StreamLine, void> {
    return this.#stream('/logs', query, signal);
  }

  /** Loads the file again and applies it: names join what was asked for, none is everything from now on. */
  apply(request: ApplyRequest = {}, options: CallOptions = {}): Promise<ApplyOutcome> {
    return this.#call<ApplyOutcome>('/apply', request, options);
  }

  reload(options: CallOptions = {}): Promise<ApplyOutcome> {
    return this.#call<ApplyOutcome>('/reload', {}, options);
  }

  /** What `reload` would do. */
  planReload(options: CallOptions = {}): Promise<ApplyOutcome> {
    return this.#call<ApplyOutcome>('/plan', { reload: true }, options);
  }

  /** What `apply` would do. */
  plan(request: ApplyRequest = {}, options: CallOptions = {}): Promise<ApplyOutcome> {
    return this.#call<ApplyOutcome>('/plan', request, options);
  }

  /** Resolves when the tunnels are closed. Unknown names reject with `unknown-tunnel`, here as in start, restart and wait. */
  async stop(request: StopRequest, options: CallOptions = {}): Promise<void> {
    await this.#call('/stop', request, options);
  }

  async start(request: NamesRequest = {}, options: CallOptions = {}): Promise<void> {
    await this.#call('/start', request, options);
  }

  async restart(request: StopRequest, options: CallOptions = {}): Promise<void> {
    await this.#call('/restart', request, options);
  }

  wait(request: WaitRequest, options: CallOptions = {}): Promise<WaitOutcome> {
    return this.#call<WaitOutcome>('/wait', request, options);
  }

  /** Asks for tunnels as long as the use is held, which has to begin within seconds. */
  use(request: UseRequest, options: CallOptions = {}): Promise<UseOutcome> {
    return this.#call<UseOutcome>('/use', request, options);
  }

  /** Resolves once it is held: until it is released, or this process ends. The signal is aborted when the project has ended. */
  async hold(id: string): Promise<AbortSignal> {
    const call = { socket: this.socket, method: 'GET', path: `/hold?id=${id}`, limitMs: ANSWER_LIMIT } as const;
    const answer = await openStream(call).catch((error: unknown) => {
      throw this.#explained(error);
    });
    const lost = new AbortController();
    answer.once('close', () => lost.abort()).resume();
    return lost.signal;
  }

  /** Resolves when what only this use asked for is closed; where that was all of the project, when nothing of it is left. */
  async release(request: ReleaseRequest, options: CallOptions = {}): Promise<void> {
    await this.#callToTheEnd('/release', request, options);
  }

  /** Resolves when the tunnels are closed, nothing is left in the state directory and the process has ended. */
  async down(request: DownRequest, options: CallOptions = {}): Promise<void> {
    await this.#callToTheEnd('/down', request, options);
  }

  /** The answer stays open until its process is done, if that is what it leads to. */
  async #callToTheEnd(path: string, request: object, options: CallOptions): Promise<void> {
    const { lines } = this.#lines(path, request, options);
    let isEnding: unknown;
    try {
      isEnding = await resultOf(lines, options);
      // Or until it is silent for too long; what it might still say is of no interest.
      await lines.next().catch(() => undefined);
    } finally {
      await lines.return();
    }
    // A process ends a moment after its sockets have.
    if (isEnding !== false) await processEnd(this.found.pid, EXIT_LIMIT);
  }

  #get<T>(path: string): Promise<T> {
    return this.#spoken(getJson({ socket: this.socket, method: 'GET', path, limitMs: ANSWER_LIMIT })) as Promise<T>;
  }

  async *#stream(path: string, query: StreamQuery, signal?: AbortSignal): AsyncGenerator<StreamLine, void> {
    const words = new URLSearchParams();
    if (query.since !== undefined) words.set('since', String(Math.round(query.since)));
    if (query.from !== undefined) words.set('from', String(query.from));
    if (query.last !== undefined) words.set('n', String(query.last));
    if (query.follow) words.set('follow', '1');
    for (const name of query.names ?? []) words.append('names', name);
    const call = {
      socket: this.socket,
      method: 'GET',
      path: `${path}?${words}`,
      limitMs: ANSWER_LIMIT,
      ...(signal ? { signal } : {}),
    } as const;
    try {
      for await (const line of readLines(call, query.follow ? null : ANSWER_LIMIT)) yield line as TunnelsEvent;
    } catch (error) {
      if (!signal?.aborted) throw this.#explained(error);
    }
  }

  async #call<T>(path: string, body: object, options: CallOptions): Promise<T> {
    const { lines } = this.#lines(path, body, options);
    try {
      return (await resultOf(lines, options)) as T;
    } finally {
      await lines.return();
    }
  }

  #lines(path: string, body: object, { signal }: CallOptions): { readonly lines: AsyncGenerator<unknown, void> } {
    // `/down` is understood by every build: an older one must be able to be taken down.
    if (path !== '/down' && this.found.protocol !== PROTOCOL) throw otherBuild(this.found);
    const call = { socket: this.socket, method: 'POST', path, body, limitMs: SILENCE_LIMIT, ...(signal ? { signal } : {}) } as const;
    return { lines: this.#explainedLines(readLines(call, SILENCE_LIMIT)) };
  }

  async *#explainedLines(lines: AsyncGenerator<unknown, void>): AsyncGenerator<unknown, void> {
    try {
      yield* lines;
    } catch (error) {
      throw this.#explained(error);
    }
  }

  async #spoken<T>(answer: Promise<T>): Promise<T> {
    if (this.found.protocol !== PROTOCOL) throw otherBuild(this.found);
    try {
      return await answer;
    } catch (error) {
      throw this.#explained(error);
    }
  }

  #explained(error: unknown): unknown {
    const code = errnoOf(error);
    if (['ECONNREFUSED', 'ENOENT', 'ECONNRESET', 'EPIPE'].includes(code)) return gone();
    if (code.startsWith('HPE_')) return nonsense(this);
    return error;
  }
}

/** One in the foreground has a terminal, and somebody before it: it is not ended from elsewhere to be started anew. */
export const otherBuild = ({ pid, build, mode }: Status): DaemonError =>
  new DaemonError({
    code: 'other-version',
    message: `process ${pid} has the project up in another build of tunnels (${build})${mode === 'foreground' ? ', in the foreground' : ''}`,
    hint:
      mode === 'background'
        ? 'tunnels up -d brings it over to this one'
        : `end it with Ctrl-C in its terminal, or tunnels down; then run tunnels up again`,
  });

async function resultOf(lines: AsyncGenerator<unknown, void>, { onWorking }: CallOptions): Promise<unknown> {
  for (let next = await lines.next(); !next.done; next = await lines.next()) {
    const line = next.value as CallLine;
    if (line.type === 'working') onWorking?.(line.connections);
    else if (line.type === 'failed') throw new DaemonError(line.error);
    else if (line.type === 'done') return line.result;
  }
  throw gone();
}

const gone = (): DaemonError =>
  new DaemonError({ code: 'gone', message: 'the project ended in the middle of the call', hint: 'tunnels up -d brings it up again' });
