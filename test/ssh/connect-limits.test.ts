import { createServer, type AddressInfo, type Socket } from 'node:net';
import ssh2, { type AuthContext } from 'ssh2';
import { afterEach, expect, test, vi } from 'vitest';
import { isFailureError } from '../../src/core/failure.ts';
import type { HostSpec } from '../../src/core/spec.ts';
import { connect } from '../../src/ssh/connect.ts';
import type { Asker, ConnectNotice } from '../../src/ssh/connect-request.ts';
import { tcpTransport } from '../../src/ssh/dial.ts';
import { generateKey } from '../../src/ssh/generate-key.ts';
import { hostSpec } from '../helpers/spec.ts';

const undo: (() => void)[] = [];
afterEach(() => {
  vi.useRealTimers();
  for (const work of undo.splice(0)) work();
});

/** A server that authenticates as told, and a client whose clock stands still: only the network goes on. */
async function against(
  onAuthentication: (context: AuthContext) => void,
  { banner, ...host }: Partial<HostSpec> & { readonly banner?: string },
  asker: Partial<Asker> = {},
) {
  const key = generateKey();
  const ssh = new ssh2.Server(
    { hostKeys: [key.privateKey], ...(banner === undefined ? {} : { banner }) },
    (client) => void client.on('error', () => {}).on('authentication', onAuthentication),
  );
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
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  const phases: string[] = [];
  const outcome = connect({
    host: hostSpec('slow', { hostname: '127.0.0.1', port, hostKeys: [key.fingerprint], ...host }),
    port,
    transport: tcpTransport({ host: '127.0.0.1', port, addressFamily: 'any', timeoutMs: 10_000 }),
    asker: { secret: async () => null, hostKey: async () => null, ...asker },
    notify: (notice: ConnectNotice) => void (notice.type === 'phase' && phases.push(notice.phase)),
    signal: new AbortController().signal,
    verbosity: 0,
  }).then(
    (connection) => connection,
    (error: unknown) => (isFailureError(error) ? error.failure : error),
  );
  return { outcome, phases };
}

/** The network needs real time, a few milliseconds of it. */
const realTimeout = globalThis.setTimeout;

async function settle(until: () => boolean): Promise<void> {
  for (let turn = 0; turn < 1_000 && !until(); turn += 1) await new Promise((resolve) => realTimeout(resolve, 2));
  expect(until()).toBe(true);
}

test('a server that falls silent while authenticating is given up after 30 s', async () => {
  let asked = false;
  const { outcome, phases } = await against(() => {
    asked = true;
  }, {});
  await settle(() => asked);
  expect(phases).toEqual(['dial', 'handshake', 'authenticate']);
  let done = false;
  void outcome.then(() => {
    done = true;
  });
  vi.advanceTimersByTime(29_000);
  await new Promise((resolve) => realTimeout(resolve, 20));
  expect(done).toBe(false);
  vi.advanceTimersByTime(1_001);
  expect(await outcome).toMatchObject({ code: 'timeout', message: expect.stringContaining('while authenticating') });
});

test('a server that hangs up while authenticating is quoted with what it said last', async () => {
  const banner = 'Authorised use only.\r\n\u001b[31mYour account has expired; please contact your system administrator.\r\n';
  const { outcome } = await against(() => undo.splice(0).forEach((work) => work()), { banner });
  expect(await outcome).toMatchObject({
    code: 'connection-lost',
    message: expect.stringMatching(
      /closed the connection while authenticating; it said "Your account has expired; please contact your system administrator\."$/,
    ),
  });
});

test('a human who is asked for a password, or about a host key, may take longer than any limit', async () => {
  let answer: (text: string) => void = () => {};
  let trust: (word: 'yes') => void = () => {};
  let questions = 0;
  const { outcome } = await against(
    (context) => (context.method === 'password' && context.password === 'at last' ? context.accept() : context.reject(['password'])),
    { hostKeys: [], hostKeyPolicy: 'ask', connectTimeoutMs: 1_000 },
    {
      hostKey: () =>
        new Promise((resolve) => {
          questions += 1;
          trust = resolve;
        }),
      secret: () =>
        new Promise((resolve) => {
          questions += 1;
          answer = resolve;
        }),
    },
  );
  await settle(() => questions === 1);
  vi.advanceTimersByTime(600_000);
  trust('yes');
  await settle(() => questions === 2);
  vi.advanceTimersByTime(600_000);
  answer('at last');
  const connection = await outcome;
  expect(connection).toHaveProperty('closed');
  vi.useRealTimers();
  if (typeof connection === 'object' && connection !== null && 'end' in connection) await (connection as { end(): Promise<void> }).end();
});
