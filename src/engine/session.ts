/** Drives one SSH connection: owns its socket, its retry timer and the dial under way. What to do is decided in core/session-state. */
import { backoffDelay, STABLE_AFTER_MS } from '../core/backoff.ts';
import type { EventBody } from '../core/event.ts';
import { failure, isFailureError, type Failure } from '../core/failure.ts';
import type { SessionNode } from '../core/graph.ts';
import { initialSession, sessionTransition, type SessionCommand, type SessionInput, type SessionState } from '../core/session-state.ts';
import type { HostSpec } from '../core/spec.ts';
import type { Connection } from '../ssh/connection.ts';
import type { Asker, ConnectNotice } from '../ssh/connect-request.ts';
import type { Clock } from './clock.ts';
import { countChannels, type CountedConnection } from './counted-connection.ts';
import type { DialSlots } from './dial-slots.ts';
import type { Network } from './network.ts';

/** How long a connection may take to answer after a jump of the clock or a change of network; milliseconds. */
const PROBE_MS = 2_000;

export interface SessionDeps {
  readonly clock: Clock;
  readonly network: Network;
  readonly slots: DialSlots;
  readonly asker: Asker;
  readonly verbosity: 0 | 1 | 2 | 3;
  publish(session: SessionNode, body: EventBody): void;
  /** The live connection of the session it goes through; null where it goes from this machine. */
  hop(session: SessionNode): { readonly connection: Connection | null } | null;
  /** The port to dial: the spec's, or what the tunnel in front of it really got. */
  port(session: SessionNode, spec: HostSpec): number;
  missing(session: SessionNode): readonly string[];
  /** How long its channels may go on when it retires; milliseconds. */
  drainMs(session: SessionNode): number;
  changed(session: SessionNode): void;
}

export class SessionDriver {
  #node: SessionNode;
  #spec: HostSpec;
  readonly #deps: SessionDeps;
  #state: SessionState = initialSession;
  #connection: CountedConnection | null = null;
  #dialing: AbortController | null = null;
  #retryTimer: unknown = null;
  #firstDialAt: number | null = null;
  #connectedAt = 0;
  #lossesInARow = 0;
  readonly #retiring = new Map<CountedConnection, Promise<void>>();
  #resolveEnded: () => void = () => undefined;
  readonly #ended = new Promise<void>((resolve) => (this.#resolveEnded = resolve));
  #rtt: { readonly ms: number; readonly at: number } | null = null;
  since: number;
  restarts = 0;

  constructor(node: SessionNode, spec: HostSpec, deps: SessionDeps) {
    this.#node = node;
    this.#spec = spec;
    this.#deps = deps;
    this.since = deps.clock.now();
  }

  get node(): SessionNode {
    return this.#node;
  }
  get spec(): HostSpec {
    return this.#spec;
  }
  get state(): SessionState {
    return this.#state;
  }
  /** Null unless connected. */
  get connection(): Connection | null {
    return this.#state.name === 'connected' ? this.#connection : null;
  }
  get failure(): Failure | null {
    return 'failure' in this.#state ? this.#state.failure : null;
  }
  get rttMs(): number | null {
    return this.#state.name === 'connected' ? (this.#rtt?.ms ?? null) : null;
  }

  input(input: SessionInput): void {
    const before = this.#state;
    const { state, commands } = sessionTransition(before, input);
    this.#state = state;
    const moved =
      before.name !== state.name || (state.name === 'waiting' && before.name === 'waiting' && state.on.join() !== before.on.join());
    if (state.name !== before.name) this.since = this.#deps.clock.now();
    let retryInMs: number | null = null;
    for (const command of commands) retryInMs = this.#carryOut(command) ?? retryInMs;
    if (!moved) return;
    this.#announce(before, retryInMs);
    if (state.name === 'closed') this.#resolveEnded();
    this.#deps.changed(this.#node);
  }

