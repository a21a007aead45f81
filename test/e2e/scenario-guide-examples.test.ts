/**
 * Every examples/CASE/tunnels.yaml, unmodified, between machines that can reach each other only where the example says so.
 * As a plain user there are no such machines: the examples are then validated and planned only.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { check, startChild } from '../helpers/child.ts';
import { copyOfExample, webServerOf } from '../helpers/example-programs.ts';
import { createRepository, gitEnv } from '../helpers/git-daemon.ts';
import { keyPair } from '../helpers/keys.ts';
import { type Machines, type MachinesOptions, machinesAvailable, reaches, startMachines } from '../helpers/machines.ts';
import { postgresAvailable } from '../helpers/postgres.ts';
import { createProject, type Up } from '../helpers/project.ts';
import { remove, scratch } from '../helpers/scratch.ts';
import { bytes, hashOf } from '../helpers/services.ts';
import { until } from '../helpers/wait.ts';

const EXAMPLES = resolve(import.meta.dirname, '../../examples');
const examples = readdirSync(EXAMPLES);
const fileOf = (example: string): string => join(EXAMPLES, example, 'tunnels.yaml');

const SIZE = 1 << 20;
let shared: string;
let payload: string;
let repositoryHead: string;

beforeAll(async () => {
  shared = scratch('examples');
  payload = join(shared, 'payload');
  writeFileSync(payload, bytes(SIZE));
  repositoryHead = await createRepository(shared);
});
afterAll(() => remove(shared));

/** The page at `url` says it is `who`, and a megabyte goes there and comes back. */
async function carries(machines: Machines, where: { on: string; url: string; who: string; args?: readonly string[] }): Promise<void> {
  const { on, url, who, args = [] } = where;
  expect(await machines.curl(on, ...args, url)).toBe(`${who}\n`);
  const echo = ['curl', '-sS', ...args, '--data-binary', `@${payload}`, `${url}echo`];
  const sum = await machines.run(on, 'sh', ['-c', '"$@" | sha256sum', 'sh', ...echo]);
  expect(sum.stdout.slice(0, 64)).toBe(hashOf(SIZE));
}

const EXCHANGE = `
  const hash = require('node:crypto').createHash('sha256');
  const socket = require('node:net').connect({ host: 'localhost', port: Number(process.argv[1]), allowHalfOpen: true });
  socket.on('data', (data) => hash.update(data)).on('end', () => console.log(hash.digest('hex')));
  require('node:fs').createReadStream(process.argv[2]).pipe(socket);
`;
const echoes = async (machines: Machines, on: string, port: number): Promise<void> =>
  expect((await machines.run(on, process.execPath, ['-e', EXCHANGE, String(port), payload])).stdout.trim()).toBe(hashOf(SIZE));

/** Connects, and sends a request when it is told to. */
const WAITING_CLIENT = `
  const socket = require('node:net').connect({ host: 'localhost', port: 8080 }, () => console.log('connected'));
  process.stdin.once('data', () => socket.write('GET / HTTP/1.0\\r\\n\\r\\n'));
  socket.on('data', (data) => console.log(String(data))).on('close', () => process.exit());
`;

interface Example {
  readonly machines: () => MachinesOptions | Promise<MachinesOptions>;
  readonly opens: readonly string[];
  /** What cannot be reached from where without the tunnel: `[from, machine, port]`. */
  readonly hidden: readonly (readonly [string, string, number])[];
  readonly prepare?: (machines: Machines) => Promise<void>;
  /** Run from a copy, because the test goes on to change it. */
  readonly copied?: true;
  readonly shows: (machines: Machines, up: Up) => Promise<void>;
}

const BASTION = 'bastion.example.com';
const GATEWAY = 'gateway.example.com';
const TUNNEL_HOST = 'tunnel-host.example.com';

