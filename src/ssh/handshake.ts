/** One attempt at a connection: dial, handshake, authenticate; each with its limit, all of it ended at once by the signal. */
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import ssh2, { type Algorithms, type AnyAuthMethod, type Client } from 'ssh2';
import { formatAddress, tcp } from '../core/address.ts';
import { FailureError, isFailureError, type FailureParts } from '../core/failure.ts';
import { agentSocket } from './agent.ts';
import { AuthContext } from './auth-context.ts';
import { authenticate, authFailure, type AuthSteps, type ServerReply } from './auth.ts';
import { ClientConnection } from './client-connection.ts';
import { coalesceWrites } from './coalesce.ts';
import type { ConnectRequest } from './connect-request.ts';
import { Deadline } from './deadline.ts';
import { keepsNoInput, onAuthFailure, tuneCiphers, wholePackets } from './flow.ts';
import { lostDuring, protocolFailure, type Phase } from './handshake-failure.ts';
import type { HostVerifier } from './host-verifier.ts';
import { identificationReader } from './identification.ts';
import { PacketPool } from './packet-pool.ts';
import { reuseReadBuffer } from './read-buffer.ts';
import { sanitiseLine, sanitiseText } from './sanitise.ts';
import { errorText, ofHost } from './to-failure.ts';

/** Silence of the server while authenticating; waiting for a human is not counted. */
const AUTH_SILENCE_MS = 30_000;
/** For the goodbye to be sent, after the failure has been told. */
const POLITE_END_MS = 1_000;

export class Handshake {
  private readonly request: ConnectRequest;
  private readonly verifier: HostVerifier;
  private readonly algorithms: Algorithms;
  private readonly address: string;
  private readonly client: Client = new ssh2.Client();
  private readonly identification = identificationReader();
  private readonly deadline: Deadline = new Deadline(() => this.onDeadline());
  private readonly context: AuthContext;
  private readonly steps: AuthSteps;
  /** Ends the dial. */
  private readonly dialling = new AbortController();
  private transport: Duplex | null = null;
  private phase: Phase = 'dial';
  /** The last line of the last one, which may say why the server hangs up. */
  private banner = '';
  private reply: ServerReply = { methods: [], partial: false };
  private settle: ((outcome: ClientConnection | FailureError) => void) | null = null;

  constructor(request: ConnectRequest, verifier: HostVerifier, algorithms: Algorithms) {
    this.request = request;
    this.verifier = verifier;
    this.algorithms = algorithms;
    this.address = formatAddress(tcp(request.host.hostname, request.port));
    // Of a login that has failed, nothing is asked any more.
    const signal = AbortSignal.any([request.signal, this.dialling.signal]);
    this.context = new AuthContext({ ...request, signal }, this.deadline);
    this.steps = authenticate(this.context, () => this.fail(authFailure(this.context, this.reply.methods)));
  }