  /** A changed spec. `reopen`: the live connection no longer fits it. */
  update(node: SessionNode, spec: HostSpec, how: 'reopen' | 'in-place'): void {
    const keepaliveChanged = spec.keepalive !== this.#spec.keepalive;
    this.#node = node;
    this.#spec = spec;
    if (how === 'reopen') this.input({ type: 'reopen', missing: this.#deps.missing(node) });
    else if (keepaliveChanged) this.#connection?.setKeepalive(spec.keepalive);
    this.kick();
  }

  kick(): void {
    this.input({ type: 'kick', missing: this.#deps.missing(this.#node) });
  }

  /** The world may have changed: see at once whether the connection still answers, and wait for nothing. */
  async probe(): Promise<void> {
    this.#lossesInARow = 0;
    this.#hasten();
    const connection = this.#connection;
    if (!connection || this.#state.name !== 'connected') return;
    try {
      await connection.ping(PROBE_MS);
    } catch (error) {
      void connection.end(0);
      await this.#onClosed(connection, asFailure(error, this.#node.id));
      // The probe has taken its time already, and the wait is for a server in trouble: here it was we who were away.
      this.#hasten();
    }
  }

  #hasten(): void {
    if (this.#state.name === 'backoff') this.kick();
  }

  /** Resolves when it is closed and every connection it had has ended. */
  async stop(): Promise<void> {
    this.input({ type: 'stop' });
    await this.#ended;
    await Promise.all(this.#retiring.values());
  }

  /** Ends what is retiring now. */
  hurry(): void {
    for (const connection of this.#retiring.keys()) void connection.retire(0);
  }

  /** A fresh round trip time in the background, at most every two seconds. */
  refreshRtt(): void {
    const connection = this.connection;
    const now = this.#deps.clock.now();
    if (!connection || (this.#rtt && now - this.#rtt.at < 2_000)) return;
    this.#rtt = { ms: this.#rtt?.ms ?? 0, at: now };
    void this.#ping(connection);
  }

  async #ping(connection: Connection): Promise<void> {
    const ms = await connection.ping(5_000).catch(() => null);
    if (ms !== null && connection === this.#connection) this.#rtt = { ms, at: this.#deps.clock.now() };
  }

  #announce(before: SessionState, retryInMs: number | null): void {
    const now = this.#deps.clock.now();
    const state = this.#state;
    this.#deps.publish(this.#node, {
      type: 'host-state',
      from: before.name,
      to: state.name,
      waitingOn: state.name === 'waiting' ? state.on : [],
      failure: 'failure' in state ? state.failure : null,
      retryInMs,
      tookMs: state.name === 'connected' && this.#firstDialAt !== null ? now - this.#firstDialAt : null,
    });
    if (state.name === 'connected') this.#firstDialAt = null;
  }

  #carryOut(command: SessionCommand): number | null {
    switch (command.do) {
      case 'dial':
        this.#dialing = new AbortController();
        this.#firstDialAt ??= this.#deps.clock.now();
        void this.#dial(this.#dialing);
        return null;
      case 'abort-dial':
        this.#dialing?.abort();
        this.#dialing = null;
        return null;
      case 'schedule-retry': {
        const { clock } = this.#deps;
        const attempt = Math.max(command.attempt, this.#lossesInARow);
        const ms = backoffDelay(attempt, this.#spec.reconnect, { random: clock.random(), floorMs: command.floorMs });
        this.#retryTimer = clock.setTimeout(() => this.input({ type: 'retry-due' }), ms);
        return ms;
      }
      case 'cancel-retry':
        this.#deps.clock.clearTimeout(this.#retryTimer);
        return null;
      case 'retire':
        this.#retire();
        return null;
      case 'hang-up':
        void this.#hangUp();
        return null;
    }
  }

  #retire(): void {
    const connection = this.#connection;
    this.#connection = null;
    if (!connection) return;
    const done = connection.retire(this.#deps.drainMs(this.#node)).then(() => void this.#retiring.delete(connection));
    this.#retiring.set(connection, done);
  }

  async #hangUp(): Promise<void> {
    this.#retire();
    await Promise.all(this.#retiring.values());
    this.input({ type: 'ended' });
  }

  async #dial(controller: AbortController): Promise<void> {
    const { signal } = controller;
    try {
      const connection = await this.#connect(signal);
      // Aborted in the very moment it came up: nobody waits for it any more.
      if (signal.aborted) return void connection.end();
      this.#dialing = null;
      this.#adopt(connection);
    } catch (error) {
      if (signal.aborted) return;
      this.#dialing = null;
      this.input({ type: 'connect-failed', failure: asFailure(error, this.#node.id), attempts: this.#spec.reconnect.attempts });
    }
  }

  async #connect(signal: AbortSignal): Promise<Connection> {
    const { network, slots, asker, verbosity } = this.#deps;
    const giveBack = await slots.take(signal);
    try {
      const port = this.#deps.port(this.#node, this.#spec);
      const hop = this.#deps.hop(this.#node);
      const through = hop?.connection;
      if (hop && !through) throw new Error('dialled before its hop was connected');
      const transport = through
        ? network.channelTransport(through, { kind: 'tcp', host: this.#spec.hostname, port }, this.#node.viaHost ?? '')
        : network.tcpTransport(this.#spec, port);
      const notify = (notice: ConnectNotice): void => this.#onNotice(notice);
      return await network.connect({ host: this.#spec, port, transport, asker, notify, signal, verbosity });
    } finally {
      giveBack();
    }
  }

  #onNotice(notice: ConnectNotice): void {
    if (notice.type === 'phase') return;
    this.#deps.publish(this.#node, notice);
  }

  #adopt(raw: Connection): void {
    const connection = countChannels(raw, this.#deps.clock);
    this.#connection = connection;
    this.#connectedAt = this.#deps.clock.now();
    this.input({ type: 'connected' });
    void this.#ping(connection);
    void connection.closed.then((cause) => this.#onClosed(connection, cause));
  }

  async #onClosed(connection: CountedConnection, cause: Failure | null): Promise<void> {
    // An inner connection can be told of its end before the outer one that caused it: let that one speak first.
    if (this.#node.via !== null) await new Promise((resolve) => setImmediate(resolve));
    if (this.#connection !== connection) return;
    this.#connection = null;
    this.restarts += 1;
    const stable = this.#deps.clock.now() - this.#connectedAt >= STABLE_AFTER_MS;
    this.#lossesInARow = stable ? 1 : this.#lossesInARow + 1;
    const missing = this.#deps.missing(this.#node);
    this.input({ type: 'lost', failure: missing.length > 0 ? null : cause, missing });
  }
}

/** A rejection that is no failure is a bug in a driver; it becomes a failure of this one host, so that the others live on. */
export function asFailure(error: unknown, name: string): Failure {
  if (isFailureError(error)) return error.failure;
  const cause = error instanceof Error ? error.message : String(error);
  return failure({ code: 'connection-lost', message: `${name}: ${cause}`, hint: 'this is a bug in tunnels; -vvv shows more', cause });
}
