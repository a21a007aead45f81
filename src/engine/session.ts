/**
 * Drives the SSH connections to one host, which to the others are one: it is connected while any of them is. How they stand together
 * is decided in core/connection-pool and engine/link-group; each is driven by engine/link.
 */
import type { Duplex } from 'node:stream';
import { same } from '../core/change.ts';
import type { EventBody } from '../core/event.ts';
import type { Failure } from '../core/failure.ts';
import type { SessionNode } from '../core/graph.ts';
import type { SessionInput, SessionState } from '../core/session-state.ts';
import type { HostSpec } from '../core/spec.ts';
import type { Connection } from '../ssh/connection.ts';
import type { Asker } from '../ssh/connect-request.ts';
import type { Clock } from './clock.ts';
import { ConnectionReport } from './connection-report.ts';
import type { DialSlots } from './dial-slots.ts';
import { TermsOfHost } from './dial-terms.ts';
import { LinkDriver } from './link.ts';
import { LinkGroup } from './link-group.ts';
import type { Network, Passage } from './network.ts';
import { RoundTrip } from './round-trip.ts';
import { spreadDial } from './spread-dial.ts';

export interface SessionDeps {
  readonly clock: Clock;
  readonly network: Network;
  readonly slots: DialSlots;
  readonly asker: Asker;
  readonly verbosity: 0 | 1 | 2 | 3;
  publish(session: SessionNode, body: EventBody): void;
  /** The way through the session it goes through; null where it goes from this machine. */
  hop(session: SessionNode): { readonly passage: Passage | null } | null;
  /** The port to dial: the spec's, or what the tunnel in front of it really got. */
  port(session: SessionNode, spec: HostSpec): number;
  missing(session: SessionNode): readonly string[];
  /** The sessions that carry it: its hops, and those of the tunnel it is dialled by. Outermost first. */
  carriers(session: SessionNode): readonly Pick<SessionDriver, 'speakFirst'>[];
  /** How long its channels may go on when it retires; milliseconds. */
  drainMs(session: SessionNode): number;
  /** These channels went with the connection they were on. */
  cut(channels: ReadonlySet<Duplex>): void;
  changed(session: SessionNode): void;
}

export class SessionDriver {
  #node: SessionNode;
  #spec: HostSpec;
  readonly #deps: SessionDeps;
  readonly #group: LinkGroup;
  #firstDialAt: number | null = null;
  #lastFailure: Failure | null = null;
  /** While those that go the same way as one that fell silent are asked. */
  #doubting: Promise<unknown> = Promise.resolve();
  readonly #terms: TermsOfHost;
  readonly #report: ConnectionReport;
  readonly #roundTrip: RoundTrip;
  readonly #passage: Passage;
  since: number;
  restarts = 0;

  constructor(node: SessionNode, spec: HostSpec, deps: SessionDeps) {
    this.#node = node;
    this.#spec = spec;
    this.#deps = deps;
    this.since = deps.clock.now();
    this.#terms = new TermsOfHost(deps.asker, (notice) => deps.publish(this.#node, notice));
    this.#report = new ConnectionReport({
      clock: deps.clock,
      publish: (body) => deps.publish(this.#node, body),
      standing: () => ({ host: this.#spec.name, live: this.live, wanted: this.#spec.connections }),
    });
    this.#roundTrip = new RoundTrip(deps.clock);
    this.#group = new LinkGroup(spec.connections, {
      newLink: () => this.#newLink(),
      missing: () => deps.missing(this.#node),
      settled: (before, leadBefore) => this.#settled(before, leadBefore),
    });
    this.#passage = {
      dial: spreadDial(() => this.#group.links),
      ping: (timeoutMs) => this.#group.lead.ping(timeoutMs),
    };
  }

  get node(): SessionNode {
    return this.#node;
  }
  get spec(): HostSpec {
    return this.#spec;
  }
  get state(): SessionState {
    return this.#group.state;
  }
  /** The connection for listeners and commands; null unless connected. Another one takes its place when it is lost. */
  get lead(): Connection | null {
    return this.#group.lead.connection;
  }
  /** The way through the host, over all of its connections; null unless connected. */
  get passage(): Passage | null {
    return this.#group.isUp ? this.#passage : null;
  }
  /** How many SSH connections are up, of `spec.connections`. */
  get live(): number {
    return this.#group.live;
  }
  /** Why it is not connected; while it is tried again, why the last try failed. Who asks for a new try asks for new reasons. */
  get failure(): Failure | null {
    const { state } = this;
    if (state.name === 'connecting') return state.attempt > 0 ? this.#lastFailure : null;
    return 'failure' in state ? state.failure : null;
  }
  get rttMs(): number | null {
    return this.lead && this.#roundTrip.of(this.lead);
  }

  /** Something it needs came up or went, or it is wanted from now on or no longer. */
  input({ missing, wanted }: Extract<SessionInput, { type: 'needs' }>): void {
    this.#group.need(missing, wanted);
  }