  run(): Promise<ClientConnection> {
    const { signal } = this.request;
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.fail(ofHost(this.request.host.name, { code: 'connection-lost', message: `connecting to ${this.address} was cancelled` }));
        this.transport?.destroy();
      };
      this.settle = (outcome) => {
        this.settle = null;
        this.deadline.stop();
        signal.removeEventListener('abort', onAbort);
        if (outcome instanceof FailureError) reject(outcome);
        else resolve(outcome);
      };
      if (signal.aborted) {
        onAbort();
        return;
      }
      signal.addEventListener('abort', onAbort, { once: true });
      this.deadline.start(this.request.host.connectTimeoutMs);
      void this.dial();
    });
  }

  private async dial(): Promise<void> {
    this.enter('dial', `connecting to ${this.address}`);
    try {
      const transport = await this.request.transport(this.dialling.signal);
      if (!this.settle) {
        transport.destroy();
        return;
      }
      this.transport = transport;
      this.begin(transport);
    } catch (error) {
      this.fail(isFailureError(error) ? ofHost(this.request.host.name, error.failure) : this.bug(error));
    }
  }

  private begin(transport: Duplex): void {
    const { host, notify, verbosity } = this.request;
    const { client } = this;
    const packets = new PacketPool();
    coalesceWrites(transport, () => packets.written());
    this.enter('handshake', 'connected, exchanging keys');
    client.on('error', (error: Error & { level?: string }) => {
      if (error.level === 'agent') this.context.debug(1, `signing failed: ${errorText(error)}`);
      else this.failWith(protocolFailure(error, this.phase, { said: this.identification.text, address: this.address }));
    });
    client.on('close', () => {
      const said = this.phase === 'authenticate' ? this.banner : this.identification.text;
      this.failWith(lostDuring(this.phase, said, this.address));
    });
    client.on('end', () => transport.destroy());
    client.on('banner', (text: string) => {
      this.banner = sanitiseLine(text.trim().split('\n').at(-1) ?? '', 200);
      notify({ type: 'banner', text: sanitiseText(text) });
    });
    client.on('handshake', ({ kex, serverHostKey, cs }) => {
      tuneCiphers(client, packets);
      // Emitted again at every rekey.
      if (this.phase !== 'handshake') return;
      this.context.debug(2, `agreed on ${kex}, ${serverHostKey}, ${cs.cipher}${cs.mac ? `, ${cs.mac}` : ''}`);
      this.enter('authenticate', `authenticating as ${host.user}`);
      this.deadline.start(AUTH_SILENCE_MS);
    });
    client.on('change password', () =>
      this.failWith({ code: 'auth-rejected', message: 'the password has expired', hint: `log in once with ssh to change it` }),
    );
    client.on('ready', () => this.succeed(transport));
    const agent = host.forwardAgent ? agentSocket(host.agent) : null;
    client.connect({
      sock: transport,
      username: host.user,
      algorithms: this.algorithms,
      readyTimeout: 0,
      keepaliveInterval: 0,
      strictVendor: false,
      hostVerifier: (key: Buffer, verify: (valid: boolean) => void) => this.verify(key, verify),
      authHandler: (methods, partial, next) => this.nextAuth(methods, partial, next),
      ...(agent === null ? {} : { agent, agentForward: true }),
      ...(verbosity >= 2 ? { debug: (line: string) => this.ssh2Debug(line) } : {}),
    });
    onAuthFailure(client, (methods, partial) => {
      this.reply = { methods, partial };
    });
    // After connect() has paused it, so that nothing is read before ssh2 listens.
    transport.on('data', (data: Buffer) => {
      this.identification.read(data);
      if (this.phase === 'authenticate' && this.settle) this.deadline.start(AUTH_SILENCE_MS);
    });
  }

  /** The callback form, with strict booleans: ssh2 takes a promise, or anything but `false`, for a yes. */
  private verify(key: Buffer, verify: (valid: boolean) => void): void {
    const again = this.verifier.recheck(key);
    if (again !== undefined) {
      verify(again === null);
      return;
    }
    this.verifier.verify(key, this.deadline).then(
      () => verify(true),
      (error: unknown) => {
        this.fail(isFailureError(error) ? error : this.bug(error));
        verify(false);
      },
    );
  }

  private nextAuth(methods: readonly string[] | null, partial: boolean | null, next: (method: AnyAuthMethod) => void): void {
    // The first call knows nothing; for keys of an agent ssh2 passes on a stale list, which onAuthFailure makes up for.
    if (methods && this.reply.methods.length === 0) this.reply = { methods, partial: partial === true };
    const { reply } = this;
    // One partial success must not be taken for a second.
    this.reply = { ...reply, partial: false };
    this.steps.next(reply).then(
      ({ done, value }) => {
        if (!this.settle) return;
        if (done) this.fail(value);
        else next(value);
      },
      (error: unknown) => this.fail(isFailureError(error) ? ofHost(this.request.host.name, error.failure) : this.bug(error)),
    );
  }

  private succeed(transport: Duplex): void {
    if (!this.settle) return;
    const { host } = this.request;
    const way = this.context.tried.at(-1) ?? 'none';
    this.context.debug(1, `authenticated to ${host.name} with ${way}`);
    const socket = transport instanceof Socket ? transport : null;
    socket?.setNoDelay(true);
    if (socket) {
      reuseReadBuffer(socket, { keepsNone: () => keepsNoInput(this.client), whole: (data) => wholePackets(this.client, data) });
    }
    const connection = new ClientConnection({
      name: host.name,
      client: this.client,
      transport,
      serverVersion: this.identification.text,
      remoteAddress: socket?.remoteAddress ?? null,
    });
    connection.setKeepalive(host.keepalive);
    this.settle(connection);
  }

  private onDeadline(): void {
    const { host } = this.request;
    this.failWith(
      this.phase === 'authenticate'
        ? {
            code: 'timeout',
            message: `no answer while authenticating within ${AUTH_SILENCE_MS / 1000} s`,
            hint: 'is the server overloaded?',
          }
        : {
            code: 'timeout',
            message: `no ${this.phase === 'dial' ? 'answer' : 'SSH handshake'} from ${this.address} within ${host.connectTimeoutMs / 1000} s`,
            hint: 'check hostname and port, the network, a VPN or a firewall on the way',
          },
    );
    this.transport?.destroy();
  }

  private failWith(parts: FailureParts): void {
    if (this.settle) this.fail(ofHost(this.request.host.name, parts));
  }

  private fail(error: FailureError): void {
    if (!this.settle) return;
    this.settle(error);
    this.dialling.abort();
    const { transport } = this;
    if (!transport) return;
    this.client.end();
    setTimeout(() => transport.destroy(), POLITE_END_MS).unref();
  }

  private enter(phase: Phase, message: string): void {
    this.phase = phase;
    this.request.notify({ type: 'phase', phase });
    this.context.debug(1, message);
  }

  /** ssh2's own lines carry names, lengths and algorithms, no secrets; the server's words in them are stripped. */
  private ssh2Debug(line: string): void {
    this.context.debug(line.startsWith('Handshake: ') ? 2 : 3, sanitiseLine(line));
  }

  /** Something of ours threw: told as a lost connection, so that it is neither swallowed nor shown as a stack. */
  private bug(error: unknown): FailureError {
    return ofHost(this.request.host.name, { code: 'connection-lost', message: `internal error: ${errorText(error)}` });
  }
}
