/** The Connection port over an authenticated ssh2 Client. */
import { Duplex } from 'node:stream';
import type { Channel, Client } from 'ssh2';
import { formatAddress, type Address } from '../core/address.ts';
import { Bag } from '../core/bag.ts';
import { failure, FailureError, type Failure, type FailureParts } from '../core/failure.ts';
import type { StopSignal } from '../core/stop.ts';
import { ChannelStream, lostError } from './channel-stream.ts';
import { ClosingChannels } from './closing-channels.ts';
import { Congestion } from './congestion.ts';
import type { Connection, ExecProcess, Origin, RemoteClient, RemoteListener } from './connection.ts';
import { execProcess } from './exec-process.ts';
import { FirstTrips, SETTLED_MS } from './first-trips.ts';
import { holdToWindows, sendPing } from './flow.ts';
import { ForwardChannels } from './forward-channels.ts';
import { KeepaliveTimer } from './keepalive.ts';
import { LinkEstimate } from './link-estimate.ts';
import { PromptAnswer } from './prompt-answer.ts';
import { RemoteListeners } from './remote-listeners.ts';
import { Request, type Answer, type RequestTerms, type Requests } from './request.ts';
import { channelOpenFailure, errorText } from './to-failure.ts';

const REQUEST_TIMEOUT_MS = 60_000;
const LISTEN_TIMEOUT_MS = 15_000;
/** A round trip that takes longer says nothing more. */
const FIRST_PING_MS = 10_000;
const EXEC_TIMEOUT_MS = 30_000;
const END_TIMEOUT_MS = 2_000;
const NO_ORIGIN: Origin = { address: '127.0.0.1', port: 0 };

export interface ConnectedClient {
  readonly name: string;
  readonly client: Client;
  readonly transport: Duplex;
  readonly serverVersion: string;
  readonly remoteAddress: string | null;
}

type Limits = Omit<RequestTerms, 'name' | 'what'>;

export class ClientConnection implements Connection {
  readonly serverVersion: string;
  readonly remoteAddress: string | null;
  readonly closed: Promise<Failure | null>;
  private readonly name: string;
  private readonly client: Client;
  private readonly transport: Duplex;
  private readonly link = new LinkEstimate();
  private readonly closing = new ClosingChannels();
  /** Null where ssh2's internals are not as expected: forwarded connections then go over its own channels. */
  private readonly channels: ForwardChannels | null;
  private readonly promptAnswer: PromptAnswer | null;
  private readonly congestion: Congestion;
  private readonly listeners: RemoteListeners;
  private readonly keepalive: KeepaliveTimer;
  private readonly since = performance.now();
  private readonly firstTrips: FirstTrips;
  private readonly streams = new Set<ChannelStream>();
  private readonly requests: Requests = new Bag();
  private cause: FailureParts | null = null;
  private heardBytes = 0;
  private endedHere = false;
  private isClosed = false;

  constructor({ name, client, transport, serverVersion, remoteAddress }: ConnectedClient) {
    this.name = name;
    this.client = client;
    this.transport = transport;
    this.serverVersion = serverVersion;
    this.remoteAddress = remoteAddress;
    holdToWindows(client);
    this.channels = ForwardChannels.over(client, { transport, link: this.link, closing: this.closing });
    const { channels } = this;
    this.promptAnswer =
      channels &&
      new PromptAnswer({ sent: () => channels.sentMessages, forerunners: () => channels.forerunners, answer: () => channels.answer() });
    this.congestion = new Congestion(transport);
    this.listeners = new RemoteListeners(client, this.channels, (accept) => (this.isClosed ? new Duplex().destroy() : this.wrap(accept())));
    this.keepalive = new KeepaliveTimer({
      ping: () => void sendPing(client, () => {}),
      onDead: (silentMs) =>
        this.die({ code: 'keepalive-timeout', message: `no answer to keepalives for ${Math.round(silentMs / 1000)} s` }),
    });
    transport.on('data', (data: Buffer) => {
      this.heardBytes += data.length;
      this.keepalive.heard();
      this.promptAnswer?.heard(data.length);
    });
    client.on('error', (error: Error & { level?: string }) => this.onError(error));
    // A server that has ended its side of the transport is gone: a channel of a hop stays half open otherwise.
    client.on('end', () => this.transport.destroy());
    this.closed = new Promise((resolve) => {
      client.on('close', () => resolve(this.onClose()));
    });
    this.firstTrips = new FirstTrips({ ask: () => this.ping(FIRST_PING_MS), isShort: () => this.link.isShort });
  }

  dial(
    target: Address,
    { origin = NO_ORIGIN, signal, timeoutMs = REQUEST_TIMEOUT_MS }: { origin?: Origin; signal?: StopSignal; timeoutMs?: number } = {},
  ): Promise<Duplex> {
    return this.bounded<Duplex>(
      () => `to connect to ${formatAddress(target)}`,
      { timeoutMs, signal },
      (answer) => {
        if (this.channels) return this.open(this.channels, { target, origin }, answer);
        const opened = (error: (Error & { reason?: unknown }) | undefined, channel: Channel): void => {
          if (!error) {
            const stream = this.wrap(channel);
            if (!answer.succeed(stream)) stream.destroy();
          } else if (error.reason === undefined || error.reason === '') answer.fail(this.lost());
          else answer.fail(new FailureError(channelOpenFailure(error.reason, error.message, target)));
        };
        if (target.kind === 'unix') this.client.openssh_forwardOutStreamLocal(target.path, opened);
        else this.client.forwardOut(origin.address, origin.port, target.host === '*' ? 'localhost' : target.host, target.port, opened);
      },
    );
  }

