import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { request, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { tcp } from '../../src/core/address.ts';
import type { DaemonClient } from '../../src/daemon/client.ts';
import { connectProject, findProject } from '../../src/daemon/find-project.ts';
import { serveRunner, type Host, type HostOptions } from '../../src/daemon/host.ts';
import { listProjects } from '../../src/daemon/list-projects.ts';
import type { StreamLine } from '../../src/daemon/protocol.ts';
import { remove, scratch } from '../helpers/scratch.ts';
import { project, hostSpec, tunnelSpec } from '../helpers/spec.ts';
import { sleep, until, within } from '../helpers/wait.ts';
import { PlayedRunner } from './played-runner.ts';

const FILE = '/home/u/shop/tunnels.yaml';
let root = '';
const hosts = new Set<Host>();
beforeEach(() => {
  root = scratch('host');
});
afterEach(async () => {
  for (const host of hosts) await host.close();
  hosts.clear();
  remove(root);
});

const shop = () =>
  project(
    [hostSpec('bastion')],
    [tunnelSpec('web', { env: { SHOP_URL: 'http://{address}:{port}/' } }), tunnelSpec('db', { ingress: tcp('localhost', 0) })],
  );

async function serve(runner: PlayedRunner, part: Partial<HostOptions> = {}): Promise<Host> {
  const outcome = await serveRunner({ runner, file: FILE, root, build: 'b1', mode: 'background', ...part });
  if (!outcome.holds) throw new Error('it is held by another one');
  hosts.add(outcome.host);
  return outcome.host;
}

async function up(part: Partial<HostOptions> = {}): Promise<{ runner: PlayedRunner; host: Host; client: DaemonClient }> {
  const runner = new PlayedRunner(shop());
  const host = await serve(runner, part);
  await runner.apply();
  host.up();
  runner.calls.length = 0;
  return { runner, host, client: await connectProject({ root, file: part.file ?? FILE }) };
}

async function all(lines: AsyncIterable<StreamLine>): Promise<StreamLine[]> {
  const taken: StreamLine[] = [];
  for await (const line of lines) taken.push(line);
  return taken;
}
const told = (line: StreamLine): string => (line.type === 'warning' || line.type === 'debug' ? line.message : line.type);

describe('a project that is up', () => {
  test('says who holds it', async () => {
    const { client } = await up({ mode: 'foreground' });
    expect(await client.status()).toMatchObject({
      program: 'tunnels',
      build: 'b1',
      pid: process.pid,
      phase: 'up',
      mode: 'foreground',
      file: FILE,
      project: 'test',
    });
  });

  test('shows its tunnels and its graph as they are', async () => {
    const { client, runner } = await up();
    runner.set('web', { connections: 3, ingress: '127.0.0.1:8080' });
    expect(await client.snapshot()).toEqual(runner.snapshot());
    expect(await client.graph()).toEqual(runner.graph);
  });

  test('exports what is bound, and nothing of what is not', async () => {
    const { client, runner } = await up();
    runner.set('db', { state: 'opening', ingress: 'localhost:0' });
    expect(await client.exports()).toEqual([
      {
        tunnel: 'web',
        ingress: '127.0.0.1:8080',
        exports: { TUNNEL_WEB_PORT: '8080', TUNNEL_WEB_ADDRESS: '127.0.0.1', SHOP_URL: 'http://127.0.0.1:8080/' },
      },
    ]);
    runner.set('db', { state: 'idle', ingress: '/run/db.sock' });
    expect((await client.exports())[1]).toMatchObject({ tunnel: 'db', exports: { TUNNEL_DB_ADDRESS: '/run/db.sock' } });
  });

  test('applies the file again, with names or without', async () => {
    const { client, runner } = await up();
    runner.project = project([hostSpec('bastion')], [tunnelSpec('web')]);
    expect(await client.apply({ names: ['web'], noDeps: true })).toMatchObject({
      applied: true,
      plan: {
        steps: [
          { action: 'remove', kind: 'tunnel', name: 'db' },
          { action: 'update', name: 'web' },
        ],
      },
    });
    await client.reload();
    expect(runner.calls).toEqual(['select web (noDeps)', 'apply', 'apply']);
  });

  test('says what is wrong with the file, with the texts to show it in', async () => {
    const { client, runner } = await up();
    const at = { line: 1, column: 1 };
    const range = { file: 'tunnels.yaml', start: at, end: at };
    const diagnostic = { code: 'schema', severity: 'error', message: 'no', range, hint: null } as const;
    const sources = new Map([
      ['tunnels.yaml', 'tunnels: 1'],
      ['.env', 'UNRELATED=1'],
    ]);
    runner.failure = { diagnostics: [diagnostic], watch: [], sources };
    const outcome = { applied: false, diagnostics: [diagnostic], sources: { 'tunnels.yaml': 'tunnels: 1' } };
    expect(await client.apply()).toEqual(outcome);
    expect(await client.plan()).toEqual(outcome);
  });

  test('stops, starts and restarts tunnels: those named, or all', async () => {
    const { client, runner } = await up();
    await client.stop({ names: ['web'], drainMs: 500 });
    await client.start({ names: ['web'] });
    await client.restart({ drainMs: null });
    expect(runner.calls).toEqual(['stopTunnels web 500', 'startTunnels web', 'stopTunnels web db null', 'startTunnels web db']);
  });

  test.each(['stop', 'start', 'restart', 'wait'] as const)('%s of a tunnel that is not there is refused by name', async (what) => {
    const { client, runner } = await up();
    const asked = client[what]({ names: ['web', 'wbe'], drainMs: 0, condition: 'open', timeoutMs: 1 });
    await expect(asked).rejects.toMatchObject({ code: 'unknown-tunnel', message: 'no such tunnel is up: wbe', hint: 'up are web, db' });
    expect(runner.calls).toEqual([]);
  });

  test('tells how many connections a long stop waits for', async () => {
    const { client, runner } = await up();
    runner.set('web', { connections: 2 });
    let release: () => void = () => undefined;
    runner.draining = new Promise((resolve) => {
      release = resolve;
    });
    const working: number[] = [];
    await client.stop({ drainMs: null }, { onWorking: (connections) => (working.push(connections), release()) });
    expect(working[0]).toBe(2);
  });
});

describe('waiting', () => {
  const request = { condition: 'open', timeoutMs: 10_000 } as const;

  test('ends when all are open', async () => {
    const { client, runner } = await up();
    runner.set('web', { state: 'opening' });
    const waiting = client.wait(request);
    await sleep(50);
    runner.set('web', { state: 'open' });
    expect(await waiting).toEqual({ outcome: 'met', missing: [] });
  });

  test('counts an on-demand tunnel that listens as open', async () => {
    const { client, runner } = await up();
    runner.set('web', { state: 'idle' });
    expect(await client.wait(request)).toMatchObject({ outcome: 'met' });
  });

  test('for health: not met by an open tunnel whose probe has not succeeded', async () => {
    const { client, runner } = await up();
    runner.set('web', { health: 'starting' });
    const waiting = client.wait({ ...request, condition: 'healthy', names: ['web'] });
    await sleep(50);
    runner.set('web', { health: 'healthy' });
    expect(await waiting).toMatchObject({ outcome: 'met' });
  });

  test('ends at once where one has failed, with its error', async () => {
    const { client, runner } = await up();
    const error = { code: 'auth-rejected', message: 'no', hint: null };
    runner.set('web', { state: 'failed', error });
    expect(await client.wait(request)).toEqual({ outcome: 'failed', missing: [{ name: 'web', state: 'failed', error }] });
    expect(await client.wait({ ...request, names: ['db'] })).toMatchObject({ outcome: 'met' });
  });

  test('ends where what it waits for has failed, though another may still come up', async () => {
    const { client, runner } = await up();
    runner.set('db', { state: 'opening' });
    runner.set('web', { state: 'waiting' });
    runner.stuckNames.add('web');
    expect(await client.wait({ ...request, names: ['db'], timeoutMs: 30 })).toMatchObject({ outcome: 'timeout' });
    const missing = [{ name: 'web', state: 'waiting', error: null }];
    expect(await client.wait(request)).toEqual({ outcome: 'failed', missing });
  });

  test('ends where one has been stopped, but not at a restart', async () => {
    const { client, runner } = await up();
    runner.set('web', { state: 'closed' });
    expect(await client.wait(request)).toMatchObject({ outcome: 'failed', missing: [{ name: 'web', state: 'closed' }] });
    const waiting = client.wait(request);
    await sleep(50);
    runner.set('web', { state: 'open' });
    expect(await waiting).toMatchObject({ outcome: 'met' });
  });

  test('has a limit, and says for what it waited', async () => {
    const { client, runner } = await up();
    runner.set('web', { state: 'opening' });
    expect(await client.wait({ ...request, timeoutMs: 30 })).toMatchObject({ outcome: 'timeout', missing: [{ name: 'web' }] });
  });

  test('leaves nothing behind when the caller goes', async () => {
    const { client, runner } = await up();
    runner.set('web', { state: 'opening' });
    const before = runner.listening;
    const giveUp = new AbortController();
    const waiting = client.wait(request, { signal: giveUp.signal }).catch((error: unknown) => error);
    await until(() => runner.listening === before + 1, { what: 'the wait to begin' });
    giveUp.abort();
    expect(await waiting).toMatchObject({ code: 'gone' });
    await until(() => runner.listening === before, { what: 'the wait to be forgotten' });
  });
});

describe('the events', () => {
  test('are those of the past, by number, time and name', async () => {
    const { client, runner } = await up();
    runner.warn('web', 'one', 1_000);
    runner.warn('db', 'two', 2_000);
    runner.emit({ kind: 'project', name: 'test' }, { type: 'warning', message: 'three', hint: null }, 3_000);
    runner.debug('web', 'four', 4_000);
    const asked = async (query: Parameters<DaemonClient['events']>[0]): Promise<string[]> => (await all(client.events(query))).map(told);
    expect(await asked({})).toEqual(['one', 'two', 'three', 'four']);
    expect(await asked({ last: 2 })).toEqual(['three', 'four']);
    expect(await asked({ last: 0 })).toEqual([]);
    expect(await asked({ since: 2_000 })).toEqual(['two', 'three', 'four']);
    expect(await asked({ names: ['web'] })).toEqual(['one', 'three', 'four']);
    expect(await asked({ names: ['web'], last: 2 })).toEqual(['three', 'four']);
    expect((await all(client.logs({ last: 2 }))).map(told)).toEqual(['two', 'three']);
  });

  test('of this process are told from those of an earlier one by number, also where the clock was set back', async () => {
    const earlier = await up();
    earlier.runner.warn('web', 'of the earlier one');
    const closed = earlier.host.takenDown.then(() => earlier.host.close());
    await earlier.client.down({ drainMs: 0, keepJournal: true }, {});
    await closed;
    const { client, runner } = await up();
    const { events } = await client.status();
    expect(events.first).toBeGreaterThan(1);
    expect(events.next).toBe(events.first);
    runner.warn('web', 'mine', 1_000);
    expect((await all(client.events({ from: events.first }))).map(told)).toEqual(['mine']);
    const { events: now } = await client.status();
    expect(now).toEqual({ first: events.first, next: events.next + 1 });
    expect(await all(client.events({ from: now.next }))).toEqual([]);
  });

  test('come to ten followers without a gap, from the past into what happens', async () => {
    const { client, runner } = await up();
    for (let each = 0; each < 500; each += 1) runner.warn('web', `${each}`);
    const giveUp = new AbortController();
    const taken = Array.from({ length: 10 }, () => [] as string[]);
    const following = taken.map(async (into) => {
      for await (const line of client.events({ follow: true }, giveUp.signal)) into.push(told(line));
    });
    for (let each = 500; each < 2_000; each += 1) {
      runner.warn('web', `${each}`);
      if (each % 50 === 0) await sleep(1);
    }
    await until(() => taken.every((into) => into.length >= 2_000), { what: 'every follower to have everything' });
    giveUp.abort();
    await Promise.all(following);
    const expected = Array.from({ length: 2_000 }, (_, each) => `${each}`);
    for (const into of taken) expect(into).toEqual(expected);
  });

  test('end for a follower when the project does, the last ones included', async () => {
    const { client, runner, host } = await up();
    const following = all(client.events({ follow: true }));
    await sleep(50);
    runner.warn('web', 'last words');
    await host.close();
    expect((await within(following, { what: 'the follower to end' })).map(told)).toEqual(['last words']);
  });

  test('do not pile up for a reader that stalls: it is told what it missed, and the others miss nothing', async () => {
    const { client, runner } = await up();
    const stalled = await stall(client.socket, '/events?follow=1');
    const before = process.memoryUsage().rss;
    const text = 'x'.repeat(1_000);
    const giveUp = new AbortController();
    let seen = 0;
    const reading = (async () => {
      for await (const line of client.events({ follow: true }, giveUp.signal)) if (line.type !== 'dropped') seen += 1;
    })();
    await sleep(50);
    const count = 20_000;
    let slowest = 0;
    for (let each = 0; each < count; each += 1) {
      const began = performance.now();
      runner.warn('web', text);
      slowest = Math.max(slowest, performance.now() - began);
      if (each % 100 === 0) await sleep(0);
    }
    await until(() => seen === count, { what: 'the reader that reads to have everything', ms: 20_000 });
    giveUp.abort();
    await reading;
    // Twenty megabytes went by; the journal keeps two, and the stalled reader some kilobytes.
    expect((process.memoryUsage().rss - before) / 1e6).toBeLessThan(150);
    expect(slowest).toBeLessThan(100);

    const lines = await stalled.rest();
    const dropped = lines.find((line): line is Extract<StreamLine, { type: 'dropped' }> => line.type === 'dropped');
    const sequence = lines.filter((line) => line.type !== 'dropped').map((line) => line.seq);
    expect(dropped?.count).toBeGreaterThan(count / 2);
    expect(lines.filter((line) => line.type === 'dropped')).toHaveLength(1);
    expect(sequence.length + (dropped?.count ?? 0)).toBe(count);
    expect(sequence.at(-1)).toBe(count);
  }, 60_000);
});

/** A reader that takes nothing, until `rest` takes everything up to the newest event. */
async function stall(socketPath: string, path: string): Promise<{ rest: () => Promise<StreamLine[]> }> {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    request({ socketPath, path, agent: false }, resolve).on('error', reject).end();
  });
  answer.pause();
  return {
    rest: async () => {
      let text = '';
      let quiet = 0;
      answer.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
        quiet = 0;
      });
      answer.resume();
      await until(() => (quiet += 1) > 20, { what: 'the stalled reader to catch up', every: 10, ms: 10_000 });
      answer.destroy();
      return text
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as StreamLine);
    },
  };
}

