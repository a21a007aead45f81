/** The guide to SSH tunnels, G6 to G8: tunnels that begin where another ends. */
import { createServer, request } from 'node:http';
import { afterEach, beforeAll, afterAll, expect, test } from 'vitest';
import { check, runChild } from '../helpers/child.ts';
import { startFaultProxy } from '../helpers/fault-proxy.ts';
import { freePort } from '../helpers/free-port.ts';
import { type GitDaemon, gitEnv, startGitDaemon } from '../helpers/git-daemon.ts';
import { commandLine, descendantsOf, isAlive } from '../helpers/process-table.ts';
import { createProject, hostEntry, type Project, sshConfigBlock, type Up } from '../helpers/project.ts';
import { remove, scratch } from '../helpers/scratch.ts';
import { download, exchange, hashOf, PAGE, startEcho, startSink, startSource, startWww, upload } from '../helpers/services.ts';
import { startSshd, type Sshd } from '../helpers/sshd.ts';
import { until } from '../helpers/wait.ts';

const undo: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const each of undo.splice(0).reverse()) await each();
});
const keep = async <T extends { stop(): Promise<unknown> }>(starting: Promise<T>): Promise<T> => {
  const started = await starting;
  undo.push(() => started.stop());
  return started;
};
const projectOf = (yaml: Readonly<Record<string, unknown>>, aliases: Readonly<Record<string, Sshd>> = {}): Project => {
  const made = createProject({ yaml, aliases });
  undo.push(made.remove);
  return made;
};

let git: GitDaemon;
beforeAll(async () => {
  git = await startGitDaemon();
});
afterAll(() => git.stop());

async function clones(port: number): Promise<void> {
  const into = scratch('clone');
  try {
    await check('git', ['clone', '-q', `git://localhost:${port}/${git.repository}`, into], { env: gitEnv() });
    expect((await check('git', ['-C', into, 'rev-parse', 'HEAD'], { env: gitEnv() })).trim()).toBe(git.head);
  } finally {
    remove(into);
  }
}

/** When a tunnel got to a state, first or first after `from`: its place among all events, -1 for never. */
const placeOf = (up: Up, name: string, to: string, from = 0): number =>
  up.events().findIndex((event, at) => at >= from && event.type === 'tunnel-state' && event.subject?.name === name && event.to === to);

const openAgain = (up: Up, name: string, from: number): Promise<unknown> =>
  up.untilEvent((event) => event.type === 'tunnel-state' && event.subject?.name === name && event.to === 'open', 15_000, from);

/** git-inner is written after git, so nothing but what it needs can put it first. */
async function double(
  launch: 'relay' | 'ssh',
  hosts: Readonly<Record<string, unknown>>,
  target = git.port,
): Promise<{ readonly project: Project; readonly here: number; readonly onBastion: number }> {
  const [here, onBastion] = [await freePort(), await freePort()];
  const project = projectOf({
    hosts,
    tunnels: {
      git: { type: 'local', host: 'bastion', ingress: here, egress: `localhost:${onBastion}` },
      'git-inner': {
        type: 'local',
        client: 'bastion',
        host: 'test-server',
        launch,
        ingress: onBastion,
        egress: `localhost:${target}`,
      },
    },
  });
  return { project, here, onBastion };
}

/** Once it was up, the outer half keeps its listener and is `reconnecting`, so only `open` tells. */
function cameUpInOrder(up: Up, from = 0): void {
  const [inner, outer] = [placeOf(up, 'git-inner', 'open', from), placeOf(up, 'git', from === 0 ? 'opening' : 'open', from)];
  expect(inner).toBeGreaterThan(-1);
  expect(outer).toBeGreaterThan(inner);
  const waits = up
    .events()
    .find((event, at) => at >= from && event.subject?.name === 'git' && String(event['waitingOn']).includes('git-inner'));
  expect(waits).toMatchObject({ type: 'tunnel-state' });
}

test('G6, launch: relay: git clone through both halves, the inner one up first', async () => {
  const [bastion, testServer] = await Promise.all([
    keep(startSshd({ name: 'bastion', hostKeyName: 'bastion', logLevel: 'DEBUG' })),
    keep(startSshd({ name: 'test-server', hostKeyName: 'test-server' })),
  ]);
  const { project, here, onBastion } = await double('relay', { bastion: hostEntry(bastion), 'test-server': hostEntry(testServer) });
  const up = project.up();
  await up.untilOpen(['git', 'git-inner']);
  cameUpInOrder(up);
  await clones(here);
  // The bastion dialled the test server for us, and listens where the outer half ends.
  expect(bastion.log()).toContain(`target ${testServer.address} port ${testServer.port}`);
  expect(bastion.log()).toContain(`Local forwarding listening on 127.0.0.1 port ${onBastion}.`);
  expect(bastion.connections()).toMatchObject({ accepted: 1, live: 1 });

  const seen = up.events().length;
  expect(bastion.signalSessions('SIGKILL')).toBe(1);
  for (const name of ['git-inner', 'git']) await openAgain(up, name, seen);
  cameUpInOrder(up, seen);
  await clones(here);
  expect(await up.stop()).toMatchObject({ code: 0 });
  for (const sshd of [bastion, testServer]) await until(() => sshd.connections().live === 0, { what: `${sshd.name} to be left` });
});

