/**
 * Drives one of the SSH connections to a host: owns its socket, its retry timer and the dial under way. What to do is decided in
 * core/session-state; what it means for the host, in engine/session.
 */
import type { Duplex } from 'node:stream';
import { backoffDelay, STABLE_AFTER_MS } from '../core/backoff.ts';
import type { Load, Member } from '../core/connection-pool.ts';
import { FailureError, type Failure } from '../core/failure.ts';
import type { SessionNode } from '../core/graph.ts';
import { initialSession, sessionTransition, type SessionCommand, type SessionInput, type SessionState } from '../core/session-state.ts';
import type { HostSpec } from '../core/spec.ts';
import { untrustedHost } from '../core/trust.ts';
import { asUnusedTimeout, seemsUnusedTimeout } from '../core/unused-close.ts';
import type { Connection } from '../ssh/connection.ts';
import { asFailure } from './as-failure.ts';
import type { Clock } from './clock.ts';
import { countChannels, type CountedConnection } from './counted-connection.ts';
import type { DialSlots } from './dial-slots.ts';
import type { DialTerms } from './dial-terms.ts';
import type { Network, Passage } from './network.ts';

/** How long a connection may take to answer after a jump of the clock or a change of network; milliseconds. */
const PROBE_MS = 2_000;

export interface LinkDeps {
  readonly clock: Clock;
  readonly network: Network;
  readonly slots: DialSlots;
  readonly verbosity: 0 | 1 | 2 | 3;
  /** The host as the file has it now. */
  place(): { readonly node: SessionNode; readonly spec: HostSpec };
  terms(): DialTerms;
  /** The way through the host before; null where it goes from this machine. */
  hop(): { readonly passage: Passage | null } | null;
  /** The port to dial: the spec's, or what the tunnel in front of it really got. */
  port(): number;
  missing(): readonly string[];
  /** It is lost, perhaps since it fell silent: what carries it may be the cause, and speaks first. */
  suspect(silent: boolean): Promise<void>;
  /** How long its channels may go on when it retires; milliseconds. */
  drainMs(): number;
  /** These went with it. Told in the same turn. */
  cut(channels: ReadonlySet<Duplex>): void;
  moved(link: LinkDriver, before: SessionState): void;
}

export class LinkDriver implements Member, Load {
  readonly #deps: LinkDeps;
  #state: SessionState = initialSession;
  #connection: CountedConnection | null = null;
  #dialing: AbortController | null = null;
  #retryTimer: unknown = null;
  #connectedAt = 0;
  #lossesInARow = 0;
  /** How long the connection that was lost last had carried nothing; null where it did. */
  #unusedMs: number | null = null;
  /** While it is being found out whose fault it is that the connection went. */
  #losing: Promise<void> = Promise.resolve();
  #patient = false;
  readonly #retiring = new Map<CountedConnection, Promise<void>>();
  #resolveEnded: () => void = () => undefined;
  readonly #ended = new Promise<void>((resolve) => (this.#resolveEnded = resolve));
  /** What the connection that was lost last carried: as many channels. */
  lostChannels = 0;
  /** Until the next try, as it was when that was scheduled; milliseconds. */
  retryInMs: number | null = null;

  constructor(deps: LinkDeps) {
    this.#deps = deps;
  }

  get state(): SessionState {
    return this.#state;
  }
  /** Null unless connected. */
  get connection(): Connection | null {
    return this.#state.name === 'connected' ? this.#connection : null;
  }
  get channels(): number {
    return this.#connection?.load.channels ?? 0;
  }
  get queuedBytes(): number {
    return this.#connection?.load.queuedBytes ?? 0;
  }
  get failure(): Failure | null {
    return 'failure' in this.#state ? this.#state.failure : null;
  }

  input(input: SessionInput): void {
    const before = this.#state;
    const { state, commands } = sessionTransition(before, input);
    this.#state = state;
    const moved =
      before.name !== state.name || (state.name === 'waiting' && before.name === 'waiting' && state.on.join() !== before.on.join());
    for (const command of commands) this.#carryOut(command);
    if (!moved) return;
    if (state.name === 'closed') this.#resolveEnded();
    this.#deps.moved(this, before);
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
      const cause = asFailure(error, this.#deps.place().node.id);
      this.#cut(connection);
      void connection.end(0);
      await this.#onClosed(connection, cause);
      // The probe has taken its time already, and the wait is for a server in trouble: here it was we who were away.
      this.#hasten();
    }
  }

  /** What it carries is lost, perhaps since it fell silent: this may be the cause. Resolves when that is told, or nothing is to be told. */
  async speakFirst(silent: boolean): Promise<void> {
    const connection = this.#connection;
    if (silent && connection?.doubt()) await this.#onClosed(connection, await connection.closed);
    await this.#losing;
  }

  #hasten(): void {
    if (this.#state.name === 'backoff') this.input({ type: 'kick', missing: this.#deps.missing() });
  }

