import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import { createRunner } from '../../src/runner/runner.ts';
import { bringUp, type UpOptions } from '../../src/library/bring-up.ts';
import { toLoadOptions } from '../../src/library/project-options.ts';
import type { RunningProject } from '../../src/library/running-project.ts';
import { ConfigurationError, NotOpenError, TunnelsError } from '../../src/library/tunnels-error.ts';
import { fakeNetwork, type FakeNetwork } from '../helpers/fake-network.ts';
import { remove, scratch } from '../helpers/scratch.ts';

const FILE = `
hosts:
  bastion: { hostname: bastion.example.com, ssh_config: false, agent: none }
  other: { hostname: other.example.com, ssh_config: false, agent: none }
tunnels:
  web: { type: local, host: bastion, ingress: 0, egress: "web:80", env: { WEB_URL: "http://{address}:{port}/" } }
  socket: { type: local, host: bastion, ingress: /tmp/never-made.sock, egress: "db:5432" }
  elsewhere: { type: local, host: other, ingress: 8081, egress: "web:80", profiles: [more] }
`;

let cwd: string;
let network: FakeNetwork;
const running: RunningProject[] = [];

beforeEach(() => {
  cwd = scratch('library');
  network = fakeNetwork();
  writeFileSync(join(cwd, 'tunnels.yaml'), FILE);
});
afterEach(async () => {
  for (const project of running.splice(0)) await project.down({ drainMs: 0 });
  remove(cwd);
});

async function up(options: UpOptions = {}): Promise<RunningProject> {
  const given = { cwd, env: { HOME: cwd }, ...options };
  const project = await bringUp(createRunner({ load: toLoadOptions(given), names: given.names ?? [], network }), given);
  running.push(project);
  return project;
}

async function rejection(promise: Promise<unknown>): Promise<TunnelsError> {
  const error: unknown = await promise.then(
    () => 'resolved',
    (reason: unknown) => reason,
  );
  if (!(error instanceof TunnelsError)) throw new Error(`no TunnelsError: ${String(error)}`);
  return error;
}

describe('a project that is up', () => {
  it('tells where its tunnels listen', async () => {
    const project = await up({ names: ['web', 'socket'] });
    expect(project.name).toMatch(/^tunnels-t-/);
    expect(project.file).toBe(join(project.directory, 'tunnels.yaml'));
    expect(project.tunnels.map(({ name, state }) => [name, state])).toEqual([
      ['web', 'open'],
      ['socket', 'open'],
    ]);
    expect(project.hosts.map(({ name, state }) => [name, state])).toEqual([['bastion', 'connected']]);
    const port = project.port('web');
    expect(port).toBeGreaterThan(40_000);
    expect([project.address('web'), project.address('socket')]).toEqual(['127.0.0.1', '/tmp/never-made.sock']);
    expect(project.env()).toEqual({
      TUNNEL_WEB_PORT: String(port),
      TUNNEL_WEB_ADDRESS: '127.0.0.1',
      WEB_URL: `http://127.0.0.1:${port}/`,
      TUNNEL_SOCKET_PORT: '',
      TUNNEL_SOCKET_ADDRESS: '/tmp/never-made.sock',
    });
  });

  const codeOf = (ask: () => unknown): string => {
    try {
      return `no error: ${String(ask())}`;
    } catch (error) {
      return error instanceof TunnelsError ? error.code : String(error);
    }
  };

  it('refuses what there is no answer to, by code', async () => {
    const project = await up();
    expect(codeOf(() => project.port('nope'))).toBe('unknown-tunnel');
    expect(codeOf(() => project.port('socket'))).toBe('no-port');
    await project.down();
    expect(codeOf(() => project.port('web'))).toBe('down');
    expect(project.tunnels).toEqual([]);
    expect((await rejection(project.reload())).code).toBe('down');
  });

  it('knows no port before it is bound', async () => {
    network.refuseBind('localhost:0', { code: 'bind-in-use', message: 'busy' });
    const project = await up({ ready: false });
    expect(codeOf(() => project.port('web'))).toBe('not-bound');
  });

  it('reloads: the change is told, a broken file changes nothing', async () => {
    const project = await up();
    const before = project.port('web');
    writeFileSync(join(cwd, 'tunnels.yaml'), FILE.replace('web:80', 'web:81'));
    expect(await project.reload()).toMatchObject({ changes: 1, plan: expect.stringContaining('web:81') as string });
    expect(await project.reload()).toMatchObject({ changes: 0, plan: '' });
    expect([project.port('web'), project.tunnels[0]?.egress]).toEqual([before, 'web:81']);
    writeFileSync(join(cwd, 'tunnels.yaml'), 'tunnels: { web: -L nonsense }');
    expect(await rejection(project.reload())).toBeInstanceOf(ConfigurationError);
    expect(project.port('web')).toBe(before);
  });

  it('tells its events until it is asked not to', async () => {
    const project = await up();
    const seen: string[] = [];
    const off = project.on((event) => seen.push(event.type));
    await project.reload();
    expect(seen).toEqual(['applied']);
    off();
    await project.reload();
    expect(seen).toEqual(['applied']);
  });

  it('goes down at the end of its scope', async () => {
    const project = await up();
    await project[Symbol.asyncDispose]();
    expect(network.listeners.size).toBe(0);
    expect(network.connections.every(({ ended }) => ended)).toBe(true);
  });
});