  /** A changed spec. `reopen`: the live connections no longer fit it. */
  update(node: SessionNode, spec: HostSpec, how: 'reopen' | 'in-place'): void {
    const keepaliveChanged = !same(spec.keepalive, this.#spec.keepalive);
    this.#node = node;
    this.#spec = spec;
    this.#report.begin();
    if (how === 'reopen') this.#group.reopen();
    else if (keepaliveChanged) this.#group.setKeepalive();
    this.#group.resize(spec.connections);
    this.#group.kick();
  }

  kick(): void {
    this.#group.kick();
  }

  /** Those of its connections that were given up get another chance. */
  retryFailed(): void {
    this.#group.retryFailed();
  }

  /** The world may have changed: see at once whether the connections still answer, and wait for nothing. */
  async probe(): Promise<void> {
    await Promise.all(this.#group.links.map((link) => link.probe()));
  }

  /** What it carries is lost, perhaps since it fell silent: this may be the cause. Resolves when that is told, or nothing is to be told. */
  async speakFirst(silent: boolean): Promise<void> {
    await Promise.all(this.#group.links.map((link) => link.speakFirst(silent)));
    await this.#doubting;
  }

  /** Resolves when it is closed and every connection it had has ended. */
  async stop(): Promise<void> {
    await this.#group.stop(this.#deps.drainMs(this.#node));
  }

  /** Ends what is retiring now. */
  hurry(): void {
    this.#group.hurry();
  }

  /** A fresh round trip time in the background, at most every two seconds. */
  refreshRtt(): void {
    if (this.lead) this.#roundTrip.refresh(this.lead);
  }

  #newLink(): LinkDriver {
    const { clock, network, slots, verbosity } = this.#deps;
    return new LinkDriver({
      clock,
      network,
      slots,
      verbosity,
      place: () => ({ node: this.#node, spec: this.#spec }),
      terms: () => (this.#group.isUp ? this.#terms.further() : this.#terms.first(this.#spec.connections > 1)),
      hop: () => this.#deps.hop(this.#node),
      port: () => this.#deps.port(this.#node, this.#spec),
      missing: () => this.#deps.missing(this.#node),
      suspect: (silent) => this.#suspect(silent),
      drainMs: () => this.#deps.drainMs(this.#node),
      cut: (channels) => this.#deps.cut(channels),
      moved: (link, before) => this.#moved(link, before),
    });
  }

  async #suspect(silent: boolean): Promise<void> {
    for (const carrier of this.#deps.carriers(this.#node)) await carrier.speakFirst(silent);
  }

  #moved(link: LinkDriver, before: SessionState): void {
    const { name } = link.state;
    const went = before.name === 'connected' && (name === 'backoff' || name === 'waiting');
    if (went) this.#onLost(link);
    else if (name === 'connected') this.#report.cameUp();
    else if (before.name === 'connecting' && link.failure && this.#group.isUp) this.#report.refused(link.failure);
    this.#group.moved();
  }

  #onLost(lost: LinkDriver): void {
    this.#report.lost(lost.failure, lost.lostChannels);
    // They go the same way.
    if (lost.failure?.code !== 'keepalive-timeout') return;
    this.#doubting = Promise.all([this.#doubting, ...this.#group.links.map((link) => link.speakFirst(true))]);
  }

  /** Some of the connections moved: what that makes of the host is told. */
  #settled(before: SessionState, leadBefore: LinkDriver): void {
    const { name } = this.state;
    const moved = differs(before, this.state);
    if (name !== 'connecting') this.#lastFailure = this.failure;
    if (name !== before.name) this.since = this.#deps.clock.now();
    if (before.name === 'connected' && (name === 'backoff' || name === 'waiting')) this.restarts += 1;
    if (name === 'connecting') this.#firstDialAt ??= this.#deps.clock.now();
    else if (name !== 'connected') this.#terms.forgetAnswers();
    if (name !== 'connected') this.#report.hush();
    if (this.lead) this.#roundTrip.begin(this.lead);
    else this.#roundTrip.stop();
    if (moved) this.#announce(before);
    if (moved || this.#group.lead !== leadBefore) this.#deps.changed(this.#node);
  }

  #announce(before: SessionState): void {
    const { state } = this;
    const now = this.#deps.clock.now();
    this.#deps.publish(this.#node, {
      type: 'host-state',
      from: before.name,
      to: state.name,
      waitingOn: state.name === 'waiting' ? state.on : [],
      failure: 'failure' in state ? state.failure : null,
      retryInMs: state.name === 'backoff' ? this.#group.lead.retryInMs : null,
      tookMs: state.name === 'connected' && this.#firstDialAt !== null ? now - this.#firstDialAt : null,
    });
    if (state.name === 'connected') this.#firstDialAt = null;
  }
}

/** Is the step worth an event? A new name is, and so is other news within `waiting`. */
const differs = (before: SessionState, after: SessionState): boolean =>
  before.name !== after.name || (after.name === 'waiting' && before.name === 'waiting' && after.on.join() !== before.on.join());
