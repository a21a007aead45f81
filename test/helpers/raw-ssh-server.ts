/** An SSH server whose channels are the test's own: it hears every message about them as it came, and says what it likes, when it likes. */
import { createServer, type AddressInfo, type Socket } from 'node:net';
import ssh2, { type Connection as ServerConnection } from 'ssh2';
import { describeKey, generateKey } from '../../src/ssh/generate-key.ts';
import { until } from './wait.ts';

/** RFC 4254 §9. */
export const MESSAGE = {
  OPEN: 90,
  OPEN_CONFIRMATION: 91,
  OPEN_FAILURE: 92,
  WINDOW_ADJUST: 93,
  DATA: 94,
  EXTENDED_DATA: 95,
  EOF: 96,
  CLOSE: 97,
  REQUEST: 98,
  SUCCESS: 99,
  FAILURE: 100,
} as const;

export interface Heard {
  readonly what: keyof typeof MESSAGE;
  /** Our number of the channel; of an OPEN the client's. */
  readonly id: number;
  /** The client's number, its window and its largest packet: of OPEN and OPEN_CONFIRMATION. */
  readonly sender: number;
  readonly window: number;
  readonly packetSize: number;
  /** What the window grows by, or the reason of a refusal. */
  readonly value: number;
  readonly data: Buffer;
  readonly open: { readonly type: string; readonly data: Readonly<Record<string, string | number>> } | null;
}

export interface RawClient {
  readonly heard: readonly Heard[];
  readonly socket: Socket;
  readonly server: ServerConnection;
  /** Told of each message, after it was put to `heard`. */
  onHeard: (message: Heard) => void;
  /** Numbers are uint32, strings and buffers have their length before them, booleans are bytes. */
  say(what: keyof typeof MESSAGE, ...fields: readonly (number | string | Buffer | boolean)[]): void;
  /** Begins an exchange of keys. */
  rekey(): void;
  /** The first message of that kind, from the `from`th of all on; waits for it. */
  until(what: keyof typeof MESSAGE, from?: number): Promise<Heard>;
  /** Data of all channels, or of one. */
  received(id?: number): Buffer;
}

export interface RawServer {
  readonly port: number;
  readonly hostKey: string;
  /** The client that came first. */
  client(): Promise<RawClient>;
  stop(): void;
}

const NOTHING = Buffer.alloc(0);

/** Every login is let in, every global request granted. */
export async function startRawServer(): Promise<RawServer> {
  const key = describeKey(generateKey().privateKey);
  const sockets: Socket[] = [];
  const clients: RawClient[] = [];
  const ssh = new ssh2.Server({ hostKeys: [key.privateKey] }, (server) => {
    server.on('error', () => {});
    server.on('authentication', (context) => context.accept());
    server.on('request', (accept) => accept?.());
    server.once('ready', () => clients.push(takeOver(server, sockets.at(-1) as Socket)));
  });
  const listener = createServer({ noDelay: true }, (socket) => {
    sockets.push(socket);
    ssh.injectSocket(socket);
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  return {
    port: (listener.address() as AddressInfo).port,
    hostKey: key.fingerprint,
    client: () => until(() => clients[0], { what: 'a client to log in' }),
    stop: () => {
      for (const socket of sockets) socket.destroy();
      listener.close();
    },
  };
}

interface Inside {
  readonly _protocol: {
    readonly _handlers: Record<string, (...args: unknown[]) => void>;
    readonly _packetRW: { readonly write: { readonly allocStart: number; alloc(bytes: number): Buffer; finalize(packet: Buffer): Buffer } };
    readonly _cipher: { encrypt(packet: Buffer): void };
    rekey(): void;
  };
}

function takeOver(server: ServerConnection, socket: Socket): RawClient {
  const { _protocol: protocol } = server as unknown as Inside;
  const heard: Heard[] = [];
  const hear = (what: Heard['what'], rest: Partial<Heard>): void => {
    const message = { what, id: 0, sender: 0, window: 0, packetSize: 0, value: 0, data: NOTHING, open: null, ...rest };
    heard.push(message);
    client.onHeard(message);
  };
  const on = (what: Heard['what'], read: (...args: never[]) => Partial<Heard>): void => {
    // The first argument of each is the protocol.
    protocol._handlers[`CHANNEL_${what}`] = (_protocol, ...args) => hear(what, Reflect.apply(read, undefined, args));
  };
  type Opening = { sender: number; window: number; packetSize: number; type: string; data: Record<string, string | number> };
  on('OPEN', ({ sender, window, packetSize, type, data }: Opening) => ({ id: sender, sender, window, packetSize, open: { type, data } }));
  on('OPEN_CONFIRMATION', ({ recipient: id, ...rest }: { recipient: number } & Partial<Heard>) => ({ id, ...rest, data: NOTHING }));
  on('OPEN_FAILURE', (id: number, value: number) => ({ id, value }));
  on('WINDOW_ADJUST', (id: number, value: number) => ({ id, value }));
  on('DATA', (id: number, data: Buffer) => ({ id, data: Buffer.from(data) }));
  for (const what of ['EOF', 'CLOSE', 'SUCCESS', 'FAILURE'] as const) on(what, (id: number) => ({ id }));
  const client: RawClient = {
    heard,
    socket,
    server,
    onHeard: () => {},
    say: (what, ...fields) => {
      const payload = Buffer.concat([Buffer.from([MESSAGE[what]]), ...fields.map(encoded)]);
      const { write } = protocol._packetRW;
      const packet = write.alloc(payload.length);
      packet.set(payload, write.allocStart);
      protocol._cipher.encrypt(write.finalize(packet));
    },
    rekey: () => protocol.rekey(),
    until: (what, from = 0) =>
      until(() => heard.slice(from).find((message) => message.what === what), { what: `the client to say ${what}` }),
    received: (id) => Buffer.concat(heard.filter((message) => id === undefined || message.id === id).map(({ data }) => data)),
  };
  return client;
}

function encoded(field: number | string | Buffer | boolean): Buffer {
  if (typeof field === 'boolean') return Buffer.from([field ? 1 : 0]);
  const number = Buffer.alloc(4);
  if (typeof field === 'number') {
    number.writeUInt32BE(field);
    return number;
  }
  number.writeUInt32BE(Buffer.byteLength(field));
  return Buffer.concat([number, Buffer.from(field)]);
}