  private open(channels: ForwardChannels, { target, origin }: { target: Address; origin: Origin }, answer: Answer<Duplex>): void {
    const opened = channels.open(target, origin, {
      opened: (stream) => {
        if (!answer.succeed(stream)) stream.destroy();
      },
      refused: (reason, description) => answer.fail(new FailureError(channelOpenFailure(reason, description, target))),
    });
    if (!opened) answer.fail(new FailureError(channelOpenFailure(4, 'the connection has no channel left', target)));
  }

  listen(at: Address, onClient: (client: RemoteClient) => void): Promise<RemoteListener> {
    return this.listeners.listen(at, onClient, (what, start) => this.bounded(() => what, { timeoutMs: LISTEN_TIMEOUT_MS }, start));
  }

  exec(command: string): Promise<ExecProcess> {
    return this.bounded<ExecProcess>(
      () => 'to run a command',
      { timeoutMs: EXEC_TIMEOUT_MS },
      (answer) => {
        this.client.exec(command, (error: (Error & { reason?: unknown }) | undefined, channel) => {
          if (!error) {
            const process = execProcess(channel, this.wrap(channel, { peerCloses: true }));
            if (!answer.succeed(process)) process.close();
          } else if (this.isClosed) answer.fail(this.lost());
          else
            answer.fail(
              new FailureError({
                code: 'target-forbidden',
                message: `${this.name}: the server does not run commands for this account`,
                hint: 'the account has no shell, or the key or sshd_config allows port forwarding only',
                cause: errorText(error),
              }),
            );
        });
      },
    );
  }

  async ping(timeoutMs: number): Promise<number> {
    const from = performance.now();
    const before = this.movedBytes;
    const timedOut = { code: 'keepalive-timeout', message: `${this.name}: no answer to a keepalive within ${timeoutMs} ms` } as const;
    await this.bounded<null>(
      () => 'a keepalive',
      { timeoutMs, timedOut },
      (answer) => {
        const sent = sendPing(this.client, (answered) => (answered ? void answer.succeed(null) : answer.fail(this.lost())));
        if (!sent) answer.fail(this.lost());
      },
    );
    const ms = performance.now() - from;
    if (from - this.since < SETTLED_MS) this.link.atMost(ms);
    else this.link.sample(ms, this.movedBytes - before);
    return ms;
  }

  setKeepalive(keepalive: { readonly intervalMs: number; readonly count: number }): void {
    if (!this.isClosed) this.keepalive.set(keepalive);
  }

  doubt(): boolean {
    return !this.isClosed && this.keepalive.doubt();
  }

  private get movedBytes(): number {
    return this.heardBytes + (this.channels?.sentBytes ?? 0);
  }

  flushed(): Promise<void> {
    return this.closing.none();
  }

  async end(timeoutMs: number = END_TIMEOUT_MS): Promise<void> {
    this.endedHere = true;
    if (this.isClosed) return;
    const timer = setTimeout(() => this.transport.destroy(), timeoutMs);
    if (timeoutMs > 0) await Promise.race([this.flushed(), this.closed]);
    if (!this.isClosed) this.client.end();
    await this.closed;
    clearTimeout(timer);
  }

  /** Ends the connection at once, with a cause of our own. */
  private die(cause: FailureParts): void {
    this.cause ??= cause;
    this.transport.destroy();
  }

  private onError(error: Error & { level?: string }): void {
    // A forwarded agent that fails is no reason to end; and of several errors the first is the cause.
    if (error.level === 'agent') return;
    this.cause ??= { code: 'connection-lost', message: `connection lost: ${errorText(error)}`, cause: errorText(error) };
    this.transport.destroy();
  }

  private onClose(): Failure | null {
    this.isClosed = true;
    this.keepalive.stop();
    this.firstTrips.stop();
    this.promptAnswer?.stop();
    const lost = this.lost();
    for (const request of this.requests.values()) request.fail(lost);
    this.channels?.lose(lostError(lost.message));
    for (const stream of this.streams) stream.lose(lostError(lost.message));
    return this.endedHere ? null : lost.failure;
  }

  private lost(): FailureError {
    const cause = this.cause ?? {
      code: 'connection-lost',
      message: this.endedHere ? 'the connection was ended' : 'the server closed the connection',
    };
    return new FailureError({ ...failure(cause), message: `${this.name}: ${cause.message}`, hint: cause.hint ?? 'it is tried again' });
  }

  private wrap(channel: Channel, options: { readonly peerCloses?: boolean } = {}): ChannelStream {
    const stream = new ChannelStream(channel, { congestion: this.congestion, closing: this.closing }, options);
    this.streams.add(stream);
    stream.once('close', () => this.streams.delete(stream));
    if (this.isClosed) stream.destroy();
    return stream;
  }

  private bounded<T>(what: () => string, limits: Limits, start: (answer: Answer<T>) => void): Promise<T> {
    if (this.isClosed) return Promise.reject(this.lost());
    return Request.make<T>(this.requests, { name: this.name, what, ...limits }, (answer) => {
      try {
        start(answer);
      } catch {
        // ssh2 throws "Not connected" when the transport ended and `close` has not come yet.
        answer.fail(this.lost());
      }
    });
  }
}
