/** B11 and B12: leaving with open connections, and coming back to the same ports at once. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { connect, type Socket } from 'node:net';
import { freePort } from '../helpers/free-port.ts';
import { hostEntry, type Project } from '../helpers/project.ts';
import { at, echoes, scene } from '../helpers/scene.ts';
import { bytes, collect, dial, startEcho, startSource, type Service } from '../helpers/services.ts';
import type { Sshd } from '../helpers/sshd.ts';
import { sleep, within } from '../helpers/wait.ts';

const all = scene(afterAll);
const each = scene(afterEach);
let bastion: Sshd;
let echo: Service;
let source: Service;

beforeAll(async () => {
  [bastion, echo, source] = await Promise.all([
    all.sshd({ name: 'bastion' }),
    all.add(startEcho()),
    all.add(startSource({ bytes: 100_000 })),
  ]);
});

const project = (tunnels: Record<string, unknown>): Project => each.project({ yaml: { hosts: { bastion: hostEntry(bastion) }, tunnels } });
const both = (more: Record<string, unknown> = {}): Project =>
  project({
    here: { type: 'local', host: 'bastion', ingress: 0, egress: at(echo), ...more },
    there: { type: 'remote', host: 'bastion', ingress: 0, egress: at(echo), ...more },
  });

/** A connection through which something has gone both ways, so that it is open from end to end. */
async function talking(port: number): Promise<Socket> {
  const socket = await dial(port);
  each.onEnd(() => socket.destroy());
  socket.on('error', () => undefined);
  await says(socket, 'hello');
  return socket;
}
async function says(socket: Socket, text: string): Promise<void> {
  const back = new Promise<string>((resolve, reject) => {
    socket.once('data', (data) => resolve(data.toString()));
    socket.once('close', () => reject(new Error('closed')));
  });
  socket.write(text);
  expect(await back).toBe(text);
}
/** What a new client hears: nothing where it is refused, or taken by a listener that is about to be closed and hung up on. */
async function answerTo(port: number): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port });
  let heard = '';
  socket.on('data', (data) => (heard += String(data))).on('error', () => undefined);
  socket.end('anybody there?');
  await within(new Promise((resolve) => socket.once('close', resolve)), { what: `${port} to turn a client away`, ms: 5_000 });
  return heard;
}

/** A TCP end where the program is: reset, so that nobody takes what came for complete. A channel has no reset, so sshd just ends. */
const resets = (socket: Socket): Promise<boolean> => new Promise((resolve) => socket.once('close', (hadError) => resolve(hadError)));
const ends = (socket: Socket): Promise<string> => collect(socket).then(String);

describe('B11', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 0],
  ] as const)('%s waits for open connections, takes no new ones, and ends with %d', async (signal, code) => {
    const up = both().up();
    await up.untilOpen(['here', 'there']);
    const [here, there] = [up.port('here'), up.port('there')];
    const [near, far] = await Promise.all([talking(here), talking(there)]);
    up.signal(signal);
    await up.untilEvent((event) => event.type === 'stopping' && event['openConnections'] === 2);
    for (const port of [here, there]) expect(await answerTo(port)).toBe('');
    await sleep(300);
    await says(near, 'still here');
    await says(far, 'still there');
    const [nearEnd, farEnd] = [collect(near), collect(far)];
    near.end('last');
    expect((await nearEnd).toString()).toBe('last');
    far.end('words');
    expect((await farEnd).toString()).toBe('words');
    expect(await up.exited).toEqual({ code, signal: null });
    expect(up.events().at(-1)?.type).toBe('stopped');
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('a Ctrl-C after a %s closes at once', async (signal) => {
    const up = both({ drain: '1m' }).up();
    await up.untilOpen(['here', 'there']);
    const [near, far] = await Promise.all([talking(up.port('here')), talking(up.port('there'))]);
    const cut = Promise.all([resets(near), ends(far)]);
    up.signal(signal);
    await up.untilEvent((event) => event.type === 'stopping');
    const asked = performance.now();
    up.signal('SIGINT');
    expect(await up.exited).toEqual({ code: 130, signal: null });
    expect(performance.now() - asked).toBeLessThan(1_500);
    expect(await cut).toEqual([true, '']);
  });

  it('-t 0 does not wait', async () => {
    const up = both({ drain: '1m' }).up(['-t', '0']);
    await up.untilOpen(['here', 'there']);
    const [near, far] = await Promise.all([talking(up.port('here')), talking(up.port('there'))]);
    const cut = Promise.all([resets(near), ends(far)]);
    const asked = performance.now();
    expect(await up.stop('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(performance.now() - asked).toBeLessThan(1_500);
    expect(await cut).toEqual([true, '']);
  });

  it('`drain` is the limit, and -t another one', async () => {
    for (const [args, drain] of [
      [[], '500ms'],
      [['-t', '0.5'], '1m'],
    ] as const) {
      const up = both({ drain }).up(args);
      await up.untilOpen(['here', 'there']);
      const open = await talking(up.port('here'));
      const end = resets(open);
      const asked = performance.now();
      expect(await up.stop('SIGINT')).toEqual({ code: 130, signal: null });
      expect(performance.now() - asked).toBeGreaterThanOrEqual(490);
      expect(performance.now() - asked).toBeLessThan(2_500);
      expect(await end).toBe(true);
    }
  });

  it('a signal before anything is up ends it, too', async () => {
    const up = both().up();
    await up.untilEvent((event) => event.type === 'host-state');
    expect(await up.stop('SIGINT')).toEqual({ code: 130, signal: null });
  });
});

it('B12: up and down ten times in a row on the same ports', async () => {
  const [near, far, proxy] = await Promise.all([freePort(), freePort(), freePort()]);
  const made = project({
    near: { type: 'local', host: 'bastion', ingress: near, egress: at(source) },
    far: { type: 'remote', host: 'bastion', ingress: far, egress: at(source) },
    proxy: { type: 'dynamic', host: 'bastion', ingress: proxy },
    echo: { type: 'local', host: 'bastion', ingress: 0, egress: at(echo) },
  });
  const expected = bytes(100_000);
  for (let round = 1; round <= 10; round += 1) {
    const up = made.up(['-t', '0']);
    await up.untilOpen(['near', 'far', 'proxy', 'echo']);
    expect([up.port('near'), up.port('far'), up.port('proxy')]).toEqual([near, far, proxy]);
    // The service ends first, so it is the tunnel's end that closes first and is left in TIME_WAIT.
    for (const port of [near, far]) expect((await collect(await dial(port))).equals(expected)).toBe(true);
    await echoes(up.port('echo'));
    // One that is cut.
    const open = await dial(near);
    open.on('error', () => undefined);
    expect(await up.stop('SIGTERM')).toEqual({ code: 0, signal: null });
    open.destroy();
  }
});