test('G6, launch: ssh: the bastion logs in with a key of its own, and its ssh ends with the connection and with down', async () => {
  const testServer = await keep(startSshd({ name: 'test-server', hostKeyName: 'test-server' }));
  const bastion = await keep(startSshd({ name: 'bastion', hostKeyName: 'bastion', sshConfig: sshConfigBlock('test-server', testServer) }));
  const link = await keep(startFaultProxy(bastion.port));
  const { project, here, onBastion } = await double('ssh', {
    bastion: hostEntry(bastion, { port: link.port, host_key: bastion.fingerprint, reconnect: { min: '50ms', max: '200ms' } }),
  });
  /** The ssh that the bastion runs, and the shell around it. */
  const launched = (): number[] =>
    descendantsOf(bastion.pid).filter((pid) => commandLine(pid).includes(`${onBastion}:localhost:${git.port}`));
  const up = project.up();
  await up.untilOpen(['git', 'git-inner']);
  cameUpInOrder(up);
  await clones(here);
  const first = launched();
  expect(first.map(commandLine).some((words) => /^\S*ssh .*-L/.test(words))).toBe(true);

  const seen = up.events().length;
  expect(link.reset()).toBe(1);
  await until(() => !first.some(isAlive), {
    what: 'the ssh on the bastion to end with the connection',
    detail: () => first.map(commandLine).join('\n'),
  });
  for (const name of ['git-inner', 'git']) await openAgain(up, name, seen);
  cameUpInOrder(up, seen);
  await clones(here);
  const second = launched();
  expect(second.length).toBeGreaterThan(0);

  expect(await up.stop()).toMatchObject({ code: 0 });
  await until(() => !second.some(isAlive), { what: 'the ssh on the bastion to end with the program' });
  for (const sshd of [bastion, testServer]) await until(() => sshd.connections().live === 0, { what: `${sshd.name} to be left` });
});

test('G6: a client that comes while the far half is down is held, and served once it is back', async () => {
  const [bastion, testServer, echo] = await Promise.all([
    keep(startSshd({ name: 'bastion', hostKeyName: 'bastion' })),
    keep(startSshd({ name: 'test-server', hostKeyName: 'test-server' })),
    keep(startEcho()),
  ]);
  const quick = { reconnect: { min: '50ms', max: '200ms' } };
  const hosts = { bastion: hostEntry(bastion), 'test-server': hostEntry(testServer, { via: 'bastion', ...quick }) };
  const { project, here } = await double('relay', hosts, echo.port);
  const up = project.up();
  await up.untilOpen(['git', 'git-inner']);
  await testServer.halt();
  await until(() => up.state('git') === 'reconnecting' && up.state('git-inner') === 'reconnecting', { what: 'both halves to reconnect' });
  const held = exchange(here, 'held');
  held.catch(() => undefined);
  await up.untilEvent((event) => event.subject?.name === 'test-server' && event.to === 'backoff');
  await testServer.restart();
  expect((await held).toString()).toBe('held');
  expect(bastion.connections().accepted).toBe(1);
  expect(await up.stop()).toMatchObject({ code: 0 });
});

test('every type of tunnel between two other machines, by both ways of launching', async () => {
  const testServer = await keep(startSshd({ name: 'test-server', hostKeyName: 'test-server' }));
  const bastion = await keep(startSshd({ name: 'bastion', hostKeyName: 'bastion', sshConfig: sshConfigBlock('of-bastion', testServer) }));
  const www = await keep(startWww());
  const egress = `localhost:${www.port}`;
  const types = { local: { egress }, remote: { egress }, dynamic: {}, 'remote-dynamic': {} };
  const tunnels = Object.fromEntries(
    Object.entries(types).flatMap(([type, ends]) => [
      [`${type}-relay`, { type, client: 'bastion', host: 'test-server', launch: 'relay', ingress: 0, ...ends }],
      [`${type}-ssh`, { type, client: 'bastion', host: 'of-bastion', launch: 'ssh', ingress: 0, ...ends }],
    ]),
  );
  const project = projectOf({
    hosts: { bastion: hostEntry(bastion), 'test-server': hostEntry(testServer), 'of-bastion': {} },
    tunnels,
  });
  const up = project.up();
  await up.untilOpen(Object.keys(tunnels), 30_000);
  for (const name of Object.keys(tunnels)) {
    const to = name.includes('dynamic')
      ? ['--socks5-hostname', `localhost:${up.port(name)}`, `http://${egress}/`]
      : [`http://localhost:${up.port(name)}/`];
    expect(await check('curl', ['-sS', '--max-time', '10', ...to])).toBe(PAGE);
  }
  expect(await up.stop()).toMatchObject({ code: 0 });
  for (const sshd of [bastion, testServer]) await until(() => sshd.connections().live === 0, { what: `${sshd.name} to be left` });
});

