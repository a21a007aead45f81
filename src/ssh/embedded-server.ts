/**
 * A small SSH server in this process, for the demo and the tests. It forwards, and does nothing else: no shell, no commands,
 * no unix sockets.
 *
 * Several of them stand for a network. Each is a host with a loopback of its own: a table of virtual ports, each of which leads to
 * a real port of this machine's 127.0.0.1. A remote forwarding of `localhost:2999` takes the virtual port 2999 of that host only,
 * and what is dialled from that host at `localhost:2999` (or at the host's own name) finds it there. Every other name is looked
 * up by `resolve`, which so decides whom the host can reach. Nothing of this machine is reachable unless named by one of the two.
 */
import { createServer, type Server as NetServer, type Socket } from 'node:net';
import type { Connection } from 'ssh2';
import ssh2 from 'ssh2';
import { isLoopback, isWildcard } from '../core/address.ts';
import { authorizer, type Admission } from './embedded-admission.ts';
import { connectTo, EmbeddedForwards } from './embedded-forwards.ts';
import { describeKey, generateKey } from './generate-key.ts';

export interface EmbeddedTarget {
  readonly host: string;
  readonly port: number;
}

export interface EmbeddedServerOptions extends Admission {
  /** The host's own name, which leads to its loopback as `localhost` does. */
  readonly name?: string;
  /** An unencrypted private key; default: a fresh Ed25519 key. */
  readonly hostKey?: string;
  /** Where it really listens; default 127.0.0.1 and a free port. */
  readonly listen?: EmbeddedTarget;
  /** Services on the host's loopback: virtual port → real port of 127.0.0.1. */
  readonly services?: Readonly<Record<number, number>>;
  /** Where a name other than the host's own leads, as an address of this machine; null: unknown there. Default: always null. */
  readonly resolve?: (target: EmbeddedTarget) => EmbeddedTarget | null;
  /** Whether remote forwardings are allowed; default true. */
  readonly remoteBinds?: boolean;
}

export interface EmbeddedServer {
  readonly host: string;
  readonly port: number;
  /** Of the host key, `SHA256:…`. */
  readonly fingerprint: string;
  /** `ssh-ed25519 AAAA…`. */
  readonly publicKey: string;
  /** The real port behind a virtual one of this host's loopback, or null where nothing listens. */
  realPort(virtualPort: number): number | null;
  /** Ends every connection, as if the host had failed; it goes on listening. */
  dropConnections(): void;
  /** How many clients are connected now. */
  readonly connections: number;
  /** Ends every connection and every listener. Never rejects. */
  stop(): Promise<void>;
}

/** Rejects with the system's error where it cannot listen. */
export async function startEmbeddedServer(options: EmbeddedServerOptions): Promise<EmbeddedServer> {
  const { name, resolve = () => null, remoteBinds = true } = options;
  const listen = options.listen ?? { host: '127.0.0.1', port: 0 };
  const key = options.hostKey === undefined ? generateKey() : describeKey(options.hostKey);
  const loopback = new Map(Object.entries(options.services ?? {}).map(([virtual, real]) => [Number(virtual), real]));
  const clients = new Set<Connection>();
  // Not all of 127.0.0.0/8: whoever answers at 127.0.0.2 is taken to listen on every interface, and these never do.
  const isOwn = (host: string): boolean =>
    (isLoopback(host) && (host === '127.0.0.1' || !host.startsWith('127.'))) ||
    isWildcard(host) ||
    host.toLowerCase() === name?.toLowerCase();

  const locate = ({ host, port }: EmbeddedTarget): EmbeddedTarget | null => {
    const real = isOwn(host) ? loopback.get(port) : undefined;
    return real ? { host: '127.0.0.1', port: real } : resolve({ host, port });
  };

  const server = new ssh2.Server({ hostKeys: [key.privateKey] }, (client) => {
    clients.add(client);
    const forwards = new EmbeddedForwards(client, loopback);
    client.on('authentication', authorizer(options));
    client.on('tcpip', (accept, reject, { destIP: host, destPort: port }) => {
      const target = locate({ host, port });
      if (target) connectTo(target, accept, reject);
      else reject();
    });
    client.on('request', (...[accept, reject, kind, info]) => {
      if (!('bindPort' in info)) reject?.();
      else if (kind === 'cancel-tcpip-forward') forwards.cancel(info, accept, reject);
      else if (remoteBinds && isOwn(info.bindAddr)) void forwards.listen(info, accept, reject);
      else reject?.();
    });
    // A client that went away, or spoke nonsense, is no concern of the server's.
    client.on('error', () => {});
    client.on('close', () => {
      clients.delete(client);
      forwards.closeAll();
    });
  });

  // A listener of our own, so that a connection that hangs can be cut.
  const sockets = new Set<Socket>();
  const listener = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    server.injectSocket(socket);
  });
  const port = await listening(listener, listen);
  const dropConnections = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    host: listen.host,
    port,
    fingerprint: key.fingerprint,
    publicKey: key.publicKey,
    realPort: (virtualPort) => loopback.get(virtualPort) || null,
    dropConnections,
    get connections() {
      return clients.size;
    },
    stop: () =>
      new Promise((done) => {
        listener.close(() => done());
        dropConnections();
      }),
  };
}

function listening(listener: NetServer, { host, port }: EmbeddedTarget): Promise<number> {
  return new Promise((resolve, reject) => {
    listener.once('error', reject);
    listener.listen(port, host, () => {
      listener.off('error', reject);
      listener.on('error', () => {});
      const address = listener.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}
