/** Several SSH connections to a host (`connections`), on real sshd. */
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { tcp } from '../../src/core/address.ts';
import type { HostSpec, Project, TunnelSpec } from '../../src/core/spec.ts';
import type { SecretRequest } from '../../src/ssh/connect-request.ts';
import { accountsAvailable } from '../helpers/accounts.ts';
import { hostAt, startEngine, type RunningEngine } from '../helpers/engine-on.ts';
import { startFaultProxy } from '../helpers/fault-proxy.ts';
import { figure } from '../helpers/figure.ts';
import { freePort } from '../helpers/free-port.ts';
import { descendantsOf, signalAll } from '../helpers/process-table.ts';
import { hostEntry, programFile, sshConfigBlock } from '../helpers/project.ts';
import { at, scene } from '../helpers/scene.ts';
import { startTerminal } from '../helpers/terminal.ts';
import { bytes, dial, download, exchange, hashOf, startEcho, startSink, startSource, upload } from '../helpers/services.ts';
import { project, tunnelSpec } from '../helpers/spec.ts';
import type { Sshd } from '../helpers/sshd.ts';
import { until, within } from '../helpers/wait.ts';

const world = scene(afterEach);

const started = (options?: Parameters<typeof startEngine>[0]): RunningEngine => {
  const running = startEngine(options);
  world.onEnd(() => running.engine.stop(0));
  return running;
};

const PIECE = 64 * 1024;