const behindBastion: Pick<Example, 'machines' | 'hidden'> = {
  machines: () => ({
    links: [['you', BASTION, 'web.internal']],
    sshds: { [BASTION]: {} },
    services: { 'web.internal': ['http:80'], you: ['http:3000'] },
  }),
  hidden: [['you', 'web.internal', 80]],
};

const cases: Readonly<Record<string, Example>> = {
  local: {
    machines: () => ({ links: [['you', TUNNEL_HOST, 'www']], sshds: { [TUNNEL_HOST]: {} }, services: { www: ['http:80'] } }),
    opens: ['www'],
    hidden: [['you', 'www', 80]],
    shows: async (machines) => {
      await carries(machines, { on: 'you', url: 'http://localhost:8080/', who: 'www:80' });
      expect(await machines.curl('you', 'http://localhost:8080/')).toBe(await machines.curl(TUNNEL_HOST, 'http://www/'));
    },
  },
  bastion: {
    ...behindBastion,
    opens: ['web'],
    shows: (machines) => carries(machines, { on: 'you', url: 'http://localhost:8080/', who: 'web.internal:80' }),
  },
  remote: {
    machines: () => ({ links: [[BASTION, 'you', 'www']], sshds: { [BASTION]: {} }, services: { www: ['http:80'] } }),
    opens: ['www'],
    hidden: [[BASTION, 'www', 80]],
    shows: (machines) => carries(machines, { on: BASTION, url: 'http://localhost:8080/', who: 'www:80' }),
  },
  'dynamic-proxy': {
    machines: () => ({ links: [['you', TUNNEL_HOST, 'www']], sshds: { [TUNNEL_HOST]: {} }, services: { www: ['http:80'] } }),
    opens: ['proxy'],
    hidden: [['you', 'www', 80]],
    shows: async (machines) => {
      // Only tunnel-host knows the name, so by these it is resolved there; by the other two curl resolves here, and needs an address.
      for (const how of ['--socks4a', '--socks5-hostname', '-px'])
        await carries(machines, { on: 'you', url: 'http://www/', who: 'www:80', args: [how, 'localhost:8080'] });
      expect((await machines.run('you', 'getent', ['hosts', 'www'])).code).not.toBe(0);
      const url = `http://${machines.addressOf('www', TUNNEL_HOST)}/`;
      for (const how of ['--socks4', '--socks5']) await carries(machines, { on: 'you', url, who: 'www:80', args: [how, 'localhost:8080'] });
    },
  },
  'dynamic-remote': {
    machines: () => ({ links: [[GATEWAY, 'you', 'wiki.home']], sshds: { [GATEWAY]: {} }, services: { 'wiki.home': ['http:80'] } }),
    opens: ['proxy'],
    hidden: [[GATEWAY, 'wiki.home', 80]],
    shows: async (machines) => {
      await carries(machines, { on: GATEWAY, url: 'http://wiki.home/', who: 'wiki.home:80', args: ['-x', 'socks5h://localhost:1080'] });
      expect((await machines.run(GATEWAY, 'getent', ['hosts', 'wiki.home'])).code).not.toBe(0);
    },
  },
  'secured-email': {
    machines: () => ({
      links: [['you', 'trusted-host.example.com', 'mail-server']],
      sshds: { 'trusted-host.example.com': {} },
      services: { 'mail-server': ['mail:143'] },
    }),
    opens: ['imap'],
    hidden: [['you', 'mail-server', 143]],
    shows: async (machines) => {
      const { stderr } = await machines.run('you', 'curl', ['-v', '--max-time', '5', 'imap://user:word@localhost:2143/']);
      expect(stderr).toContain('< * OK mail-server ready');
      expect(stderr).toMatch(/> A00\d CAPABILITY[^]*< A00\d OK CAPABILITY/);
    },
  },
  'poor-mans-vpn': {
    machines: () => ({ links: [['you', BASTION, 'intranet']], sshds: { [BASTION]: {} }, services: { intranet: ['http:80', 'http:443'] } }),
    opens: ['http', 'https'],
    hidden: [
      ['you', 'intranet', 80],
      ['you', 'intranet', 443],
    ],
    shows: async (machines) => {
      await Promise.all([
        carries(machines, { on: 'you', url: 'http://localhost:8080/', who: 'intranet:80' }),
        carries(machines, { on: 'you', url: 'http://localhost:8443/', who: 'intranet:443' }),
      ]);
      expect(machines.sshd(BASTION).connections()).toMatchObject({ accepted: 1, authenticated: 1, live: 1 });
    },
  },
  'double-tunnel': {
    machines: () => ({
      links: [['you', BASTION, 'test-server', 'git-server']],
      sshds: { [BASTION]: {}, 'test-server': {} },
      services: { 'git-server': [`http:7999:${shared}`] },
    }),
    opens: ['git-inner', 'git'],
    hidden: [
      ['you', 'test-server', 22],
      ['you', 'git-server', 7999],
      [BASTION, 'git-server', 7999],
    ],
    shows: clones,
  },
  'double-tunnel-launched': {
    machines: async () => ({
      links: [['you', BASTION, 'test-server.example.com', 'git-server']],
      sshds: { [BASTION]: {}, 'test-server.example.com': { authorizedKeys: [await keyPair({ name: 'of-bastion' })] } },
      services: { 'git-server': [`http:7999:${shared}`] },
    }),
    prepare: async (machines) => machines.giveKey(BASTION, await keyPair({ name: 'of-bastion' }), ['test-server.example.com']),
    opens: ['git-inner', 'git'],
    hidden: [
      ['you', 'test-server.example.com', 22],
      ['you', 'git-server', 7999],
      [BASTION, 'git-server', 7999],
    ],
    shows: clones,
  },
  'double-remote': {
    machines: () => ({
      links: [['beta-server.example.com', 'bridge.example.com', 'you', 'news.example']],
      sshds: { 'bridge.example.com': {}, 'beta-server.example.com': {} },
      services: { you: ['proxy:8888'], 'news.example': ['http:80'] },
    }),
    opens: ['proxy-outer', 'proxy'],
    hidden: [
      ['beta-server.example.com', 'news.example', 80],
      ['beta-server.example.com', 'you', 8888],
    ],
    shows: async (machines) => {
      const args = ['-x', 'http://localhost:9999'];
      await carries(machines, { on: 'beta-server.example.com', url: 'http://news.example/', who: 'news.example:80', args });
      expect(await machines.curl('beta-server.example.com', '-i', ...args, 'http://news.example/')).toMatch(/^via: 1\.1 you\r$/im);
    },
  },
  'long-chain': {
    machines: () => ({
      links: [['you', ...[1, 2, 3, 4].map((hop) => `hop${hop}.example.com`), 'service']],
      sshds: Object.fromEntries([1, 2, 3, 4].map((hop) => [`hop${hop}.example.com`, {}])),
      services: { service: ['echo:9000'] },
    }),
    opens: ['service'],
    hidden: [
      ['you', 'hop2.example.com', 22],
      ['you', 'service', 9000],
      ['hop3.example.com', 'service', 9000],
    ],
    shows: (machines) => echoes(machines, 'you', 9000),
  },
  'long-link': {
    machines: () => ({
      links: [['you', 'far-away.example.com', 'artifacts.internal']],
      sshds: { 'far-away.example.com': {} },
      services: { 'artifacts.internal': ['http:80'] },
    }),
    opens: ['artifacts'],
    hidden: [['you', 'artifacts.internal', 80]],
    shows: async (machines) => {
      const sshd = machines.sshd('far-away.example.com');
      await until(() => sshd.connections().live === 4, { what: 'four connections', detail: () => sshd.log() });
      const download = () => carries(machines, { on: 'you', url: 'http://localhost:8080/', who: 'artifacts.internal:80' });
      await Promise.all(Array.from({ length: 8 }, download));
      expect(sshd.connections()).toMatchObject({ accepted: 4, authenticated: 4, live: 4 });
    },
  },
  exposed: {
    machines: async () => {
      const { links, ...rest } = await behindBastion.machines();
      return { links: [...links, ['you', 'colleague']], ...rest };
    },
    opens: ['mine', 'ours'],
    hidden: [
      ['you', 'web.internal', 80],
      ['colleague', 'web.internal', 80],
    ],
    shows: async (machines, up) => {
      await machines.addAddress('you', 'colleague', '192.168.7.1');
      await machines.addAddress('colleague', 'you', '192.168.7.2');
      for (const port of [8080, 8081]) await carries(machines, { on: 'you', url: `http://localhost:${port}/`, who: 'web.internal:80' });
      await carries(machines, { on: 'colleague', url: 'http://192.168.7.1:8081/', who: 'web.internal:80' });
      await expect(machines.curl('colleague', 'http://192.168.7.1:8080/')).rejects.toThrow(/Failed to connect/);
      // The colleague's other network is not among those allowed.
      await expect(machines.curl('colleague', `http://${machines.addressOf('you', 'colleague')}:8081/`)).rejects.toThrow(/curl/);
      await up.untilEvent((event) => event.type === 'connection-refused' && event['why'] === 'allow');
    },
  },
  'home-server': {
    machines: () => ({
      links: [[GATEWAY, 'you', 'home-server.local']],
      sshds: { [GATEWAY]: {} },
      services: { 'home-server.local': ['http:80'] },
    }),
    opens: ['home'],
    hidden: [[GATEWAY, 'home-server.local', 80]],
    shows: (machines) => carries(machines, { on: GATEWAY, url: 'http://localhost:8080/', who: 'home-server.local:80' }),
  },
  'public-gateway': {
    machines: () => ({
      links: [['you', GATEWAY, 'visitor']],
      sshds: { [GATEWAY]: { config: { GatewayPorts: 'clientspecified' } } },
      services: { you: ['http:3000'] },
    }),
    opens: ['preview'],
    hidden: [['visitor', 'you', 3000]],
    shows: (machines) => carries(machines, { on: 'visitor', url: `http://${GATEWAY}:8080/`, who: 'you:3000' }),
  },
  'local-and-remote': {
    machines: () => ({
      links: [['you', 'host.example.com']],
      sshds: { 'host.example.com': {} },
      services: { you: ['http:90'], 'host.example.com': ['http:80'] },
    }),
    opens: ['to-host', 'from-host'],
    hidden: [],
    shows: async (machines) => {
      await carries(machines, { on: 'you', url: 'http://localhost:8080/', who: 'host.example.com:80' });
      await carries(machines, { on: 'host.example.com', url: 'http://localhost:9090/', who: 'you:90' });
    },
  },
  'allocated-ports': {
    ...behindBastion,
    opens: ['web', 'door', 'back'],
    shows: async (machines, up) => {
      await carries(machines, { on: 'you', url: `http://localhost:${up.port('web')}/`, who: 'web.internal:80' });
      await carries(machines, { on: BASTION, url: `http://localhost:${up.port('door')}/`, who: 'you:3000' });
      await carries(machines, { on: 'you', url: 'http://localhost:8080/', who: 'you:3000' });
    },
  },
  'private-database': {
    machines: () => ({
      links: [
        ['you', BASTION, 'db.internal'],
        [BASTION, 'cache.internal'],
      ],
      sshds: { [BASTION]: {} },
      services: { 'db.internal': [postgresAvailable() ? 'postgres:5432' : 'echo:5432'], 'cache.internal': ['redis:6379'] },
    }),
    opens: ['postgres', 'redis'],
    hidden: [
      ['you', 'db.internal', 5432],
      ['you', 'cache.internal', 6379],
    ],
    shows: async (machines) => {
      const redis = async (...command: readonly string[]): Promise<string> =>
        (await machines.run('you', 'redis-cli', ['-p', '6379', ...command])).stdout.trim();
      expect(await redis('SET', 'key', 'value')).toBe('OK');
      expect(await redis('GET', 'key')).toBe('value');
      if (!postgresAvailable()) return echoes(machines, 'you', 5432);
      const query = `select count(*), sum(length(repeat('x', n))) from generate_series(1, 1000) as n`;
      const psql = ['-h', 'localhost', '-p', '5432', '-U', 'shop', '-d', 'postgres', '-At', '-c', query];
      expect((await machines.run('you', 'psql', psql)).stdout.trim()).toBe('1000|500500');
    },
  },
  'live-reload': {
    machines: () => ({
      links: [
        ['you', BASTION, 'blue.internal'],
        [BASTION, 'green.internal'],
      ],
      sshds: { [BASTION]: {} },
      services: { 'blue.internal': ['http:80'], 'green.internal': ['http:80'] },
    }),
    opens: ['blue'],
    hidden: [
      ['you', 'blue.internal', 80],
      ['you', 'green.internal', 80],
    ],
    copied: true,
    shows: followsTheFile,
  },
  'command-healthcheck': {
    machines: () => ({
      links: [
        ['you', BASTION, 'api.internal'],
        [BASTION, 'cache.internal'],
      ],
      sshds: { [BASTION]: {} },
      services: { 'cache.internal': ['redis:6379'], 'api.internal': ['http:80'] },
    }),
    opens: ['cache', 'api'],
    hidden: [
      ['you', 'cache.internal', 6379],
      ['you', 'api.internal', 80],
    ],
    prepare: async ({ project }) => {
      const shown = await project.run(['trust', '--yes', '-f', fileOf('command-healthcheck')]);
      expect([shown.code, shown.stderr]).toEqual([0, expect.stringContaining('redis-cli -h "$TUNNEL_CACHE_ADDRESS"')]);
    },
    shows: async (machines, up) => {
      await carries(machines, { on: 'you', url: 'http://localhost:8080/', who: 'api.internal:80' });
      // It waited: the cache was asked before.
      const told = up.events().map((event) => `${event.subject?.name} ${event.to ?? String(event['verdict'])}`);
      expect(told.indexOf('cache healthy')).toBeGreaterThan(0);
      expect(told.indexOf('cache healthy')).toBeLessThan(told.indexOf('api open'));
    },
  },
  'vitest-global-setup': {
    ...behindBastion,
    opens: ['web'],
    shows: async (machines, up) => {
      await carries(machines, { on: 'you', url: `http://localhost:${up.port('web')}/`, who: 'web.internal:80' });
      const copy = copyOfExample(machines, 'vitest-global-setup', ['vitest']);
      try {
        const result = await copy.run([process.execPath, 'node_modules/vitest/vitest.mjs', 'run', '--reporter=verbose']);
        expect(result.stdout).toMatch(/✓ web\.test\.ts > web\.internal answers through the tunnel/);
        expect(result.code).toBe(0);
      } finally {
        copy.remove();
      }
    },
  },
  'playwright-web-server': {
    ...behindBastion,
    opens: ['api'],
    shows: async (machines, up) => {
      await carries(machines, { on: 'you', url: `http://localhost:${up.port('api')}/`, who: 'web.internal:80' });
      await servesThePage(machines);
    },
  },
};