describe('down', () => {
  test('drains, tells the owner, and ends for the caller when nothing is left', async () => {
    const { client, runner, host } = await up();
    const down = client.down({ drainMs: 700 });
    await host.takenDown;
    expect(runner.calls).toEqual(['stop 700']);
    const ended = await Promise.race([down.then(() => 'ended'), sleep(50).then(() => 'not yet')]);
    expect(ended).toBe('not yet');
    await host.close();
    await within(down, { what: 'down to end' });
    expect(readdirSync(root)).toEqual([]);
    expect(await findProject({ root, file: FILE })).toBeNull();
  });

  test('a second one hurries the first; whoever asks for anything else is told', async () => {
    const { client, runner, host } = await up();
    runner.draining = new Promise((resolve) => {
      runner.hurried = resolve;
    });
    const patient = client.down({ drainMs: null });
    await until(() => runner.calls.includes('stop null'), { what: 'the drain to begin' });
    expect(await client.status()).toMatchObject({ phase: 'stopping' });
    await expect(client.apply()).rejects.toMatchObject({ code: 'busy', message: 'the project is going down' });
    const hasty = client.down({ drainMs: 0 });
    await host.takenDown;
    await host.close();
    await Promise.all([patient, hasty]);
    expect(runner.calls).toEqual(['stop null', 'stop 0']);
  });

  test('of a project that is not up says so', async () => {
    await expect(connectProject({ root, file: FILE })).rejects.toMatchObject({
      code: 'not-up',
      message: 'tunnels.yaml is not up',
      hint: 'tunnels up -d',
    });
  });

  test('keeps the journal for the next build, if that is what it is for', async () => {
    const { client, runner, host } = await up();
    runner.warn('web', 'before');
    const down = client.down({ drainMs: 0, keepJournal: true });
    await host.takenDown;
    await host.close();
    await down;
    const next = await up();
    expect((await all(next.client.events())).map(told)).toEqual(['before', 'stopped']);
  });

  test('a call that is cut off by the end is told so', async () => {
    const { client, runner, host } = await up();
    runner.set('web', { state: 'opening' });
    const waiting = client.wait({ condition: 'open', timeoutMs: 10_000 }).catch((error: unknown) => error);
    await sleep(50);
    await host.close();
    expect(await waiting).toMatchObject({ code: 'gone' });
    await expect(client.snapshot()).rejects.toMatchObject({ code: 'gone' });
  });
});