/** A connection to an echo that goes on as long as it is asked to, and knows whether every byte came back. */
class Transfer {
  readonly #socket: Socket;
  #back = 0;
  /** Null while it lives; `reset` or what else ended it. */
  ended: string | null = null;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (data: Buffer) => {
      if (!data.equals(PATTERN.subarray(this.#back, this.#back + data.length))) this.ended = 'wrong bytes';
      this.#back += data.length;
    });
    socket.on('error', (error: NodeJS.ErrnoException) => (this.ended = error.code === 'ECONNRESET' ? 'reset' : String(error.code)));
    socket.on('end', () => (this.ended ??= 'ended'));
    world.onEnd(() => socket.destroy());
  }

  /** Sends the next piece, and waits until it is back. */
  async goOn(): Promise<void> {
    const to = this.#back + PIECE;
    this.#socket.write(PATTERN.subarray(this.#back, to));
    await until(() => this.#back >= to || this.ended !== null, { what: 'the piece to come back', ms: 20_000 });
  }

  end(): void {
    this.#socket.destroy();
  }
}

const PATTERN = bytes(16 * PIECE);

async function transfers(port: number, count: number): Promise<Transfer[]> {
  const all: Transfer[] = [];
  for (let index = 0; index < count; index += 1) {
    const transfer = new Transfer(await dial(port));
    await transfer.goOn();
    all.push(transfer);
  }
  return all;
}

/** Every process of the session: one of an account is two. */
const kill = (pid: number | undefined): void => {
  if (pid !== undefined) signalAll([pid, ...descendantsOf(pid)], 'SIGKILL');
};
const goOn = (all: readonly Transfer[]): Promise<unknown> => Promise.all(all.map((each) => each.goOn()));
const ends = (all: readonly Transfer[]): (string | null)[] => all.map(({ ended }) => ended);

const echoTunnel = (port: number): TunnelSpec => tunnelSpec('echo', { ingress: tcp('localhost', 0), egress: tcp('localhost', port) });
const on = (sshd: Sshd, connections: number, tunnels: readonly TunnelSpec[], part: Partial<HostSpec> = {}): Project =>
  project([hostAt(sshd, { name: 'bastion', connections, ...part })], tunnels);
/** By way of a proxy, which has another port. */
const by = (proxy: { readonly port: number }, sshd: Sshd) => ({ port: proxy.port, knownHosts: [], hostKeys: [sshd.fingerprint] });

const view = (running: RunningEngine) => running.engine.snapshot().hosts[0];
const allUp = (running: RunningEngine, sshd: Sshd, count: number, ms = 10_000): Promise<unknown> =>
  until(() => view(running)?.connections === count && sshd.connections().live === count, {
    what: `${count} connections`,
    ms,
    detail: () => JSON.stringify({ host: view(running), live: sshd.connections().live, events: running.events.slice(-10) }),
  });
const warnings = (running: RunningEngine): string[] => running.events.flatMap((event) => (event.type === 'warning' ? [event.message] : []));
const told = (running: RunningEngine, name: string): string[] =>
  running.events.flatMap((event) =>
    (event.type === 'tunnel-state' || event.type === 'host-state') && event.subject.name === name ? [event.to] : [],
  );

describe('four connections', () => {
  it('are what sshd sees; what is carried by each is a part, with the right bytes both ways', async () => {
    const [sshd, source, sink] = await Promise.all([world.sshd(), world.add(startSource()), world.add(startSink())]);
    const running = started();
    const tunnels = [
      tunnelSpec('down', { ingress: tcp('localhost', 0), egress: tcp('localhost', source.port) }),
      tunnelSpec('up', { ingress: tcp('localhost', 0), egress: tcp('localhost', sink.port) }),
    ];
    running.apply(on(sshd, 4, tunnels));
    await running.open();
    await allUp(running, sshd, 4);
    expect(sshd.connections()).toMatchObject({ accepted: 4, authenticated: 4, attempts: 4 });
    const size = 8 * 1024 * 1024;
    const [down, up] = [running.ingressPort('down'), running.ingressPort('up')];
    const all = await Promise.all(Array.from({ length: 8 }, (_, index) => (index % 2 === 0 ? download(down, size) : upload(up, size))));
    for (const each of all) expect(each).toEqual({ bytes: size, sha256: hashOf(size) });
    expect(running.engine.snapshot().tunnels.map(({ rx_bytes, tx_bytes }) => Math.max(rx_bytes, tx_bytes))).toEqual([4 * size, 4 * size]);
  }, 60_000);

  it('the tunnel serves before the others are up, and stays open while they come', async () => {
    const [sshd, echo] = await Promise.all([world.sshd(), world.add(startEcho())]);
    const proxy = await world.add(startFaultProxy(sshd.port));
    const running = started();
    proxy.faults.latencyMs = 50;
    running.apply(on(sshd, 4, [echoTunnel(echo.port)], by(proxy, sshd)));
    await until(() => running.state('echo') === 'open', { what: 'the tunnel to open', every: 1 });
    expect(view(running)?.connections).toBe(1);
    expect((await exchange(running.ingressPort('echo'), 'early')).toString()).toBe('early');
    await allUp(running, sshd, 4);
    expect(told(running, 'echo')).toEqual(['waiting', 'opening', 'open']);
  });
});

describe('a session process that is killed', () => {
  it('takes its own two of eight transfers with it, and comes back; the others go on unchanged', async () => {
    const [sshd, echo] = await Promise.all([world.sshd(), world.add(startEcho())]);
    const running = started();
    running.apply(on(sshd, 4, [echoTunnel(echo.port)]));
    await running.open();
    await allUp(running, sshd, 4);
    const all = await transfers(running.ingressPort('echo'), 8);
    const victim = sshd.sessionPids().at(-1);
    kill(victim);
    await until(() => ends(all).filter((end) => end !== null).length === 2, { what: 'its transfers to be reset' });
    await goOn(all);
    expect(ends(all).toSorted()).toEqual([...Array<null>(6).fill(null), 'reset', 'reset'].toSorted());
    await allUp(running, sshd, 4);
    expect(sshd.sessionPids()).not.toContain(victim);
    await goOn(all);
    expect(ends(all).filter((end) => end === null)).toHaveLength(6);
    expect(told(running, 'bastion')).toEqual(['connecting', 'connected']);
    expect(told(running, 'echo')).toEqual(['waiting', 'opening', 'open']);
    await until(() => warnings(running).length > 0, { what: 'the loss to be told' });
    expect(warnings(running)).toEqual([
      expect.stringMatching(/^bastion: 1 of its 4 SSH connections was lost, and what went over it \(2 connections\): /),
    ]);
    // The new one takes its share.
    const more = await transfers(running.ingressPort('echo'), 2);
    kill(sshd.sessionPids().at(-1));
    await until(() => ends(more).some((end) => end === 'reset'), { what: 'a transfer of the new connection to be reset' });
  }, 30_000);

  it('the first one: a listener here never stops serving, one on the host is open again at once on another connection', async () => {
    const [sshd, echo, port] = await Promise.all([world.sshd(), world.add(startEcho()), freePort()]);
    const running = started();
    const door = tunnelSpec('door', { type: 'remote', ingress: tcp('localhost', port), egress: tcp('localhost', echo.port) });
    running.apply(on(sshd, 4, [echoTunnel(echo.port), door]));
    await running.open();
    await allUp(running, sshd, 4);
    const local = await transfers(running.ingressPort('echo'), 4);
    const remote = await transfers(port, 2);
    const from = performance.now();
    kill(sshd.sessionPids()[0]);
    await until(() => running.state('door') === 'reconnecting' || told(running, 'door').includes('reconnecting'), {
      what: 'the remote tunnel to be no longer open',
      every: 1,
    });
    expect((await exchange(running.ingressPort('echo'), 'meanwhile')).toString()).toBe('meanwhile');
    await until(() => running.state('door') === 'open', { what: 'the remote tunnel to open again', every: 1 });
    expect(figure('first of 4 connections killed, remote tunnel open again', performance.now() - from, { limit: 5_000 })).toBeLessThan(
      5_000,
    );
    expect((await exchange(port, 'by another connection')).toString()).toBe('by another connection');
    await goOn([...local, ...remote]);
    // sshd held their sockets, and its death closed them.
    expect(ends(remote)).toEqual(['ended', 'ended']);
    expect(ends(local).toSorted()).toEqual([null, null, null, 'reset'].toSorted());
    expect(told(running, 'bastion')).toEqual(['connecting', 'connected']);
    expect(told(running, 'echo')).toEqual(['waiting', 'opening', 'open']);
    expect(told(running, 'door')).toEqual(['waiting', 'opening', 'open', 'reconnecting', 'open']);
    await allUp(running, sshd, 4);
  }, 30_000);

  it('all of them: one loss of the host, told once, and all come back', async () => {
    const [sshd, echo] = await Promise.all([world.sshd(), world.add(startEcho())]);
    const running = started();
    running.apply(on(sshd, 4, [echoTunnel(echo.port)]));
    await running.open();
    await allUp(running, sshd, 4);
    expect(sshd.signalSessions('SIGKILL')).toBe(4);
    await until(() => told(running, 'bastion').includes('backoff'), { what: 'the loss to be noticed', every: 1 });
    expect((await exchange(running.ingressPort('echo'), 'parked')).toString()).toBe('parked');
    await allUp(running, sshd, 4);
    expect(warnings(running)).toEqual([]);
    expect(told(running, 'bastion')).toEqual(['connecting', 'connected', 'backoff', 'connecting', 'connected']);
    expect(view(running)).toMatchObject({ restarts: 1, error: null });
  });
});

describe('a dead link', () => {
  it('is noticed for all connections within the time the keepalive gives, and nothing is open after', async () => {
    const [sshd, echo, port] = await Promise.all([world.sshd(), world.add(startEcho()), freePort()]);
    const proxy = await world.add(startFaultProxy(sshd.port));
    const running = started();
    const door = tunnelSpec('door', { type: 'remote', ingress: tcp('localhost', port), egress: tcp('localhost', echo.port) });
    const keepalive = { intervalMs: 400, count: 3 };
    running.apply(on(sshd, 4, [echoTunnel(echo.port), door], { ...by(proxy, sshd), keepalive }));
    await running.open();
    await allUp(running, sshd, 4);
    proxy.faults.blackHole = 'both';
    proxy.faults.accept = 'hang';
    const from = performance.now();
    await until(() => view(running)?.connections === 0, { what: 'the loss of all to be noticed', every: 2 });
    const limit = keepalive.intervalMs * (keepalive.count + 1);
    const took = figure('4 connections on a black hole, all noticed', performance.now() - from, { limit });
    // A busy machine is late with its timers.
    expect(took).toBeLessThan(3 * limit);
    expect([running.state('echo'), running.state('door')]).toEqual(['reconnecting', 'reconnecting']);
    proxy.heal();
    proxy.reset();
    await until(() => view(running)?.connections === 4, { what: 'all to be back', ms: 20_000 });
    await until(() => running.state('door') === 'open', { what: 'the remote tunnel to be back', ms: 20_000 });
  }, 60_000);
});

describe('a reload', () => {
  it('from one connection to four and back to one leaves open transfers untouched', async () => {
    const [sshd, echo] = await Promise.all([world.sshd(), world.add(startEcho())]);
    const running = started();
    const tunnels = [echoTunnel(echo.port)];
    running.apply(on(sshd, 1, tunnels));
    await running.open();
    const before = await transfers(running.ingressPort('echo'), 2);
    running.apply(on(sshd, 4, tunnels));
    await allUp(running, sshd, 4);
    const during = await transfers(running.ingressPort('echo'), 6);
    await goOn([...before, ...during]);
    running.apply(on(sshd, 1, tunnels));
    await until(() => view(running)?.connections === 1, { what: 'one connection to be left' });
    // Three carry two transfers each, and end with them.
    await goOn([...before, ...during]);
    expect(sshd.connections().live).toBe(4);
    expect(ends([...before, ...during])).toEqual(Array<null>(8).fill(null));
    for (const each of during) each.end();
    await until(() => sshd.connections().live === 1, { what: 'the surplus connections to end' });
    await goOn(before);
    expect(ends(before)).toEqual([null, null]);
    expect(sshd.connections().accepted).toBe(4);
    expect(told(running, 'bastion')).toEqual(['connecting', 'connected']);
    expect(told(running, 'echo')).toEqual(['waiting', 'opening', 'open']);
    expect(warnings(running)).toEqual([]);
  }, 30_000);
});

describe('logging in', () => {
  const account = { name: 'walter', password: 'correct horse' };

  it.runIf(accountsAvailable()).each([
    { what: 'password', config: { PasswordAuthentication: true, KbdInteractiveAuthentication: false } },
    { what: 'keyboard-interactive', config: { UsePAM: true, PasswordAuthentication: false, KbdInteractiveAuthentication: true } },
  ])('by $what: four connections, one question', async ({ config }) => {
    const [sshd, echo] = await Promise.all([world.sshd({ accounts: [account], config }), world.add(startEcho())]);
    const questions: SecretRequest[] = [];
    const running = started({
      asker: {
        secret: async (request) => {
          questions.push(request);
          return account.password;
        },
        hostKey: async () => null,
      },
    });
    running.apply(on(sshd, 4, [echoTunnel(echo.port)], { identityFiles: [], password: { prompt: true } }));
    await running.open();
    await allUp(running, sshd, 4);
    expect(questions.map(({ kind }) => kind)).toEqual(['password']);
    kill(sshd.sessionPids()[0]);
    await until(() => view(running)?.connections === 3, { what: 'the loss', every: 1 });
    await allUp(running, sshd, 4);
    expect(questions).toHaveLength(1);
  });

  it('each connection checks the host key: another server on the way is refused, the host stays', async () => {
    const [sshd, echo] = await Promise.all([world.sshd(), world.add(startEcho())]);
    const impostor = await world.sshd({ hostKeyName: 'impostor' });
    const proxy = await world.add(startFaultProxy(sshd.port));
    const running = started();
    const host = by(proxy, sshd);
    running.apply(on(sshd, 1, [echoTunnel(echo.port)], host));
    await running.open();
    proxy.retarget(impostor.port);
    running.apply(on(sshd, 3, [echoTunnel(echo.port)], host));
    await until(() => warnings(running).length > 0, { what: 'the refusal to be told' });
    expect(warnings(running)).toEqual([expect.stringMatching(/^bastion: 1 of its 3 SSH connections is up: the host key is SHA256:/)]);
    expect(impostor.connections().attempts).toBe(0);
    expect(view(running)).toMatchObject({ state: 'connected', connections: 1 });
    expect((await exchange(running.ingressPort('echo'), 'still here')).toString()).toBe('still here');
  });
});

/** Takes one of the logins that may be under way, and never gets on with it. */
async function untilLoggingIn(sshd: Sshd): Promise<Socket> {
  return until(
    async () => {
      const socket = connect(sshd.port, sshd.address);
      const banner = await within(new Promise((resolve) => socket.once('data', resolve)), { what: 'the banner' });
      if (String(banner).startsWith('SSH-')) {
        world.onEnd(() => socket.destroy());
        return socket;
      }
      socket.destroy();
      return null;
    },
    { what: 'room for a login' },
  );
}

describe('a server that takes no more logins', () => {
  it('at a time (MaxStartups) than there are under way: the host is up meanwhile, told once, and all come when there is room', async () => {
    const [sshd, echo] = await Promise.all([world.sshd({ lines: ['MaxStartups 2'] }), world.add(startEcho())]);
    const running = started();
    running.apply(on(sshd, 1, [echoTunnel(echo.port)]));
    await running.open();
    const hogs = [await untilLoggingIn(sshd), await untilLoggingIn(sshd)];
    running.apply(on(sshd, 4, [echoTunnel(echo.port)]));
    await until(() => warnings(running).length > 0, { what: 'the refusal to be told', ms: 10_000 });
    await sshd.waitForLog(/beginning MaxStartups throttling|drop connection/);
    expect(view(running)).toMatchObject({ state: 'connected', connections: 1, error: null });
    expect((await exchange(running.ingressPort('echo'), 'one is enough')).toString()).toBe('one is enough');
    for (const hog of hogs) hog.destroy();
    await until(() => view(running)?.connections === 4, { what: 'all to be up', ms: 30_000 });
    expect(warnings(running)).toEqual([expect.stringMatching(/^bastion: 1 of its 4 SSH connections is up: /)]);
    expect(told(running, 'bastion')).toEqual(['connecting', 'connected']);
  }, 60_000);

  it('from the start: the host comes up, and with it all that fit', async () => {
    const [sshd, echo] = await Promise.all([world.sshd({ lines: ['MaxStartups 2'] }), world.add(startEcho())]);
    const running = started();
    running.apply(on(sshd, 8, [echoTunnel(echo.port)]));
    await running.open();
    await until(() => view(running)?.connections === 8, { what: 'all to be up', ms: 40_000 });
    expect(told(running, 'bastion')).toEqual(['connecting', 'connected']);
    expect(warnings(running).length).toBeLessThanOrEqual(1);
  }, 60_000);
});

describe('through a jump host', () => {
  it('four inner connections over four outer ones: one outer one that dies takes one inner one with it', async () => {
    const [outer, inner, echo] = await Promise.all([world.sshd({ name: 'outer' }), world.sshd({ name: 'inner' }), world.add(startEcho())]);
    const running = started();
    const hosts = [hostAt(outer, { name: 'outer', connections: 4 }), hostAt(inner, { name: 'inner', connections: 4, via: ['outer'] })];
    running.apply(project(hosts, [{ ...echoTunnel(echo.port), hosts: ['inner'] }]));
    await running.open();
    const counts = (): string =>
      running.engine
        .snapshot()
        .hosts.map(({ connections }) => connections)
        .join();
    await until(() => counts() === '4,4', { what: 'all connections', ms: 10_000 });
    const all = await transfers(running.ingressPort('echo'), 4);
    // The inner ones are dialled while the outer ones come up, so that there may be none on one, and two on another.
    const isOne = (): boolean => ends(all).some((end) => end !== null);
    for (const pid of outer.sessionPids().reverse()) {
      kill(pid);
      if (await until(isOne, { what: 'a transfer to be reset', ms: 3_000 }).catch(() => false)) break;
    }
    await goOn(all);
    const lost = ends(all).filter((end) => end === 'reset').length;
    expect(lost).toBeGreaterThanOrEqual(1);
    expect(lost).toBeLessThan(4);
    await until(() => counts() === '4,4', { what: 'all connections again', ms: 10_000 });
    expect(told(running, 'echo')).toEqual(['waiting', 'opening', 'open']);
    await goOn(all.filter(({ ended }) => ended === null));
    expect(ends(all).filter((end) => end === null)).toHaveLength(4 - lost);
  }, 30_000);
});

it('a launched ssh that goes with its connection is launched anew on another one, at the same port', async () => {
  const [inner, echo, port] = await Promise.all([world.sshd({ name: 'inner' }), world.add(startEcho()), freePort()]);
  const alias = `inner-${process.pid}-of-several`;
  const bastion = await world.sshd({ name: 'bastion', sshConfig: sshConfigBlock(alias, inner) });
  const running = started();
  const hosts = [hostAt(bastion, { name: 'bastion', connections: 3 }), hostAt(inner, { name: alias })];
  const launched: TunnelSpec = {
    ...tunnelSpec('launched', { ingress: tcp('localhost', port), egress: tcp('127.0.0.1', echo.port) }),
    client: 'bastion',
    hosts: [alias],
    launch: 'ssh',
  };
  running.apply(project(hosts, [launched]));
  await running.open();
  await allUp(running, bastion, 3);
  expect((await exchange(port, 'by the first')).toString()).toBe('by the first');
  kill(bastion.sessionPids()[0]);
  await until(() => told(running, 'launched').includes('reconnecting'), { what: 'the loss to be noticed', every: 1 });
  await until(() => running.state('launched') === 'open', { what: 'the tunnel to be open again', ms: 15_000 });
  expect((await exchange(port, 'by another one')).toString()).toBe('by another one');
  expect(told(running, 'bastion')).toEqual(['connecting', 'connected']);
});

describe('the program', () => {
  it('shows it in config and plan, counts what all carry in ps, and follows the file without touching what is open', async () => {
    const [sshd, echo] = await Promise.all([world.sshd(), world.add(startEcho())]);
    const made = world.project();
    const write = (connections: number): void =>
      made.write({
        hosts: { bastion: hostEntry(sshd, { connections }) },
        tunnels: { echo: { host: 'bastion', type: 'local', ingress: 0, egress: at(echo) } },
      });
    write(1);
    const up = made.up();
    await up.untilOpen(['echo']);
    const [open] = await transfers(up.port('echo'), 1);
    write(4);
    const applied = await up.untilEvent((event) => event.type === 'applied' && event['changes'] === 1);
    expect(applied['plan']).toBe('~ host bastion: connections 1 → 4 (in-place)');
    await until(() => sshd.connections().live === 4, { what: 'four connections' });
    const more = await transfers(up.port('echo'), 7);
    expect((await made.run(['config'])).stdout).toContain('connections: 4');
    const row = JSON.parse((await made.run(['ps', '--format', 'json'])).stdout) as Record<string, unknown>;
    expect(row).toMatchObject({ name: 'echo', state: 'open', connections: 8, rx_bytes: 8 * PIECE, tx_bytes: 8 * PIECE });
    write(1);
    await up.untilEvent((event) => event.type === 'applied' && event['plan'] === '~ host bastion: connections 4 → 1 (in-place)');
    await goOn([...more, ...(open ? [open] : [])]);
    expect(ends(more)).toEqual(Array<null>(7).fill(null));
    for (const each of more) each.end();
    await until(() => sshd.connections().live === 1, { what: 'the surplus connections to end' });
    await open?.goOn();
    expect(open?.ended).toBeNull();
    open?.end();
    expect(up.events().filter((event) => event.type === 'warning')).toEqual([]);
    expect((await up.stop()).code).toBe(0);
  }, 40_000);

  it.runIf(accountsAvailable())(
    'asks for a password once, in a terminal',
    async () => {
      const account = { name: 'walter', password: 'correct horse' };
      const config = { PasswordAuthentication: true, KbdInteractiveAuthentication: false };
      const [sshd, echo] = await Promise.all([world.sshd({ accounts: [account], config }), world.add(startEcho())]);
      const host = { ...hostEntry(sshd, { connections: 4, password: { prompt: true } }), identity_file: [], agent: 'none' };
      const made = world.project({
        yaml: { hosts: { bastion: host }, tunnels: { echo: { host: 'bastion', type: 'local', ingress: 0, egress: at(echo) } } },
      });
      const terminal = await startTerminal({
        command: [process.execPath, programFile(), 'up'],
        cwd: made.dir,
        env: made.env,
        columns: 120,
        rows: 30,
      });
      world.onEnd(() => terminal.stop());
      await terminal.untilShows(/password/i);
      terminal.type(`${account.password}\r`);
      await until(() => sshd.connections().authenticated === 4, {
        what: 'four logins',
        ms: 15_000,
        detail: () => terminal.screen(),
      });
      expect(sshd.connections()).toMatchObject({ authenticated: 4, attempts: 4 });
      expect(terminal.screen().match(/password/gi)?.length ?? 0).toBeLessThanOrEqual(1);
      terminal.type('\u0003');
      await until(() => terminal.ask('pane_dead') === '1', { what: 'the program to end', ms: 15_000, detail: () => terminal.screen() });
    },
    40_000,
  );
});
