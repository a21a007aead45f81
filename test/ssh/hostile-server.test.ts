import { createServer, type AddressInfo, type Socket } from 'node:net';
import ssh2, { type Connection as ServerConnection } from 'ssh2';
import { afterEach, expect, test } from 'vitest';
import { tcp } from '../../src/core/address.ts';
import { isFailureError } from '../../src/core/failure.ts';
import { connect } from '../../src/ssh/connect.ts';
import type { ConnectNotice } from '../../src/ssh/connect-request.ts';
import type { Connection } from '../../src/ssh/connection.ts';
import { tcpTransport } from '../../src/ssh/dial.ts';
import { describeKey, generateKey } from '../../src/ssh/generate-key.ts';
import { hostSpec } from '../helpers/spec.ts';

const undo: (() => void)[] = [];
afterEach(() => {
  for (const work of undo.splice(0).reverse()) work();
});

interface Opened {
  readonly connection: Connection;
  readonly server: ServerConnection;
  readonly notices: ConnectNotice[];
}

async function meet(forwardAgent: boolean, config: { banner?: string } = {}): Promise<Opened> {
  const key = describeKey(generateKey().privateKey);
  let server: ServerConnection | null = null;
  const ssh = new ssh2.Server({ hostKeys: [key.privateKey], ...config }, (client) => {
    server = client;
    client.on('error', () => {});
    client.on('authentication', (context) => context.accept());
    client.on('request', (accept) => accept?.());
    client.on('session', (accept) => {
      const session = accept();
      session.on('auth-agent', (yes) => (yes as unknown as (() => void) | undefined)?.());
      session.on('exec', (yes) => {
        const channel = yes();
        channel.exit(0);
        channel.end();
      });
    });
  });
  const sockets = new Set<Socket>();
  const listener = createServer((socket) => {
    sockets.add(socket);
    ssh.injectSocket(socket);
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  undo.push(() => {
    for (const socket of sockets) socket.destroy();
    listener.close();
  });
  const { port } = listener.address() as AddressInfo;
  const agent = createServer((socket) => void socket.end('agent'));
  const path = `${process.env['TMPDIR'] ?? '/tmp'}/agent-${process.pid}-${port}`;
  await new Promise<void>((resolve) => agent.listen(path, resolve));
  undo.push(() => agent.close());
  const notices: ConnectNotice[] = [];
  const connection = await connect({
    host: hostSpec('hostile', { hostname: '127.0.0.1', port, hostKeys: [key.fingerprint], agent: path, forwardAgent }),
    port,
    transport: tcpTransport({ host: '127.0.0.1', port, addressFamily: 'any', timeoutMs: 2_000 }),
    asker: { secret: async () => null, hostKey: async () => null },
    notify: (notice) => void notices.push(notice),
    signal: new AbortController().signal,
    verbosity: 1,
  });
  undo.push(() => void connection.end(0));
  if (!server) throw new Error('nobody came');
  return { connection, server, notices };
}

/** ssh2's server has no call for it. */
function openAgentChannel(server: ServerConnection, done: (error?: Error) => void): void {
  const raw = server as unknown as {
    _chanMgr: { add(onAnswer: (error?: Error) => void): number };
    _protocol: { openssh_authAgent(id: number, window: number, packet: number): void };
  };
  const onAnswer = Object.assign((error?: Error): void => done(error), { type: 'auth-agent@openssh.com' });
  raw._protocol.openssh_authAgent(raw._chanMgr.add(onAnswer), 1 << 21, 1 << 15);
}

/** What the client makes of a channel the server opens. */
const opens = (server: ServerConnection, kind: 'agent' | 'forwarded' | 'x11'): Promise<'taken' | 'refused'> =>
  new Promise((resolve) => {
    const done = (error: Error | undefined): void => resolve(error ? 'refused' : 'taken');
    if (kind === 'agent') openAgentChannel(server, done);
    else if (kind === 'x11') server.x11('127.0.0.1', 6_000, done);
    else server.forwardOut('localhost', 1_234, '127.0.0.1', 1, done);
  });

test('channels nobody asked for are refused: agent, forwarded port, X11', async () => {
  const { connection, server } = await meet(false);
  expect([await opens(server, 'agent'), await opens(server, 'forwarded'), await opens(server, 'x11')]).toEqual([
    'refused',
    'refused',
    'refused',
  ]);
  const process = await connection.exec('true');
  process.stdout.resume();
  process.stderr.resume();
  await process.exit;
  expect(await opens(server, 'agent')).toBe('refused');
});

test('the agent is forwarded where it was asked for, once a command has run', async () => {
  const { connection, server } = await meet(true);
  const process = await connection.exec('true');
  process.stdout.resume();
  process.stderr.resume();
  await process.exit;
  expect(await opens(server, 'agent')).toBe('taken');
});

test('a port is served only while it is registered', async () => {
  const { connection, server } = await meet(false);
  const listener = await connection.listen(tcp('localhost', 1_234), (client) => void client.accept().end());
  expect(await opens(server, 'forwarded')).toBe('taken');
  await listener.close();
  expect(await opens(server, 'forwarded')).toBe('refused');
});

test('escapes in its banner and in what it says at the end do not reach the user', async () => {
  const { connection, server, notices } = await meet(false, { banner: 'hello \u001b]0;owned\u0007\u001b[31mred' });
  expect(notices).toContainEqual({ type: 'banner', text: 'hello red' });
  const raw = server as unknown as { _protocol: { disconnect(reason: number): void }; end(): void };
  raw._protocol.disconnect(2);
  raw.end();
  const failure = await connection.closed;
  expect(failure?.code).toBe('connection-lost');
  const dial = await connection.dial(tcp('x', 1)).catch((error: unknown) => error);
  expect(isFailureError(dial)).toBe(true);
});