describe('up rejects', () => {
  it('with every diagnostic and its line where the file is not valid', async () => {
    writeFileSync(join(cwd, 'tunnels.yaml'), 'tunnels:\n  web: { type: local, host: bastoin, ingress: 1, egress: 2, colour: red }\n');
    const error = await rejection(up());
    expect(error).toBeInstanceOf(ConfigurationError);
    expect((error as ConfigurationError).diagnostics.map(({ code }) => code)).toEqual(['unknown-host', 'schema']);
    expect(error.message).toMatch(/^tunnels\.yaml:2:\d+ unknown host "bastoin"/);
    expect(error.message).toContain('2 |   web: { type: local');
    expect(network.log).toEqual([]);
  });

  it('with what failed, once, and takes down what had come up', async () => {
    network.refuse('other', { code: 'auth-rejected', message: 'other took none of the keys', hint: 'add one' });
    const error = await rejection(up({ profiles: ['more'] }));
    expect(error).toBeInstanceOf(NotOpenError);
    expect(error.code).toBe('failed');
    expect(error.message).toMatch(/^not open: .*elsewhere\n/);
    expect(error.message).toContain('  host other (failed): other took none of the keys [auth-rejected] (add one)');
    const { notUp } = error as NotOpenError;
    expect(notUp[0]).toMatchObject({ kind: 'host', name: 'other', state: 'failed', error: { code: 'auth-rejected' } });
    expect(network.listeners.size).toBe(0);
    expect(network.connections.every(({ ended }) => ended)).toBe(true);
  });

  const stuck = (): void => network.refuse('bastion', { code: 'refused', message: 'bastion refuses connections' });

  it('at its limit, with what it waited for', async () => {
    stuck();
    const error = await rejection(up({ timeoutMs: 50 }));
    expect(error.code).toBe('timeout');
    expect(error.message).toMatch(/^not open: web, socket within 0\.05 s\n {2}host bastion \(backoff\): bastion refuses connections/);
  });

  it.each([
    ['meanwhile', (abort: AbortController) => setImmediate(() => abort.abort())],
    ['before', (abort: AbortController) => abort.abort()],
  ])('when its signal is aborted %s', async (_, stop) => {
    stuck();
    const abort = new AbortController();
    stop(abort);
    expect((await rejection(up({ signal: abort.signal }))).code).toBe('aborted');
  });

  it('where no tunnel is active', async () => {
    writeFileSync(join(cwd, 'tunnels.yaml'), FILE.replace(/ {2}web:.*\n {2}socket:.*\n/, ''));
    expect((await rejection(up())).code).toBe('nothing-active');
  });
});

test('an error shows no stack, and says what to do', () => {
  const error = new NotOpenError({ code: 'failed', message: 'not open: web', hint: 'look' }, []);
  expect(error.stack).toBe('NotOpenError: not open: web (look)');
  expect(error).toBeInstanceOf(TunnelsError);
});