describe('a second process', () => {
  test('is given the one that holds the project', async () => {
    await up();
    const second = await serveRunner({ runner: new PlayedRunner(shop()), file: FILE, root, build: 'b2', mode: 'foreground' });
    expect(second).toMatchObject({ holds: false, holder: { status: { build: 'b1', pid: process.pid } } });
  });

  test('of another build is recognised, and one of another protocol is only ever taken down', async () => {
    const { client, host } = await up();
    const other = new (client.constructor as typeof DaemonClient)(client.socket, { ...client.found, protocol: 99, build: '9+9' });
    const message = `process ${process.pid} has the project up in another build of tunnels (9+9)`;
    await expect(other.snapshot()).rejects.toMatchObject({
      code: 'other-version',
      message,
      hint: expect.stringContaining('brings it over') as string,
    });
    await expect(other.apply()).rejects.toMatchObject({ code: 'other-version' });
    const down = other.down({ drainMs: 0 });
    await host.takenDown;
    await host.close();
    await down;
  });
});

describe('all projects', () => {
  test('are listed, and what dead ones left is swept', async () => {
    await up();
    await up({ file: '/home/u/blog/tunnels.yaml' });
    const dead = join(root, 'dead-0123456789ab');
    mkdirSync(dead, { mode: 0o700 });
    writeFileSync(join(dead, 'events.ndjson'), '');
    mkdirSync(join(root, 'something else'));
    const listed = await listProjects(root);
    expect(listed).toMatchObject([
      { state: 'running', status: { file: '/home/u/blog/tunnels.yaml' } },
      { state: 'running', status: { file: FILE } },
    ]);
    expect(existsSync(dead)).toBe(false);
    expect(existsSync(join(root, 'something else'))).toBe(true);
  });

  test('one that cannot be asked is listed as that, and does not hide the others', async () => {
    await up();
    const strange = join(root, 'aaa-0123456789ab');
    mkdirSync(strange, { mode: 0o700 });
    writeFileSync(join(strange, 'control-1-00000000.sock'), '');
    expect(await listProjects(root)).toMatchObject([{ state: 'unreachable', error: { code: 'foreign-socket' } }, { state: 'running' }]);
  });

  test('are none where there is no state directory', async () => {
    expect(await listProjects(join(root, 'missing'))).toEqual([]);
  });
});

