/** down, stop, start, restart, reload, plan and ls, of a project in the background. */
import { mkdirSync, readdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { createServer, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { background, portOf, rows } from '../helpers/background.ts';
import { startChild } from '../helpers/child.ts';
import { freePort } from '../helpers/free-port.ts';
import { isAlive } from '../helpers/process-table.ts';
import { hostEntry, programFile, type Project } from '../helpers/project.ts';
import { at, echoes, scene } from '../helpers/scene.ts';
import { dial, startEcho, startWww, type Service } from '../helpers/services.ts';
import type { Sshd } from '../helpers/sshd.ts';
import { until } from '../helpers/wait.ts';

const all = scene(afterAll);
const each = scene(afterEach);
let bastion: Sshd;
let echo: Service;
let www: Service;

beforeAll(async () => {
  [bastion, echo, www] = await Promise.all([all.sshd({ name: 'bastion' }), all.add(startEcho()), all.add(startWww({ page: 'hello' }))]);
});

const yaml = (tunnels: Record<string, unknown>, name = 'shop'): Record<string, unknown> => ({
  name,
  hosts: { bastion: hostEntry(bastion) },
  tunnels,
});
const project = (tunnels: Record<string, unknown>): Project => background(each, { yaml: yaml(tunnels) });
const tunnel = (more: Record<string, unknown> = {}): Record<string, unknown> => ({
  type: 'local',
  host: 'bastion',
  ingress: 0,
  egress: at(echo),
  ...more,
});

/** A connection through which something has gone both ways. */
async function talking(
  port: number,
): Promise<{ readonly socket: Socket; readonly closed: Promise<void>; says(text: string): Promise<void> }> {
  const socket = await dial(port);
  socket.on('error', () => undefined);
  each.onEnd(() => socket.destroy());
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  const says = async (text: string): Promise<void> => {
    const back = new Promise<string>((resolve, reject) => {
      socket.once('data', (data) => resolve(data.toString()));
      socket.once('close', () => reject(new Error('closed')));
    });
    socket.write(text);
    expect(await back).toBe(text);
  };
  await says('hello');
  return { socket, closed, says };
}
const start = (made: Project, ...words: readonly string[]) => {
  const child = startChild(process.execPath, [programFile(), ...words], { cwd: made.dir, env: made.env });
  each.onEnd(() => child.stop('SIGKILL'));
  return child;
};

describe('B11: down with open connections', () => {
  it('waits for them, says so, and takes no new ones', async () => {
    const made = project({ web: tunnel({ drain: '1m' }) });
    await made.run(['up', '-d']);
    const port = await portOf(made, 'web');
    const open = await talking(port);
    const down = start(made, 'down');
    await until(() => down.stderr().includes('draining 1 open connection; tunnels down -t 0 closes at once'), {
      what: 'the drain',
      ms: 10_000,
    });
    await expect(dial(port)).rejects.toThrow();
    await open.says('still here');
    expect(down.hasExited()).toBe(false);
    open.socket.end();
    expect(await down.exited).toMatchObject({ code: 0 });
    expect(down.stderr()).toMatch(/shop is down\n$/);
    expect(readdirSync(made.stateDir)).toEqual([]);
  });

  it.each<[string, readonly string[], number, number]>([
    ['-t 0 does not wait', ['-t', '0'], 0, 2_500],
    ['-t is the limit', ['-t', '1'], 950, 4_000],
  ])('%s', async (_, words, least, most) => {
    const made = project({ web: tunnel({ drain: '1m' }) });
    await made.run(['up', '-d']);
    const open = await talking(await portOf(made, 'web'));
    const began = performance.now();
    expect((await made.run(['down', ...words])).code).toBe(0);
    await open.closed;
    expect(performance.now() - began).toBeGreaterThan(least);
    expect(performance.now() - began).toBeLessThan(most);
  });

  it('Ctrl-C leaves it draining; down -t 0 then closes at once', async () => {
    const made = project({ web: tunnel({ drain: '1m' }) });
    await made.run(['up', '-d']);
    const [row] = await rows(made);
    const open = await talking(await portOf(made, 'web'));
    const down = start(made, 'down');
    await until(() => down.stderr().includes('draining'), { what: 'the drain', ms: 10_000 });
    process.kill(down.pid, 'SIGINT');
    expect(await down.exited).toMatchObject({ code: 130 });
    expect(down.stderr()).toMatch(/it goes on draining; tunnels down -t 0 closes at once\n$/);
    await open.says('still here');
    expect((await made.run(['ls', '--format', 'json'])).stdout).toContain('"status":"stopping"');
    expect((await made.run(['down', '-t', '0'])).code).toBe(0);
    await open.closed;
    expect(isAlive(row?.pid ?? 0)).toBe(false);
  });

  it('a down after the file was removed still finds it', async () => {
    const made = project({ web: tunnel() });
    await made.run(['up', '-d', '--no-watch']);
    unlinkSync(join(made.dir, 'tunnels.yaml'));
    mkdirSync(join(made.dir, 'below'));
    expect(await made.run(['down'], { cwd: join(made.dir, 'below') })).toMatchObject({ code: 0, stderr: 'shop is down\n' });
    expect(readdirSync(made.stateDir)).toEqual([]);
  });
});

describe('stop, start, restart', () => {
  it('of one leave the others with their connections', async () => {
    const port = await freePort();
    const made = project({ web: tunnel({ ingress: port }), git: tunnel() });
    await made.run(['up', '-d']);
    const open = await talking(await portOf(made, 'git'));
    const [, before] = await rows(made);
    expect(await made.run(['stop', 'web'])).toMatchObject({
      code: 0,
      stdout: '',
      stderr: 'web stopped; tunnels start web opens it again\n',
    });
    expect((await rows(made)).map(({ state }) => state)).toEqual(['closed', 'open']);
    await expect(dial(port)).rejects.toThrow();
    expect(await made.run(['plan'])).toMatchObject({ code: 2, stdout: '+ tunnel web  stopped\n' });
    expect((await made.run(['start', 'web'])).code).toBe(0);
    expect((await made.run(['wait'])).code).toBe(0);
    await echoes(port);
    expect((await made.run(['restart', 'web'])).code).toBe(0);
    expect((await made.run(['wait', 'web'])).code).toBe(0);
    await echoes(port);
    await open.says('untouched');
    expect((await rows(made))[1]).toMatchObject({ since: before?.['since'], restarts: 0 });
    open.socket.end();
    await open.closed;
    expect(await made.run(['stop'])).toMatchObject({ code: 0, stderr: expect.stringContaining('2 tunnels stopped') as string });
    expect((await rows(made)).map(({ state }) => state)).toEqual(['closed', 'closed']);
    expect((await made.run(['up', '-d'])).stderr).toContain('started again: web, git');
    await echoes(port);
  });

  it('start and restart are done when it is open, or say why it is not', async () => {
    const port = await freePort();
    const made = project({ web: tunnel({ ingress: port }), git: tunnel() });
    await made.run(['up', '-d']);
    await made.run(['stop', 'web']);
    expect(await made.run(['start', 'web'])).toMatchObject({ code: 0, stderr: 'web started\n' });
    expect((await rows(made))[0]).toMatchObject({ state: 'open' });
    await made.run(['stop', 'web']);
    const squatter = createServer();
    await new Promise<void>((resolve) => squatter.listen(port, '127.0.0.1', resolve));
    each.onEnd(() => new Promise<void>((resolve) => squatter.close(() => resolve())));
    const started = await made.run(['start', 'web']);
    expect(started.code).toBe(1);
    expect(started.stderr).toMatch(/^not open:\n {2}web: .* is in use.*\[bind-in-use\]\n {4}→ /);
    expect(await made.run(['restart', 'git'])).toMatchObject({ code: 0, stderr: 'git restarted\n' });
  });

  it('wait ends for one that waits for a stopped one, and says so', async () => {
    const made = project({ web: tunnel(), git: tunnel({ depends_on: ['web'] }) });
    await made.run(['up', '-d', '--wait']);
    await made.run(['stop', 'web']);
    await until(async () => (await rows(made))[1]?.state !== 'open', { what: 'git to wait for web' });
    const waited = await made.run(['wait', 'git']);
    expect(waited.code).toBe(1);
    expect(waited.stderr).toMatch(/git: \w+, waiting for tunnel web/);
    expect((await made.run(['start', 'web'])).code).toBe(0);
    expect((await made.run(['wait'])).code).toBe(0);
  });

  it('drain as long as -t says', async () => {
    const made = project({ web: tunnel({ drain: '1m' }) });
    await made.run(['up', '-d']);
    const open = await talking(await portOf(made, 'web'));
    expect((await made.run(['stop', '-t', '0', 'web'])).code).toBe(0);
    await open.closed;
  });

  it.each(['stop', 'start', 'restart', 'wait'])('%s of a name that is not there: 2, and nothing was done', async (verb) => {
    const made = project({ web: tunnel() });
    await made.run(['up', '-d']);
    expect(await made.run([verb, 'web', 'wbe'])).toMatchObject({
      code: 2,
      stderr: 'tunnels: no tunnel "wbe" is up, did you mean "web"?\n',
    });
    expect((await rows(made))[0]).toMatchObject({ state: 'open' });
  });
});

describe('reload and plan', () => {
  it('say what changes and why; a broken file changes nothing', async () => {
    const made = project({ web: tunnel(), old: tunnel() });
    await made.run(['up', '-d', '--no-watch']);
    const open = await talking(await portOf(made, 'web'));
    expect(await made.run(['plan'])).toMatchObject({ code: 0, stdout: 'no changes\n' });
    made.write(yaml({ web: tunnel({ egress: at(www) }), new: tunnel() }));
    const steps = `- tunnel old  not in the file any more\n~ tunnel web: egress ${at(echo)} → ${at(www)} (retarget)\n+ tunnel new  asked for, and not up\n`;
    expect(await made.run(['plan'])).toMatchObject({ code: 2, stdout: steps, stderr: '' });
    expect(await made.run(['up', '--dry-run'])).toMatchObject({ code: 0, stdout: steps });
    expect((await rows(made)).map(({ name }) => name)).toEqual(['web', 'old']);
    const reload = await made.run(['reload']);
    expect(reload).toMatchObject({ code: 0, stdout: '' });
    expect(reload.stderr).toBe(
      `reloaded: 3 changes\n- tunnel old\n~ tunnel web: egress ${at(echo)} → ${at(www)} (retarget)\n+ tunnel new\n`,
    );
    await made.run(['wait']);
    expect((await rows(made)).map(({ name, state }) => [name, state])).toEqual([
      ['web', 'open'],
      ['new', 'open'],
    ]);
    expect(await (await fetch(`http://127.0.0.1:${await portOf(made, 'web')}/`)).text()).toContain('hello');
    await open.says('the old egress, on the old connection');

    made.write('tunnels:\n  web: -L 1:a:2 bastoin\n');
    for (const command of [['reload'], ['plan'], ['up', '-d']]) {
      const broken = await made.run(command);
      expect({ command, ...broken }).toMatchObject({ command, code: 3, stdout: '' });
      expect(broken.stderr).toMatch(/tunnels\.yaml:2:\d+ unknown host "bastoin"[\s\S]*nothing was changed\n$/);
    }
    await open.says('still');
    expect((await rows(made)).map(({ state }) => state)).toEqual(['open', 'open']);
  });
});

describe('ls', () => {
  it('shows every project of the user, and from anywhere', async () => {
    const made = project({ web: tunnel(), git: tunnel() });
    mkdirSync(join(made.dir, 'other'));
    made.write(yaml({ db: tunnel() }, 'other'), 'other/tunnels.yaml');
    await made.run(['up', '-d']);
    expect((await made.run(['-f', 'other/tunnels.yaml', 'up', '-d'])).code).toBe(0);
    expect((await made.run(['ls', '-q'], { cwd: '/' })).stdout).toBe('other\nshop\n');
    const [other, shop] = (await made.run(['ls', '--format', 'json'], { cwd: '/' })).stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const [row] = await rows(made);
    expect(shop).toEqual({
      ...{ name: 'shop', status: 'up', mode: 'background', pid: row?.pid, open: 2, tunnels: 2, error: null },
      ...{ file: join(made.dir, 'tunnels.yaml'), since: expect.any(String) as string },
    });
    expect(other).toMatchObject({ name: 'other', open: 1 });
    expect((await made.run(['ls'])).stdout).toMatch(
      /^NAME +STATUS +OPEN +MODE +PID +FOR +FILE\nother +up +1\/1 +background +\d+ +\d+s +.*\nshop +up +2\/2 /,
    );
    expect(await made.run(['-p', 'other', 'ps', '-q'], { cwd: '/' })).toMatchObject({ code: 0, stdout: 'db\n' });
    made.write(yaml({ db: tunnel() }, 'shop'), 'third/tunnels.yaml');
    await made.run(['-f', 'third/tunnels.yaml', 'up', '-d']);
    const twice = await made.run(['-p', 'shop', 'down'], { cwd: '/' });
    expect(twice.code).toBe(2);
    expect(twice.stderr).toContain('2 projects that are up are called "shop"');
    await made.run(['-f', 'third/tunnels.yaml', 'down']);
    expect(await made.run(['-p', 'shop', 'down'], { cwd: '/' })).toMatchObject({ code: 0, stderr: 'shop is down\n' });
    expect((await made.run(['ls', '-q'])).stdout).toBe('other\n');
    expect((await made.run(['-f', 'other/tunnels.yaml', 'down'])).code).toBe(0);
  });
});
