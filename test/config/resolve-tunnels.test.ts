import { describe, expect, test } from 'vitest';
import { tcp, unix } from '../../src/core/address.ts';
import type { TunnelSpec } from '../../src/core/spec.ts';
import { HOME, loadText, projectOf, type Options } from './loading.ts';

const HOSTS = 'hosts: {bastion: {}, inner: {via: bastion}}\n';

async function tunnelOf(fields: string, { head = '', ...options }: Options & { readonly head?: string } = {}): Promise<TunnelSpec> {
  const project = await projectOf(`${head}${HOSTS}tunnels:\n  web: {${fields}}\n`, options);
  const [tunnel] = project.tunnels.values();
  if (!tunnel) throw new Error('no tunnel');
  return tunnel;
}

const LOCAL = 'type: local, host: bastion, ingress: 8080, egress: "web:80"';

test('a tunnel of which little is said has the defaults', async () => {
  expect(await tunnelOf(LOCAL)).toEqual({
    name: 'web',
    type: 'local',
    hosts: ['bastion'],
    client: 'client',
    launch: 'relay',
    ingress: tcp('localhost', 8080),
    egress: tcp('web', 80),
    expose: false,
    allow: [],
    allowTargets: [],
    dependsOn: [],
    profiles: [],
    healthcheck: null,
    start: 'eager',
    idleTimeoutMs: 300_000,
    parkMs: 10_000,
    drainMs: 10_000,
    onConflict: 'fail',
    maxConnections: 1024,
    socketMode: 0o600,
    env: {},
  } satisfies TunnelSpec);
});

test('the short form means the same as the long one', async () => {
  const short = await projectOf(`${HOSTS}tunnels:\n  web: -L 8080:web:80 bastion\n`);
  expect(short.tunnels.get('web')).toEqual(await tunnelOf(LOCAL));
});

describe('each key', () => {
  test.each([
    ['expose: true', 'expose', true],
    ['allow: [10.0.0.0/8, "::1", 192.168.0.1]', 'allow', ['10.0.0.0/8', '::1', '192.168.0.1']],
    ['park: 0', 'parkMs', 0],
    ['park: 1h', 'parkMs', 3_600_000],
    ['drain: 1m30s', 'drainMs', 90_000],
    ['drain: 1.5s', 'drainMs', 1500],
    ['on_conflict: next', 'onConflict', 'next'],
    ['max_connections: 1', 'maxConnections', 1],
    ['start: on-demand', 'start', 'on-demand'],
    ['start: on-demand, idle_timeout: 90s', 'idleTimeoutMs', 90_000],
    [
      'healthcheck: {tcp: true}',
      'healthcheck',
      { probe: { kind: 'tcp' }, intervalMs: 10_000, timeoutMs: 1000, retries: 3, startPeriodMs: 0 },
    ],
    [
      'healthcheck: {http: /up, interval: 2s, timeout: 500ms, retries: 1, start_period: 1m}',
      'healthcheck',
      { probe: { kind: 'http', path: '/up' }, intervalMs: 2000, timeoutMs: 500, retries: 1, startPeriodMs: 60_000 },
    ],
    ['socket_mode: 0660', 'socketMode', 0o660],
    ['socket_mode: "0660"', 'socketMode', 0o660],
    ['socket_mode: 0o660', 'socketMode', 0o660],
    ['socket_mode: 660', 'socketMode', 0o660],
    ['socket_mode: "777"', 'socketMode', 0o777],
    ['socket_mode: "${MODE}"', 'socketMode', 0o640],
    ['client: inner', 'client', 'inner'],
    ['client: inner, launch: ssh', 'launch', 'ssh'],
    ['client: client', 'client', 'client'],
    ['start: eager', 'start', 'eager'],
    [
      'env: {A: "{address}:{port}", B: 5, C: true, D: "{ not one }"}',
      'env',
      { A: '{address}:{port}', B: '5', C: 'true', D: '{ not one }' },
    ],
    ['env: {A: 007}', 'env', { A: '007' }],
    ['env: {A: 1.10}', 'env', { A: '1.10' }],
  ] as const)('%s', async (fields, key, expected) => {
    expect((await tunnelOf(`${LOCAL}, ${fields}`, { env: { MODE: '0640' } }))[key]).toEqual(expected);
  });
});

