/** A real project in the background, over real sshd: what the commands will ask of it. */
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { buildId } from '../../src/daemon/build-id.ts';
import type { DaemonClient } from '../../src/daemon/client.ts';
import { ensureDaemon, type Ensured } from '../../src/daemon/ensure-daemon.ts';
import { findProject } from '../../src/daemon/find-project.ts';
import { projectIdentity } from '../../src/daemon/paths.ts';
import type { StartRequest } from '../../src/daemon/startup-channel.ts';
import { buildProgram } from '../daemon/build-program.ts';
import { freePort } from '../helpers/free-port.ts';
import { isAlive } from '../helpers/process-table.ts';
import { hostEntry, type Project } from '../helpers/project.ts';
import { at, echoes, scene } from '../helpers/scene.ts';
import { dial, startEcho, startWww, type Service } from '../helpers/services.ts';
import type { Sshd } from '../helpers/sshd.ts';
import { until } from '../helpers/wait.ts';

const built = resolve(import.meta.dirname, `../../.cache/test-daemon-${process.pid}`);
const all = scene(afterAll);
const each = scene(afterEach);
let program = '';
let bastion: Sshd;
let echo: Service;
let www: Service;
beforeAll(async () => {
  mkdirSync(built, { recursive: true });
  program = await buildProgram('real', built);
  [bastion, echo, www] = await Promise.all([all.sshd({ name: 'bastion' }), all.add(startEcho()), all.add(startWww())]);
});
afterAll(() => rmSync(built, { recursive: true, force: true }));

const yaml = (tunnels: Record<string, unknown>): Record<string, unknown> => ({ hosts: { bastion: hostEntry(bastion) }, tunnels });
const local = (ingress: number, service: Service, more: Record<string, unknown> = {}): Record<string, unknown> => ({
  type: 'local',
  host: 'bastion',
  ingress,
  egress: at(service),
  ...more,
});

async function requestOf(project: Project): Promise<StartRequest> {
  const file = await projectIdentity(join(project.dir, 'tunnels.yaml'));
  const load = { cwd: project.dir, files: [], profiles: [], envFiles: [] };
  return { load, file, root: project.stateDir, names: [], noDeps: false, watch: true, verbosity: 0 };
}

async function ensure(project: Project): Promise<Ensured> {
  const request = await requestOf(project);
  const ensured = await ensureDaemon({ request, env: project.env, program, build: buildId('1.0.0', program) });
  if (ensured.how === 'started') {
    ensured.started.detach();
    each.onEnd(() => isAlive(ensured.client.found.pid) && process.kill(ensured.client.found.pid, 'SIGKILL'));
  }
  return ensured;
}

async function up(project: Project): Promise<DaemonClient> {
  const ensured = await ensure(project);
  if (ensured.how === 'invalid') throw new Error(JSON.stringify(ensured.outcome.diagnostics));
  expect(await ensured.client.wait({ condition: 'open', timeoutMs: 20_000 })).toEqual({ outcome: 'met', missing: [] });
  return ensured.client;
}

const portOf = async (client: DaemonClient, name: string): Promise<number> => {
  const rows = (await client.snapshot()).tunnels;
  return Number(/:(\d+)$/.exec(rows.find((row) => row.name === name)?.ingress ?? '')?.[1]);
};

test('carries bytes with nobody in front of it, says where, and leaves nothing', async () => {
  const project = each.project({ yaml: yaml({ echo: local(0, echo, { env: { ECHO: 'tcp://{address}:{port}' } }) }) });
  const client = await up(project);
  const port = await portOf(client, 'echo');
  await echoes(port);
  expect(await client.exports()).toEqual([
    {
      tunnel: 'echo',
      ingress: expect.stringMatching(new RegExp(`:${port}$`)),
      exports: { TUNNEL_ECHO_PORT: String(port), TUNNEL_ECHO_ADDRESS: '127.0.0.1', ECHO: `tcp://127.0.0.1:${port}` },
    },
  ]);
  expect([...((await client.graph())?.tunnels.keys() ?? [])]).toEqual(['echo']);
  await client.down({ drainMs: null });
  expect(isAlive(client.found.pid)).toBe(false);
  await expect(dial(port)).rejects.toThrow();
  expect(readdirSync(project.stateDir)).toEqual([]);
  expect(existsSync(dirname(client.socket))).toBe(false);
});