describe('a caller that does not keep to the protocol', () => {
  const raw = (socketPath: string, text: string): Promise<string> =>
    new Promise((resolve, reject) => {
      let answer = '';
      const socket: Socket = connect(socketPath, () => void socket.write(text));
      socket.setEncoding('utf8').on('data', (chunk: string) => {
        answer += chunk;
      });
      socket.on('error', () => resolve(answer)).on('close', () => resolve(answer));
      setTimeout(() => reject(new Error(`no end; so far: ${answer}`)), 8_000).unref();
    });

  const http = (line: string, body = '', headers = ''): string =>
    `${line} HTTP/1.1\r\nHost: x\r\n${headers}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

  const BAD: readonly { what: string; text: string; answer: RegExp }[] = [
    { what: 'noise', text: '\x00\x01\x02 nonsense\r\n\r\n', answer: /^HTTP\/1\.1 400/ },
    { what: 'a request line without end', text: `GET /${'a'.repeat(100_000)}`, answer: /^HTTP\/1\.1 4\d\d/ },
    { what: 'a path that is not there', text: http('GET /nothing'), answer: /400[^]*"bad-request"[^]*GET \/nothing/ },
    { what: 'a method that does not fit', text: http('DELETE /snapshot'), answer: /400[^]*DELETE/ },
    { what: 'a body that is no JSON', text: http('POST /apply', '{'), answer: /400[^]*no JSON/ },
    { what: 'a body that is a list', text: http('POST /apply', '[1]'), answer: /400[^]*no JSON object/ },
    { what: 'names that are numbers', text: http('POST /stop', '{"names":[1]}'), answer: /list of names/ },
    { what: 'a drain below zero', text: http('POST /down', '{"drainMs":-1}'), answer: /400[^]*milliseconds/ },
    { what: 'a drain without end', text: http('POST /down', '{"drainMs":1e300}'), answer: /400[^]*milliseconds/ },
    { what: 'a wait without a limit', text: http('POST /wait', '{}'), answer: /timeoutMs/ },
    { what: 'a condition nobody knows', text: http('POST /wait', '{"condition":"x","timeoutMs":1}'), answer: /open or healthy/ },
    { what: 'a number that is none', text: http('GET /events?n=-1'), answer: /400[^]*whole number/ },
    { what: 'a body too large', text: http('POST /apply', `{"names":["${'a'.repeat(1_100_000)}"]}`), answer: /400[^]*larger than/ },
    {
      what: 'an upgrade',
      text: http('GET /status', '', 'Connection: upgrade\r\nUpgrade: websocket\r\n'),
      answer: /"program":"tunnels"|^$/,
    },
  ];

  test.each(BAD)('$what: is refused, and the project is unharmed', async ({ text, answer }) => {
    const { client, runner } = await up();
    expect(await raw(client.socket, text)).toMatch(answer);
    expect((await client.snapshot()).tunnels).toHaveLength(2);
    expect(runner.calls).toEqual([]);
  });

  test('a body that is never sent is not waited for for ever', { timeout: 20_000 }, async () => {
    const { client } = await up();
    const socket = connect(client.socket);
    socket.on('error', () => undefined);
    socket.write('POST /apply HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{');
    await sleep(100);
    socket.destroy();
    expect(await client.status()).toMatchObject({ phase: 'up' });
  });
});

describe('a control socket that is removed', () => {
  const reached = (): Promise<DaemonClient> =>
    until(() => findProject({ root, file: FILE }).catch(() => null), { what: 'the project to be there again' });
  const warnings = async (client: DaemonClient): Promise<string[]> =>
    (await all(client.events())).flatMap((line) => (line.type === 'warning' ? [line.message] : []));
  const removals: readonly { readonly what: string; readonly remove: (folder: string) => void }[] = [
    { what: 'alone', remove: (folder) => rmSync(join(folder, sockets(folder)[0] ?? '')) },
    { what: 'with its folder', remove: (folder) => rmSync(folder, { recursive: true }) },
    { what: 'with the state directory', remove: () => rmSync(root, { recursive: true }) },
  ];
  const sockets = (folder: string): string[] => readdirSync(folder).filter((name) => name.endsWith('.sock'));

  test.each(removals)('$what is there again, with all that has happened, and calls go on', async ({ remove: removed }) => {
    const told: string[] = [];
    const { client, runner, host } = await up({ onWarning: ({ message }) => told.push(message) });
    runner.warn('web', 'before');
    runner.set('web', { state: 'opening' });
    const waiting = client.wait({ condition: 'open', timeoutMs: 20_000 });
    await until(() => runner.listening > 1, { what: 'the wait to begin' });
    removed(dirname(client.socket));
    await until(() => !existsSync(client.socket), { what: 'it to be gone' });
    const again = await reached();
    expect(again.socket).not.toBe(client.socket);
    expect(await again.status()).toMatchObject({ phase: 'up', pid: process.pid });
    runner.set('web', { state: 'open' });
    expect(await waiting).toMatchObject({ outcome: 'met' });
    const notice = `the control socket was removed: there is a new one in ${dirname(again.socket)}`;
    await until(async () => (await warnings(again)).length === 2, { what: 'the warning' });
    expect(await warnings(again)).toEqual(['before', notice]);
    expect(told).toEqual([notice]);
    // As its owner does; the answer to a down is the end of the process.
    const closed = host.takenDown.then(() => host.close());
    await again.down({ drainMs: 0 }, {});
    await closed;
    expect(existsSync(root) ? readdirSync(root) : []).toEqual([]);
  });
});

describe('a state directory that cannot be used', () => {
  test('refuses where somebody else could have put it there', async () => {
    writeFileSync(join(root, 'file'), '');
    const asked = serveRunner({ runner: new PlayedRunner(shop()), file: FILE, root: join(root, 'file'), build: 'b', mode: 'foreground' });
    await expect(asked).rejects.toMatchObject({ code: 'state-directory' });
  });
});