describe('addresses', () => {
  test.each([
    ['local', '8080', '80', tcp('localhost', 8080), tcp('localhost', 80)],
    ['local', '0', 'web:80', tcp('localhost', 0), tcp('web', 80)],
    ['local', '"[::1]:8080"', '"[fe80::1]:80"', tcp('::1', 8080), tcp('fe80::1', 80)],
    ['local', '~/web.sock', '/run/x.sock', unix(`${HOME}/web.sock`), unix('/run/x.sock')],
    ['remote', '/run/x.sock', '~/web.sock', unix('/run/x.sock'), unix(`${HOME}/web.sock`)],
    ['remote', 'localhost:0', '80', tcp('localhost', 0), tcp('localhost', 80)],
  ])('%s %s %s', async (type, ingress, egress, listens, dials) => {
    const tunnel = await tunnelOf(`type: ${type}, host: bastion, ingress: ${ingress}, egress: ${egress}`);
    expect([tunnel.ingress, tunnel.egress]).toEqual([listens, dials]);
  });

  test('of the proxies have no egress', async () => {
    expect((await tunnelOf('type: dynamic, host: bastion, ingress: 1080')).egress).toBeNull();
    expect((await tunnelOf('type: remote-dynamic, host: bastion, ingress: 1080')).egress).toBeNull();
  });

  test('of a range become a tunnel each, named by its port', async () => {
    const project = await projectOf(`${HOSTS}tunnels:\n  web: {type: local, host: bastion, ingress: 9000-9002, egress: "web:80-82"}\n`);
    expect([...project.tunnels.values()].map((each) => [each.name, each.ingress, each.egress])).toEqual([
      ['web-9000', tcp('localhost', 9000), tcp('web', 80)],
      ['web-9001', tcp('localhost', 9001), tcp('web', 81)],
      ['web-9002', tcp('localhost', 9002), tcp('web', 82)],
    ]);
  });
});

test('defaults.tunnel is taken where the tunnel says nothing, with env completed name by name', async () => {
  const head = 'defaults: {tunnel: {host: bastion, type: local, park: 1s, drain: 2s, allow: [10.0.0.1], env: {A: default, B: default}}}\n';
  expect(await tunnelOf('ingress: 1, egress: "a:1", park: 3s, allow: [10.0.0.2], env: {B: own}', { head })).toMatchObject({
    type: 'local',
    hosts: ['bastion'],
    parkMs: 3000,
    drainMs: 2000,
    allow: ['10.0.0.2'],
    env: { A: 'default', B: 'own' },
  });
});

describe('profiles', () => {
  const yaml = `${HOSTS}tunnels:
  always: -L 1:a:1 bastion
  one: {type: dynamic, host: bastion, ingress: 2, profiles: [one, both]}
  two: {type: dynamic, host: bastion, ingress: 3, profiles: [two, both]}
  range: {type: dynamic, host: bastion, ingress: 10-11, profiles: [ranges]}
`;

  test.each([
    [{}, ['always']],
    [{ profiles: ['one'] }, ['always', 'one']],
    [{ profiles: ['both'] }, ['always', 'one', 'two']],
    [{ profiles: ['one', 'two'] }, ['always', 'one', 'two']],
    [{ profiles: ['*'] }, ['always', 'one', 'two', 'range-10', 'range-11']],
    [{ profiles: ['none'] }, ['always']],
    [{ env: { TUNNELS_PROFILES: 'one, two' } }, ['always', 'one', 'two']],
    [{ env: { TUNNELS_PROFILES: 'one' }, profiles: ['two'] }, ['always', 'two']],
    [{ names: ['one'] }, ['always', 'one', 'two']],
    [{ names: ['always'] }, ['always']],
    [{ names: ['range'] }, ['always', 'range-10', 'range-11']],
    [{ names: ['range-11'] }, ['always', 'range-10', 'range-11']],
  ])('%j activate %j', async (options, names) => {
    expect([...(await projectOf(yaml, options)).tunnels.keys()]).toEqual(names);
  });

  test('a name that is no tunnel is told, with what was probably meant', async () => {
    const { messages } = await loadText(yaml, { names: ['alwas', 'nothing', 'one'] });
    expect(messages).toEqual([
      'unknown tunnel "alwas", did you mean "always"?',
      'unknown tunnel "nothing", there are always, one, two, range, range-10, range-11',
    ]);
  });
});

describe('depends_on', () => {
  const yaml = (rest: string): string =>
    `${HOSTS}tunnels:\n  db: -L 1:a:1 bastion\n  many: {type: dynamic, host: bastion, ingress: 10-11}\n  off: {type: dynamic, host: bastion, ingress: 5, profiles: [off]}\n  web: {${LOCAL}, depends_on: ${rest}}\n`;

  test.each([
    ['[db]', [['db', 'open']]],
    ['{db: {condition: open}}', [['db', 'open']]],
    ['{db: }', [['db', 'open']]],
    ['{db: {}}', [['db', 'open']]],
    [
      '[many]',
      [
        ['many-10', 'open'],
        ['many-11', 'open'],
      ],
    ],
    [
      '[many-11, db]',
      [
        ['many-11', 'open'],
        ['db', 'open'],
      ],
    ],
    ['[]', []],
  ])('%s', async (rest, expected) => {
    const web = (await projectOf(yaml(rest))).tunnels.get('web');
    expect(web?.dependsOn.map(({ tunnel, condition }) => [tunnel, condition])).toEqual(expected);
  });

  test('on a tunnel of an inactive profile says which', async () => {
    const { messages } = await loadText(yaml('[off]'));
    expect(messages).toEqual([
      expect.stringContaining('"web" depends on "off", which is in the profile "off" that is not active, --profile off activates it'),
    ]);
    expect((await loadText(yaml('[off]'), { profiles: ['off'] })).messages).toEqual([]);
  });
});