/** What playwright does with its webServer: the command by a shell, until the address answers, then the signal. */
async function servesThePage(machines: Machines): Promise<void> {
  const copy = copyOfExample(machines, 'playwright-web-server');
  const { command, url, gracefulShutdown } = await webServerOf(join(copy.dir, 'playwright.config.ts'));
  const server = copy.start(['sh', '-c', `exec ${command}`]);
  try {
    const page = (): Promise<string> => machines.curl('you', url).catch(() => '');
    const detail = (): string => server.stdout() + server.stderr();
    expect(await until(page, { what: `${url} to answer`, ms: 15_000, every: 100, detail })).toContain('<h1>web.internal:80');
    process.kill(server.pid, gracefulShutdown.signal);
    await server.exited;
    expect(await page()).toBe('');
  } finally {
    await server.stop();
    copy.remove();
  }
}

async function clones(machines: Machines): Promise<void> {
  const into = scratch('clone');
  try {
    const cloned = await machines.run('you', 'git', ['clone', '-q', 'http://localhost:7999/shop.git', into], { env: gitEnv() });
    expect(cloned).toMatchObject({ code: 0 });
    expect((await check('git', ['-C', into, 'rev-parse', 'HEAD'], { env: gitEnv() })).trim()).toBe(repositoryHead);
  } finally {
    remove(into);
  }
}

