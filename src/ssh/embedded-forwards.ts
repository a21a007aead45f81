/** The forwarding of an embedded server: channels joined to sockets of this machine, and listeners on a host's own loopback. */
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Connection, ServerChannel } from 'ssh2';

interface Bind {
  readonly bindAddr: string;
  readonly bindPort: number;
}

type Accept = ((port?: number) => void) | undefined;
type Reject = (() => void) | undefined;

export class EmbeddedForwards {
  private readonly client: Connection;
  /** Virtual port → real port; shared by every connection of one host. */
  private readonly loopback: Map<number, number>;
  private readonly servers = new Map<number, Server>();
  private clientGone = false;

  constructor(client: Connection, loopback: Map<number, number>) {
    this.client = client;
    this.loopback = loopback;
  }

  async listen({ bindAddr, bindPort }: Bind, accept: Accept, reject: Reject): Promise<void> {
    if (bindPort !== 0 && this.loopback.has(bindPort)) {
      reject?.();
      return;
    }
    // Taken at once: of two requests for one port only the first may have it.
    if (bindPort !== 0) this.loopback.set(bindPort, 0);
    let virtual = bindPort;
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.forward(socket, { bindAddr, bindPort: virtual }));
    const real = await listening(server);
    if (real === null || this.clientGone) {
      server.close();
      this.loopback.delete(bindPort);
      reject?.();
      return;
    }
    virtual = bindPort === 0 ? real : bindPort;
    this.loopback.set(virtual, real);
    this.servers.set(virtual, server);
    accept?.(virtual);
  }

  cancel({ bindPort }: Bind, accept: Accept, reject: Reject): void {
    if (this.close(bindPort)) accept?.();
    else reject?.();
  }

  /** The client has gone: so do its listeners, and those it is still waiting for. */
  closeAll(): void {
    this.clientGone = true;
    for (const port of [...this.servers.keys()]) this.close(port);
  }

  private close(port: number): boolean {
    const server = this.servers.get(port);
    if (!server) return false;
    server.close();
    this.servers.delete(port);
    this.loopback.delete(port);
    return true;
  }

  private forward(socket: Socket, { bindAddr, bindPort }: Bind): void {
    socket.on('error', () => {});
    try {
      this.client.forwardOut(bindAddr, bindPort, socket.remoteAddress ?? '127.0.0.1', socket.remotePort ?? 0, (error, channel) => {
        if (error) socket.resetAndDestroy();
        else join(channel, socket);
      });
    } catch {
      // The client is on its way out.
      socket.resetAndDestroy();
    }
  }
}

const listening = (server: Server): Promise<number | null> =>
  new Promise((resolve) => {
    server.once('error', () => resolve(null));
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : null);
    });
  });

export function connectTo(target: { readonly host: string; readonly port: number }, accept: () => ServerChannel, reject: () => void): void {
  const socket = connect({ ...target, allowHalfOpen: true, noDelay: true });
  socket.once('error', reject);
  socket.once('connect', () => {
    socket.off('error', reject);
    join(accept(), socket);
  });
}

/** ssh2's server channels close at end(), so EOF is sent by hand: half-close then works as with sshd. */
function join(channel: ServerChannel, socket: Socket): void {
  const afterWrites = (work: () => void): void => void channel.write('', work);
  socket.on('error', () => channel.close());
  channel.on('error', () => {});
  socket.on('data', (data) => {
    if (channel.write(data)) return;
    socket.pause();
    channel.once('drain', () => socket.resume());
  });
  socket.on('end', () => afterWrites(() => channel.eof()));
  socket.on('close', () => afterWrites(() => channel.close()));
  channel.on('data', (data: Buffer) => {
    if (socket.write(data)) return;
    channel.pause();
    socket.once('drain', () => channel.resume());
  });
  channel.on('end', () => socket.end());
  channel.on('close', () => socket.destroySoon());
}
