/** The forwarder over a real sshd: the four proxy protocols with curl (SCENARIOS G3), exact bytes, and what a cut looks like. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { tcp, type Address } from '../../src/core/address.ts';
import type { EventBody } from '../../src/core/event.ts';
import { Forwarder, type ForwarderOptions } from '../../src/forward/forwarder.ts';
import { listenHere } from '../../src/forward/local.ts';
import { dialFromHost } from '../../src/forward/remote.ts';
import { runChild } from '../helpers/child.ts';
import { freePort } from '../helpers/free-port.ts';
import { bytes, download, exchange, hashOf, PAGE, startEcho, startSink, startSource, startWww, upload } from '../helpers/services.ts';
import type { Sshd } from '../helpers/sshd.ts';
import { until } from '../helpers/wait.ts';
import { afterwards, open, server } from './ssh-connecting.ts';

interface Tunnel {
  readonly port: number;
  readonly forwarder: Forwarder;
  readonly events: EventBody[];
  readonly sshd: Sshd;
}

async function tunnel(options: Partial<ForwarderOptions>, host = 'localhost'): Promise<Tunnel> {
  const sshd = await server();
  const connection = await open(sshd);
  const events: EventBody[] = [];
  const forwarder = new Forwarder({
    name: 't',
    mode: 'direct',
    egress: null,
    parkMs: 10_000,
    maxConnections: 1_024,
    allow: [],
    allowTargets: [],
    drainMs: 10_000,
    clock: { setTimeout, clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout) },
    notify: (body) => events.push(body),
    ...options,
  });
  forwarder.setDial(dialFromHost(connection));
  const listener = await listenHere(tcp(host, 0), {
    socketMode: 0o600,
    onConflict: 'fail',
    onClient: (client) => forwarder.accept(client),
    signal: new AbortController().signal,
  });
  afterwards(async () => {
    await listener.close();
    await forwarder.drain(0);
  });
  return { port: listener.bound.kind === 'tcp' ? listener.bound.port : 0, forwarder, events, sshd };
}

const local = (egress: Address): Promise<Tunnel> => tunnel({ egress });
const proxy = (more: Partial<ForwarderOptions> = {}): Promise<Tunnel> => tunnel({ mode: 'proxy', ...more });

const curl = (...args: string[]) => runChild('curl', ['-sS', '--max-time', '15', ...args]);

const service = async <T extends { stop(): Promise<unknown> | unknown; port: number }>(starting: Promise<T>): Promise<T> => {
  const started = await starting;
  afterwards(() => started.stop());
  return started;
};

describe('curl through the dynamic port', () => {
  test.each([
    ['--socks4', '127.0.0.1'],
    ['--socks4a', 'localhost'],
    ['--socks5', '127.0.0.1'],
    ['--socks5-hostname', 'localhost'],
    ['-p -x', 'localhost'],
  ])('%s', async (how, seenAs) => {
    const www = await service(startWww());
    const { port, events, forwarder } = await proxy();
    const { stdout, stderr } = await curl(...how.split(' '), `127.0.0.1:${port}`, `http://localhost:${www.port}/`);
    expect(stderr).toBe('');
    expect(stdout).toBe(PAGE);
    await until(() => forwarder.stats().connections === 0, { what: 'the connection to end' });
    // A name goes to the far end as it is; `--socks4` and `--socks5` resolve it themselves.
    expect(events[0]).toMatchObject({ type: 'connection-opened', target: `${seenAs}:${www.port}` });
    expect(events[1]).toMatchObject({ type: 'connection-closed', rxBytes: expect.any(Number) });
  });

  test.each([['--socks5'], ['--socks5-hostname'], ['-p -x']])('%s to an IPv6 address', async (how) => {
    const www = await service(startWww({ host: '::1' }));
    const { port } = await proxy();
    const { stdout } = await curl(...how.split(' '), `127.0.0.1:${port}`, `http://[::1]:${www.port}/`);
    expect(stdout).toBe(PAGE);
  });

  test.each([
    ['--socks5', /\(5\)/],
    ['--socks4', /91|rejected/i],
    ['-p -x', /502/],
  ])('a refused target, by %s', async (how, says) => {
    const { port, events } = await proxy();
    const { code, stderr } = await curl(...how.split(' '), `127.0.0.1:${port}`, `http://127.0.0.1:${await freePort()}/`);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(says);
    expect(events).toMatchObject([{ type: 'connection-failed', failure: { code: 'target-refused' } }]);
  });

  test.each([
    ['--socks5-hostname', /\(4\)/],
    ['-p -x', /50[24]/],
  ])('a name that the far end does not know, by %s', async (how, says) => {
    const { port } = await proxy();
    const { stderr } = await curl(...how.split(' '), `127.0.0.1:${port}`, 'http://no-such-name.invalid/');
    expect(stderr).toMatch(says);
  });

  test.each([
    ['--socks5-hostname', /\(2\)/],
    ['-p -x', /403/],
  ])('allow_targets, by %s', async (how, says) => {
    const www = await service(startWww());
    const { port } = await proxy({ allowTargets: [`localhost:${www.port}`] });
    expect((await curl(...how.split(' '), `127.0.0.1:${port}`, `http://localhost:${www.port}/`)).stdout).toBe(PAGE);
    expect((await curl(...how.split(' '), `127.0.0.1:${port}`, `http://127.0.0.1:${www.port}/`)).stderr).toMatch(says);
  });

  test('8 MiB arrive as they were', async () => {
    const www = await service(startWww());
    const { port } = await proxy();
    const { stdout } = await runChild('sh', [
      '-c',
      `curl -sS --socks5-hostname 127.0.0.1:${port} http://localhost:${www.port}/bytes/${8 << 20} | sha256sum`,
    ]);
    expect(stdout.slice(0, 64)).toBe(
      createHash('sha256')
        .update(bytes(8 << 20))
        .digest('hex'),
    );
  });

  test('a plain GET is answered with what to do', async () => {
    const { port } = await proxy();
    expect((await curl('-x', `127.0.0.1:${port}`, 'http://localhost/')).stdout).toMatch(/CONNECT/);
  });
});

describe('a local tunnel over a real sshd', () => {
  test('up and down are exact', async () => {
    const size = 24 << 20;
    const sink = await service(startSink());
    const source = await service(startSource());
    const [up, down] = [await local(tcp('127.0.0.1', sink.port)), await local(tcp('127.0.0.1', source.port))];
    const [sent, got] = await Promise.all([upload(up.port, size), download(down.port, size)]);
    expect(sent.sha256).toBe(hashOf(size));
    expect(got.sha256).toBe(hashOf(size));
    await until(() => up.forwarder.stats().connections + down.forwarder.stats().connections === 0, { what: 'both to end' });
    expect(up.forwarder.stats().txBytes).toBe(size);
    expect(down.forwarder.stats().rxBytes).toBe(size);
  });

  test('half-close works, and 200 connections at once', async () => {
    const echo = await service(startEcho());
    const { port, forwarder } = await local(tcp('localhost', echo.port));
    const texts = await Promise.all(Array.from({ length: 200 }, async (_, at) => (await exchange(port, `number ${at}`)).toString()));
    expect(texts).toEqual(Array.from({ length: 200 }, (_, at) => `number ${at}`));
    await until(() => forwarder.stats().connections === 0, { what: 'all to end' });
    expect(forwarder.stats().totalConnections).toBe(200);
  });

  test('a refused target is a reset for the client, and the next one is served', async () => {
    const free = await freePort();
    const { port, forwarder, events } = await local(tcp('127.0.0.1', free));
    await expect(exchange(port, 'x')).rejects.toThrow(/ECONNRESET/);
    const echo = await service(startEcho());
    forwarder.retarget(tcp('127.0.0.1', echo.port));
    expect((await exchange(port, 'y')).toString()).toBe('y');
    expect(events[0]).toMatchObject({ type: 'connection-failed', failure: { code: 'target-refused' } });
  });

  test('a lost connection is a reset in the middle, never a clean end', async () => {
    const www = await service(startWww());
    const { port, sshd, forwarder } = await local(tcp('127.0.0.1', www.port));
    // curl, since Node itself takes a reset behind unread bytes for an end: 56 is a reset, 18 would be a clean end too early.
    const fetching = curl('-o', '/dev/null', `http://127.0.0.1:${port}/bytes/${1 << 30}`);
    await until(() => forwarder.stats().rxBytes > 1 << 20, { what: 'bytes to flow' });
    sshd.signalSessions('SIGKILL');
    expect(await fetching).toMatchObject({ code: 56, stderr: expect.stringContaining('reset') });
    await until(() => forwarder.stats().connections === 0, { what: 'it to be counted as over' });
  });
});