/** The one example that is about changing the file, as its comments say. */
async function followsTheFile(machines: Machines, up: Up): Promise<void> {
  const { project } = machines;
  const text = readFileSync(fileOf('live-reload'), 'utf8');
  const [command = '', ...words] = [...machines.on('you'), process.execPath, '-e', WAITING_CLIENT];
  const client = startChild(command, words, { stdin: 'pipe' });
  try {
    await until(() => client.stdout().includes('connected'), { what: 'a client to be connected', detail: client.stderr });
    const more = text.replace('# green:', 'green:');
    expect(more).not.toBe(text);
    project.write(more);
    await up.untilOpen(['blue', 'green']);
    await carries(machines, { on: 'you', url: 'http://localhost:8081/', who: 'green.internal:80' });
    project.write(`${more}  red: -L nonsense\n`);
    await up.untilEvent((event) => event.type === 'rejected');
    project.write(more.replace('blue.internal:80', 'green.internal:80'));
    await up.untilEvent((event) => event.type === 'retargeted');
    await carries(machines, { on: 'you', url: 'http://localhost:8080/', who: 'green.internal:80' });
    // The connection of before goes where it went.
    client.process.stdin?.write('go\n');
    await client.exited;
    expect(client.stdout()).toContain('blue.internal:80');
  } finally {
    await client.stop();
  }
}