test('reloads on change, and tells what a broken file has wrong, while open connections live on', async () => {
  const project = each.project({ yaml: yaml({ echo: local(0, echo) }) });
  const client = await up(project);
  const open = await dial(await portOf(client, 'echo'));
  each.onEnd(() => open.destroy());
  project.write(yaml({ echo: local(0, echo), www: local(0, www) }));
  await until(async () => (await client.snapshot()).tunnels.length === 2, { what: 'the reload' });
  expect(await client.wait({ condition: 'open', timeoutMs: 10_000, names: ['www'] })).toMatchObject({ outcome: 'met' });
  project.write('tunnels: {www: {type: lokal}}\n');
  const outcome = await client.apply();
  expect(outcome).toMatchObject({ applied: false });
  expect(outcome.diagnostics.length).toBeGreaterThan(0);
  expect(Object.keys(outcome.sources)).toEqual(['tunnels.yaml']);
  expect((await client.snapshot()).tunnels.map(({ name, state, connections }) => ({ name, state, connections }))).toEqual([
    { name: 'echo', state: 'open', connections: 1 },
    { name: 'www', state: 'open', connections: 0 },
  ]);
  await client.down({ drainMs: 0 });
});

test('stops one tunnel and starts it again, the others untouched', async () => {
  const project = each.project({ yaml: yaml({ echo: local(0, echo), www: local(0, www) }) });
  const client = await up(project);
  const port = await portOf(client, 'www');
  await client.stop({ names: ['echo'], drainMs: 0 });
  const states = async () => (await client.snapshot()).tunnels.map(({ name, state }) => `${name} ${state}`);
  expect(await states()).toEqual(['echo closed', 'www open']);
  expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(200);
  await client.start({ names: ['echo'] });
  expect(await client.wait({ condition: 'open', timeoutMs: 10_000 })).toMatchObject({ outcome: 'met' });
  await echoes(await portOf(client, 'echo'));
  await client.restart({ names: ['echo'], drainMs: 0 });
  expect(await client.wait({ condition: 'open', timeoutMs: 10_000 })).toMatchObject({ outcome: 'met' });
  await client.down({ drainMs: 0 });
});

test('killed, it is up again on the same port', async () => {
  const port = await freePort();
  const project = each.project({ yaml: yaml({ echo: local(port, echo) }) });
  const { pid } = (await up(project)).found;
  process.kill(pid, 'SIGKILL');
  await until(() => !isAlive(pid), { what: 'it to be gone' });
  const client = await up(project);
  await echoes(port);
  await client.down({ drainMs: 0 });
});

test('a file that is not valid starts nothing, and is told in full', async () => {
  const project = each.project({ yaml: 'tunnels: {web: {type: lokal}}\n' });
  expect(await ensure(project)).toMatchObject({
    how: 'invalid',
    outcome: { applied: false, diagnostics: expect.arrayContaining([expect.objectContaining({ hint: 'did you mean "local"?' })]) },
  });
  const { root, file } = await requestOf(project);
  expect(await findProject({ root, file })).toBeNull();
  expect(readdirSync(project.stateDir)).toEqual([]);
});

test('a drain waits for what is open; without one it is cut', async () => {
  const project = each.project({ yaml: yaml({ echo: local(0, echo, { drain: '20s' }) }) });
  const client = await up(project);
  const open = await dial(await portOf(client, 'echo'));
  open.on('error', () => undefined);
  open.write('x');
  await new Promise((done) => open.once('data', done));
  const working: number[] = [];
  const down = client.down({ drainMs: null }, { onWorking: (connections) => void working.push(connections) });
  await until(() => working.includes(1), { what: 'the drain to be told' });
  expect(await client.status()).toMatchObject({ phase: 'stopping' });
  const hasty = client.down({ drainMs: 0 });
  await Promise.all([down, hasty]);
  open.destroy();
  expect(isAlive(client.found.pid)).toBe(false);
});