  async ping(timeoutMs: number): Promise<number> {
    if (!this.#connection) throw new FailureError({ code: 'connection-lost', message: `${this.#deps.place().node.id} is not connected` });
    return this.#connection.ping(timeoutMs);
  }

  setKeepalive(): void {
    this.#connection?.setKeepalive(this.#deps.place().spec.keepalive);
  }

  /** Takes no channel any more, and ends with its last one, however long that lives. Resolves when it has. */
  async leave(): Promise<void> {
    this.#patient = true;
    await this.stop();
  }

  /** Resolves when it is closed and every connection it had has ended. */
  async stop(): Promise<void> {
    this.input({ type: 'stop' });
    await this.#ended;
    await Promise.all(this.#retiring.values());
  }

  /** What is retiring has `limitMs` from now on. */
  hurry(limitMs: number): void {
    for (const connection of this.#retiring.keys()) void connection.retire(limitMs);
  }

  #carryOut(command: SessionCommand): void {
    switch (command.do) {
      case 'dial':
        this.#dialing = new AbortController();
        void this.#dial(this.#dialing);
        return;
      case 'abort-dial':
        this.#dialing?.abort();
        this.#dialing = null;
        return;
      case 'schedule-retry': {
        const { clock, place } = this.#deps;
        const attempt = Math.max(command.attempt, this.#lossesInARow);
        this.retryInMs = backoffDelay(attempt, place().spec.reconnect, { random: clock.random(), floorMs: command.floorMs });
        this.#retryTimer = clock.setTimeout(() => this.input({ type: 'retry-due' }), this.retryInMs);
        return;
      }
      case 'cancel-retry':
        this.#deps.clock.clearTimeout(this.#retryTimer);
        return;
      case 'retire':
        this.#retire();
        return;
      case 'hang-up':
        void this.#hangUp();
        return;
    }
  }

  #retire(): void {
    const connection = this.#connection;
    this.#connection = null;
    if (!connection) return;
    const limitMs = this.#patient ? Number.POSITIVE_INFINITY : this.#deps.drainMs();
    const done = connection.retire(limitMs).then(() => void this.#retiring.delete(connection));
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
      const { node, spec } = this.#deps.place();
      this.input({ type: 'connect-failed', failure: asFailure(error, node.id), attempts: spec.reconnect.attempts });
    }
  }

  async #connect(signal: AbortSignal): Promise<CountedConnection> {
    const { network, slots, verbosity, clock } = this.#deps;
    const refused = untrustedHost(this.#deps.place().spec);
    if (refused) throw new FailureError(refused);
    const { turn, asker, notify } = this.#deps.terms();
    const giveBack = await slots.take(signal, turn);
    try {
      const { node, spec } = this.#deps.place();
      const port = this.#deps.port();
      const hop = this.#deps.hop();
      const through = hop?.passage;
      if (hop && !through) throw new Error('dialled before its hop was connected');
      const transport = through
        ? network.channelTransport(through, { kind: 'tcp', host: spec.hostname, port }, node.viaHost ?? '')
        : network.tcpTransport(spec, port);
      let stream: Duplex | null = null;
      const kept = async (until: AbortSignal): Promise<Duplex> => (stream = await transport(until));
      const connection = await network.connect({ host: spec, port, transport: kept, asker, notify, signal, verbosity });
      return countChannels(connection, clock, () => stream?.writableLength ?? 0);
    } finally {
      giveBack();
    }
  }

  #adopt(connection: CountedConnection): void {
    this.#connection = connection;
    this.#connectedAt = this.#deps.clock.now();
    void connection.closed.then((cause) => {
      if (cause) this.#cut(connection);
      void this.#onClosed(connection, cause);
    });
    this.input({ type: 'connected' });
  }

  #cut({ channels, lostChannels }: CountedConnection): void {
    this.lostChannels = lostChannels;
    this.#deps.cut(channels());
  }

  #onClosed(connection: CountedConnection, cause: Failure | null): Promise<void> {
    return (this.#losing = this.#lose(connection, cause));
  }

  async #lose(connection: CountedConnection, cause: Failure | null): Promise<void> {
    const told = this.#explained(connection, cause);
    // An inner connection can be told of its end before the outer one that caused it: let that one speak first.
    if (this.#deps.place().node.via !== null) await new Promise((resolve) => setImmediate(resolve));
    await this.#deps.suspect(cause?.code === 'keepalive-timeout');
    if (this.#connection !== connection) return;
    this.#connection = null;
    const stable = this.#deps.clock.now() - this.#connectedAt >= STABLE_AFTER_MS;
    this.#lossesInARow = stable ? 1 : this.#lossesInARow + 1;
    const missing = this.#deps.missing();
    this.input({ type: 'lost', failure: missing.length > 0 ? null : told, missing });
  }

  /** In the same turn in which it is known that it went. */
  #explained(connection: CountedConnection, cause: Failure | null): Failure | null {
    const [beforeMs, unusedMs] = [this.#unusedMs, cause?.code === 'connection-lost' ? connection.unusedMs : null];
    this.#unusedMs = unusedMs;
    const seemsUnused = cause && unusedMs !== null && seemsUnusedTimeout(beforeMs, unusedMs);
    return seemsUnused ? asUnusedTimeout(cause, this.#deps.place().spec.name, unusedMs) : cause;
  }
}
