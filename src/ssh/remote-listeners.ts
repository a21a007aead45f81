/** Remote forwardings of one connection (RFC 4254 §7.1, PROTOCOL §2.4): asked for, dispatched by what was bound, cancelled. */
import type { Duplex } from 'node:stream';
import type { Channel, Client } from 'ssh2';
import { formatAddress, tcp, unix, type Address } from '../core/address.ts';
import { FailureError } from '../core/failure.ts';
import type { RemoteClient, RemoteListener } from './connection.ts';
import type { ForwardChannels, Incoming } from './forward-channels.ts';
import type { Answer } from './request.ts';
import { errorText } from './to-failure.ts';

type OnClient = (client: RemoteClient) => void;
type Accept = () => Channel;
/** One of ssh2's own channels as a stream. */
type Wrap = (accept: Accept) => Duplex;

/** RFC 4254 §7.1: the empty address is every interface of every protocol; `localhost` is both loopbacks. */
const bindName = (host: string): string => (host === '*' ? '' : host);

const CANCEL_TIMEOUT_MS = 5_000;

export class RemoteListeners {
  private readonly client: Client;
  private readonly wrap: Wrap;
  private readonly registered = new Map<string, OnClient>();

  constructor(client: Client, channels: ForwardChannels | null, wrap: Wrap) {
    this.client = client;
    this.wrap = wrap;
    if (channels) channels.onOpening = (incoming) => this.takes(incoming);
    // Only where the channels are ssh2's, or nobody registered what the server opens.
    client.on('tcp connection', (info, accept, reject) => {
      const onClient = this.registered.get(tcpKey(info.destIP, info.destPort));
      if (onClient) onClient({ ...tcpEnds(info), accept: () => this.wrap(accept), refuse: () => refuse(reject) });
      else reject();
    });
    client.on('unix connection', (info, accept, reject) => {
      const onClient = this.registered.get(info.socketPath);
      if (onClient) onClient({ ...unixEnds(info.socketPath), accept: () => this.wrap(accept), refuse: () => refuse(reject) });
      else reject();
    });
  }

  /** `settle` gives up on an answer when the connection goes or the time is up: the caller bounds it. */
  async listen(
    at: Address,
    onClient: OnClient,
    bounded: <T>(what: string, start: (done: Answer<T>) => void) => Promise<T>,
  ): Promise<RemoteListener> {
    const bound = await bounded<Address>(`to listen on ${formatAddress(at)}`, (answer) => this.ask(at, onClient, answer));
    return { bound, close: () => this.cancel(bound) };
  }

  private ask(at: Address, onClient: OnClient, answer: Answer<Address>): void {
    const asked = (error: Error | null | undefined, bound: Address): void => {
      if (error) {
        answer.fail(denied(at, error));
        return;
      }
      // In the same turn as the answer: the first client may be in the packet behind it.
      this.registered.set(keyOf(bound), onClient);
      if (!answer.succeed(bound)) void this.cancel(bound);
    };
    if (at.kind === 'unix') this.client.openssh_forwardInStreamLocal(at.path, (error) => asked(error, at));
    else this.client.forwardIn(bindName(at.host), at.port, (error, port) => asked(error, tcp(at.host, port ?? at.port)));
  }

  private takes({ channel: { type, data }, accept, refuse }: Incoming): boolean {
    const { destIP = '', destPort = 0, srcIP = '', srcPort = 0, socketPath } = data;
    if (type === 'forwarded-streamlocal@openssh.com' && socketPath !== undefined) {
      const onClient = this.registered.get(socketPath);
      onClient?.({ ...unixEnds(socketPath), accept, refuse });
      return onClient !== undefined;
    }
    if (type !== 'forwarded-tcpip') return false;
    const onClient = this.registered.get(tcpKey(destIP, destPort));
    onClient?.({ ...tcpEnds({ destIP, destPort, srcIP, srcPort }), accept, refuse });
    return onClient !== undefined;
  }

  private async cancel(bound: Address): Promise<void> {
    this.registered.delete(keyOf(bound));
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, CANCEL_TIMEOUT_MS);
      const done = (): void => {
        clearTimeout(timer);
        resolve();
      };
      try {
        if (bound.kind === 'unix') this.client.openssh_unforwardInStreamLocal(bound.path, done);
        else this.client.unforwardIn(bindName(bound.host), bound.port, done);
      } catch {
        // The connection is gone, and every forwarding with it.
        done();
      }
    });
  }
}

/** With compression ssh2 throws where the connection is gone; the client is then, too. */
function refuse(reject: () => void): void {
  try {
    reject();
  } catch {
    // there is nobody to refuse any more
  }
}

type Ends = Pick<RemoteClient, 'origin' | 'destination'>;

const tcpEnds = (info: { destIP: string; destPort: number; srcIP: string; srcPort: number }): Ends => ({
  origin: { address: info.srcIP, port: info.srcPort },
  destination: tcp(info.destIP || '*', info.destPort),
});
const unixEnds = (path: string): Ends => ({ origin: null, destination: unix(path) });

const tcpKey = (host: string, port: number): string => `${bindName(host)}:${port}`;
const keyOf = (address: Address): string => (address.kind === 'unix' ? address.path : tcpKey(address.host, address.port));

function denied(at: Address, error: Error): FailureError {
  const place = formatAddress(at);
  const hint =
    at.kind === 'unix'
      ? 'a socket file may be left there (StreamLocalBindUnlink), its directory may be missing or not writable, or AllowStreamLocalForwarding forbids it'
      : at.port > 0 && at.port < 1024
        ? 'ports below 1024 need root there; or the port is in use, or AllowTcpForwarding or PermitListen forbids it'
        : 'the port is in use there, or AllowTcpForwarding, PermitListen or the key’s permitlisten forbids it';
  return new FailureError({
    code: 'remote-forward-denied',
    message: `the server refused to listen on ${place}`,
    hint,
    cause: errorText(error),
  });
}
