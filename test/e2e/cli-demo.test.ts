/** `tunnels demo`, as a newcomer runs it. */
import { readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { background } from '../helpers/background.ts';
import { startChild } from '../helpers/child.ts';
import { createProject, programFile } from '../helpers/project.ts';
import { scene } from '../helpers/scene.ts';
import { turn } from '../helpers/turn.ts';
import { until } from '../helpers/wait.ts';

const each = scene(afterEach);
const project = createProject({ yaml: 'tunnels: {broken' });
afterAll(() => project.remove());

// The tour of README has the same port.
let give = (): void => undefined;
beforeAll(async () => {
  give = await turn('the port of the demo');
});
afterAll(() => give());

const env = { ...project.env, TMPDIR: project.stateDir, TUNNELS_FILE: 'nowhere.yaml', TUNNELS_PROFILES: 'x' };
const leftBehind = (): string[] => readdirSync(project.stateDir).filter((name) => name.startsWith('tunnels-demo-'));

/** Takes the port the example names, on both loopback addresses. */
async function take(port: number): Promise<() => Promise<void>> {
  const servers = ['127.0.0.1', '::1'].map(
    (host) =>
      new Promise<() => Promise<void>>((resolve) => {
        const server = createServer((socket) => socket.destroy());
        server.once('error', () => resolve(async () => undefined));
        server.listen({ port, host }, () => resolve(() => new Promise((done) => void server.close(() => done()))));
      }),
  );
  const closers = await Promise.all(servers);
  return async () => void (await Promise.all(closers.map((close) => close())));
}

describe('the demo', () => {
  it('comes up, moves bytes, reloads under an open connection, and leaves nothing behind', async () => {
    const started = performance.now();
    const { code, stdout, stderr } = await project.run(['demo'], { env });
    expect({ code, stderr: stderr.includes('bug') }).toEqual({ code: 0, stderr: false });
    expect(performance.now() - started).toBeLessThan(15_000);
    expect(stdout.match(/^\d+\. .*/gm)?.map((line) => line[0])).toEqual(['1', '2', '3', '4', '5', '6', '7', '8']);
    expect(stdout).toContain('1.0 MiB, SHA-256 equal');
    expect(stdout).toContain('the connection from before:  git-server:');
    expect(stdout).toContain('a new connection:            git-mirror:');
    expect(stderr).toMatch(/~ tunnel git-inner: egress git-server:7999 → git-mirror:7999 \(retarget\)/);
    expect(leftBehind()).toEqual([]);
  });

  it('takes another port where the one of the example is busy', async () => {
    const free = await take(7999);
    try {
      const { code, stdout } = await project.run(['demo'], { env });
      expect(code).toBe(0);
      expect(stdout).toMatch(/GET http:\/\/localhost:(?!7999)\d+\//);
    } finally {
      await free();
    }
  });

  it('--stay stays until it is told to go', async () => {
    const child = startChild(process.execPath, [programFile(), 'demo', '--stay'], { cwd: project.dir, env });
    try {
      await until(() => child.stdout().includes('It stays until Ctrl-C'), {
        what: 'the demo to have come to its end',
        ms: 15_000,
        detail: child.stderr,
      });
      const url = /curl (http:\S+)/.exec(child.stdout())?.[1] ?? '';
      expect(await (await fetch(url, { headers: { connection: 'close' } })).text()).toContain('git-mirror');
      process.kill(child.pid, 'SIGINT');
      expect(await child.exited).toMatchObject({ code: 130 });
      expect(leftBehind()).toEqual([]);
    } finally {
      await child.stop('SIGKILL');
    }
  });

  it('--servers brings nothing up, and leaves nothing, though its project is up', async () => {
    const there = background(each, {});
    const child = startChild(process.execPath, [programFile(), 'demo', '--servers', 'try'], { cwd: there.dir, env: there.env });
    try {
      await until(() => child.stdout().includes('In another terminal'), { what: 'the servers', ms: 15_000, detail: child.stderr });
      expect((await there.run(['ls', '-q'])).stdout).toBe('');
      const cwd = join(there.dir, 'try');
      expect(await there.run(['up', '-d', '--wait'], { cwd })).toMatchObject({ code: 0 });
      const url = /curl (http:\S+)/.exec(child.stdout())?.[1] ?? '';
      expect(await (await fetch(url, { headers: { connection: 'close' } })).text()).toContain('git-server');
      process.kill(child.pid, 'SIGINT');
      expect(await child.exited).toMatchObject({ code: 130 });
      expect([readdirSync(there.dir), readdirSync(there.stateDir)]).toEqual([[], []]);
    } finally {
      await child.stop('SIGKILL');
    }
  });

  it.each([
    ['that is there', 'home', /home is there already\n\(name another directory/],
    ['whose parent is not there', 'no/where', /no\/where cannot be made/],
  ])('--servers takes no directory %s', async (_, directory, message) => {
    const { code, stdout, stderr } = await project.run(['demo', '--servers', directory], { cwd: dirname(project.home), env });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(message);
  });
});