test('every example is tested here', () => {
  expect(Object.keys(cases).sort()).toEqual(examples.toSorted());
});

test.each(examples)('%s is valid, and its plan opens what it names', async (example) => {
  const project = createProject();
  try {
    const [config, plan] = await Promise.all([
      project.run(['config', '-q', '-f', fileOf(example)]),
      project.run(['plan', '-f', fileOf(example)]),
    ]);
    expect(config).toMatchObject({ code: 0, stdout: '', stderr: '' });
    // 2: there is something to do.
    expect(plan).toMatchObject({ code: 2, stderr: '' });
    for (const tunnel of cases[example]?.opens ?? []) expect(plan.stdout).toContain(`+ tunnel ${tunnel}`);
  } finally {
    await project.remove();
  }
});

if (!machinesAvailable()) console.warn('not root, or no network namespaces: the examples are validated and planned here, and not run');
else if (!postgresAvailable()) console.warn('no PostgreSQL server: in private-database an echo stands for it');

describe.runIf(machinesAvailable())('between machines', () => {
  let machines: Machines | undefined;
  afterEach(async () => {
    await machines?.stop();
    machines = undefined;
  });

  test.each(Object.entries(cases))('%s', async (name, example) => {
    machines = await startMachines(await example.machines());
    await example.prepare?.(machines);
    for (const [from, machine, port] of example.hidden) {
      const seen = `${from} reaches ${machine}:${port}: ${await reaches(machines, from, { machine, port })}`;
      expect(seen).toBe(`${from} reaches ${machine}:${port}: false`);
    }
    if (example.copied) machines.project.write(readFileSync(fileOf(name), 'utf8'));
    const up = machines.project.up(example.copied ? [] : ['-f', fileOf(name)]);
    await up.untilOpen(example.opens);
    await example.shows(machines, up);
    expect(await up.stop()).toMatchObject({ code: 0 });
    for (const { name: left, connections } of machines.sshds) await until(() => connections().live === 0, { what: `${left} to be left` });
  });
});