test.each(['relay', 'ssh'])(
  'G7, launch: %s: a fetch made on beta goes over the bridge to an HTTP proxy of this machine',
  async (launch) => {
    const www = await keep(startWww());
    const beta = await keep(startSshd({ name: 'beta-server', hostKeyName: 'beta' }));
    const bridge = await keep(startSshd({ name: 'bridge', hostKeyName: 'bridge', sshConfig: sshConfigBlock('beta-server', beta) }));
    const asked: string[] = [];
    const proxy = createServer((incoming, outgoing) => {
      asked.push(incoming.url ?? '');
      const onward = request(incoming.url ?? '', { method: incoming.method ?? 'GET', headers: { connection: 'close' } }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502);
        answer.pipe(outgoing);
      });
      onward.once('error', () => outgoing.writeHead(502).end());
      incoming.pipe(onward);
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    undo.push(() => {
      proxy.closeAllConnections();
      proxy.close();
    });
    const address = proxy.address();
    const here = typeof address === 'object' && address !== null ? address.port : 0;
    const [onBridge, onBeta] = [await freePort(), await freePort()];
    const project = projectOf(
      {
        // By its own ssh the bridge reaches beta as the bridge's ssh_config says.
        hosts: { bridge: hostEntry(bridge), 'beta-server': launch === 'ssh' ? {} : hostEntry(beta, { via: 'bridge' }) },
        tunnels: {
          'proxy-outer': {
            type: 'remote',
            client: 'bridge',
            host: 'beta-server',
            launch,
            ingress: onBeta,
            egress: `localhost:${onBridge}`,
          },
          proxy: { type: 'remote', host: 'bridge', ingress: onBridge, egress: `localhost:${here}` },
        },
      },
      { beta },
    );
    const up = project.up();
    await up.untilOpen(['proxy', 'proxy-outer']);
    expect(placeOf(up, 'proxy-outer', 'opening')).toBeGreaterThan(placeOf(up, 'proxy', 'open'));
    const onBetaRun = (command: string) => runChild('ssh', ['-o', 'BatchMode=yes', 'beta', command], { env: project.env });
    const fetched = await onBetaRun(`curl -sS --max-time 10 -x http://localhost:${onBeta} http://localhost:${www.port}/`);
    expect(fetched).toMatchObject({ code: 0, stdout: PAGE });
    expect(asked).toEqual([`http://localhost:${www.port}/`]);
    const size = 2 << 20;
    const sum = await onBetaRun(
      `curl -sS --max-time 20 -x http://localhost:${onBeta} http://localhost:${www.port}/bytes/${size} | sha256sum`,
    );
    expect(sum.stdout.slice(0, 64)).toBe(hashOf(size));
    expect(await up.stop()).toMatchObject({ code: 0 });
  },
);

test('G8: 64 MiB each way through nine tunnels, local and remote in turn, over four hops', async () => {
  const size = 64 << 20;
  const [source, sink, ...hops] = await Promise.all([
    keep(startSource()),
    keep(startSink()),
    ...[1, 2, 3, 4].map((hop) => keep(startSshd({ name: `hop${hop}`, hostKeyName: `hop${hop}` }))),
  ]);
  const chain = (kind: string, end: number, ports: readonly number[]): [string, unknown][] =>
    ports.map((port, index) => [
      `${kind}-${index + 1}`,
      {
        // A local one comes out on its host, where the remote one after it listens; that one comes out here, as the next local one's ingress.
        type: index % 2 === 0 ? 'local' : 'remote',
        host: `hop${(Math.floor(index / 2) % 4) + 1}`,
        ingress: port,
        egress: `localhost:${ports[index + 1] ?? end}`,
      },
    ]);
  const nine = (): Promise<number[]> => Promise.all(Array.from({ length: 9 }, () => freePort()));
  const [down, upward] = [await nine(), await nine()];
  const tunnels = Object.fromEntries([...chain('down', source.port, down), ...chain('up', sink.port, upward)]);
  const project = projectOf({
    hosts: Object.fromEntries(hops.map((sshd, at) => [`hop${at + 1}`, hostEntry(sshd, at === 0 ? {} : { via: `hop${at}` })])),
    tunnels,
  });
  const running = project.up();
  await running.untilOpen(Object.keys(tunnels), 30_000);
  expect(await download(down[0] ?? 0, size)).toEqual({ bytes: size, sha256: hashOf(size) });
  expect(await upload(upward[0] ?? 0, size)).toEqual({ bytes: size, sha256: hashOf(size) });
  for (const kind of ['down', 'up'])
    for (let at = 1; at < 9; at += 1)
      expect(placeOf(running, `${kind}-${at}`, 'open')).toBeGreaterThan(placeOf(running, `${kind}-${at + 1}`, 'open'));
  expect(hops.map((sshd) => sshd.connections().accepted)).toEqual([1, 1, 1, 1]);
  expect(await running.stop()).toMatchObject({ code: 0 });
}, 120_000);
