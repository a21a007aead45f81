/** A project in the background: up -d, what ps shows of it, and that down leaves nothing. */
import { copyFileSync, existsSync, readdirSync, rmSync, utimesSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { background, portOf as portNow, rows, type Row } from '../helpers/background.ts';
import { runChild, type RunResult } from '../helpers/child.ts';
import { figure } from '../helpers/figure.ts';
import { freePort } from '../helpers/free-port.ts';
import { isAlive } from '../helpers/process-table.ts';
import { hostEntry, programFile, type Project } from '../helpers/project.ts';
import { removeInUse } from '../helpers/remove.ts';
import { at, echoes, scene } from '../helpers/scene.ts';
import { dial, startEcho, type Service } from '../helpers/services.ts';
import type { Sshd } from '../helpers/sshd.ts';
import { until } from '../helpers/wait.ts';

const all = scene(afterAll);
const each = scene(afterEach);
let bastion: Sshd;
let echo: Service;

beforeAll(async () => {
  [bastion, echo] = await Promise.all([all.sshd({ name: 'bastion' }), all.add(startEcho())]);
});

const project = (tunnels: Record<string, unknown>, more: Record<string, unknown> = {}): Project =>
  background(each, { yaml: { name: 'shop', hosts: { bastion: hostEntry(bastion) }, tunnels, ...more } });
const tunnel = (more: Record<string, unknown> = {}): Record<string, unknown> => ({
  type: 'local',
  host: 'bastion',
  ingress: 0,
  egress: at(echo),
  ...more,
});
const portOf = (row: Row | undefined): number => Number(/:(\d+)$/.exec(row?.ingress ?? '')?.[1] ?? 0);
const listens = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    }).on('error', () => resolve(false));
  });

describe('up -d, ps, down', () => {
  it('leaves the tunnels open, and after down there is no listener, process, socket or file', async () => {
    const made = project({ here: tunnel(), there: tunnel({ type: 'remote' }) });
    const up = await made.run(['up', '-d']);
    expect(up).toMatchObject({ code: 0, stdout: '' });
    expect(up.stderr).toMatch(/2 tunnels are open; left up in the background, tunnels down closes\n$/);
    const [here, there] = await rows(made);
    const ports = [portOf(here), portOf(there)];
    for (const port of ports) await echoes(port);
    expect(isAlive(here?.pid ?? 0)).toBe(true);
    expect(readdirSync(made.stateDir)).toHaveLength(1);

    const down = await made.run(['down']);
    expect(down).toMatchObject({ code: 0, stdout: '', stderr: 'shop is down\n' });
    expect(isAlive(here?.pid ?? 0)).toBe(false);
    expect(await Promise.all(ports.map(listens))).toEqual([false, false]);
    expect(existsSync(made.stateDir) ? readdirSync(made.stateDir, { recursive: true }) : []).toEqual([]);
    expect(readdirSync(made.dir)).toEqual(['tunnels.yaml']);
  });

  it('ps has every field of the contract, of what really is', async () => {
    const port = await freePort();
    const made = project({ web: tunnel({ ingress: port }), socks: { type: 'dynamic', host: 'bastion', ingress: 0 } });
    await made.run(['up', '-d']);
    await echoes(port, 'x'.repeat(1000));
    await until(async () => (await rows(made))[0]?.connections === 0, { what: 'the connection to be closed' });
    const [web, socks] = await rows(made);
    expect(Object.keys(web ?? {})).toEqual([
      ...['name', 'type', 'state', 'health', 'host', 'client', 'ingress', 'egress', 'pid', 'connections', 'total_connections'],
      ...['rx_bytes', 'tx_bytes', 'rtt_ms', 'since', 'restarts', 'error'],
    ]);
    expect(web).toEqual({
      ...{ name: 'web', type: 'local', state: 'open', health: 'none', host: 'bastion', client: 'client' },
      ...{ ingress: `127.0.0.1:${port}`, egress: at(echo), pid: expect.any(Number) as number, connections: 0, total_connections: 1 },
      ...{ rx_bytes: 1000, tx_bytes: 1000, restarts: 0, error: null },
      since: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string,
      rtt_ms: expect.toSatisfy((value) => value === null || typeof value === 'number') as null,
    });
    expect(socks).toMatchObject({ name: 'socks', type: 'dynamic', egress: null, pid: web?.pid });
    expect((await made.run(['ps', '-q'])).stdout).toBe('web\nsocks\n');
    expect((await made.run(['ps', '-q', 'socks'])).stdout).toBe('socks\n');
    expect((await made.run(['ps', '-q', '--status', 'failed', '--status', 'closed'])).stdout).toBe('');
    expect((await made.run(['ps', 'wbe'])).stderr).toContain('no tunnel "wbe" is up, did you mean "web"?');
    expect((await made.run(['ps', 'wbe'])).code).toBe(2);
    const table = (await made.run(['ps'])).stdout.split('\n');
    expect(table[0]).toMatch(/^NAME +STATE +INGRESS +EGRESS +HOST +CONNS +IN +OUT +RTT +FOR$/);
    expect(table[1]).toMatch(new RegExp(`^web +open +127\\.0\\.0\\.1:${port} +→ +${at(echo)} +bastion +0 +1000 B +1000 B`));
  });

  it('what is not up is said, with what to do: 1; down has nothing to do: 0', async () => {
    const made = project({ web: tunnel() });
    for (const command of [
      ['ps'],
      ['logs'],
      ['events'],
      ['env'],
      ['port', 'web'],
      ['wait'],
      ['stop'],
      ['start'],
      ['restart'],
      ['reload'],
    ]) {
      expect({ command, ...(await made.run(command)) }).toMatchObject({
        command,
        code: 1,
        stdout: '',
        stderr: 'tunnels: project/tunnels.yaml is not up: tunnels up -d\n',
      });
    }
    expect(await made.run(['down'])).toMatchObject({ code: 0, stdout: '', stderr: 'project/tunnels.yaml is not up: nothing to do\n' });
    expect(await made.run(['ls'])).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('what came of it', () => {
  const unknownKey = () => hostEntry(bastion, { host_key: 'SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' });

  it('an invalid file: its problems in their places, 3, and nothing is left', async () => {
    const made = background(each, { yaml: 'tunnels:\n  web: -L 8080:a:80 bastoin\nhosts:\n  bastion: {}\n' });
    const { code, stdout, stderr } = await made.run(['up', '-d']);
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(stderr).toContain('tunnels.yaml:2:21 unknown host "bastoin", did you mean "bastion"?\n');
    expect(stderr).toMatch(/\| +\^\^\^\^\^\^\^\n/);
    expect(stderr).toMatch(/1 problem in tunnels\.yaml\nthe configuration is not valid: nothing was started\n$/);
    expect(readdirSync(made.stateDir)).toEqual([]);
  });

  it('no file at all: 3, and where it was looked for', async () => {
    const made = background(each, {});
    const { code, stderr } = await made.run(['up', '-d']);
    expect(code).toBe(3);
    expect(stderr).toContain(`there is no tunnels.yaml in ${made.dir} or above it`);
    expect(await made.run(['ps'])).toMatchObject({ code: 1, stderr: expect.stringContaining('there is no tunnels.yaml') as string });
  });

  it('one that failed and one that works: said with the cause, 0, and both are there', async () => {
    const made = background(each, {
      yaml: { hosts: { bastion: hostEntry(bastion), other: unknownKey() }, tunnels: { web: tunnel(), bad: tunnel({ host: 'other' }) } },
    });
    const up = await made.run(['up', '-d']);
    expect(up.code).toBe(0);
    expect(up.stderr).toMatch(/1 of 2 tunnels are open; not up: bad\nthe project stays up; fix it/);
    expect(up.stderr.match(/\[host-key-changed\]\n +→ /g)).toHaveLength(1);
    await echoes(await portNow(made, 'web'));
    const waited = await made.run(['up', '-d', '--wait']);
    expect(waited.code).toBe(1);
    expect(waited.stderr).toContain('[host-key-changed]');
    expect((await made.run(['up', '--wait', 'web'])).code).toBe(0);
    expect(await made.run(['wait', 'web'])).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(await made.run(['wait'])).toMatchObject({ code: 1, stderr: expect.stringMatching(/^will not come up:\n {2}bad: /) as string });
  });

  it('nothing that can come up: 1', async () => {
    const made = background(each, { yaml: { hosts: { bastion: unknownKey() }, tunnels: { web: tunnel() } } });
    const { code, stderr } = await made.run(['up', '-d']);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /0 of 1 tunnel is open; not up:[\s\S]*the project stays up; fix it and save the file, or end it with tunnels down/,
    );
  });

  it('--wait gives up at its limit, and says for what it waited', async () => {
    const sockets = new Set<Socket>();
    const silent = createServer((socket) => void sockets.add(socket.on('error', () => undefined)));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    each.onEnd(() => {
      for (const socket of sockets) socket.destroy();
      return new Promise<void>((resolve) => silent.close(() => resolve()));
    });
    const { port } = silent.address() as { port: number };
    const made = background(each, { yaml: { hosts: { bastion: hostEntry(bastion, { port }) }, tunnels: { web: tunnel() } } });
    const began = performance.now();
    const { code, stderr } = await made.run(['up', '--wait', '--wait-timeout', '1.5']);
    expect(code).toBe(1);
    expect(performance.now() - began).toBeLessThan(6_000);
    expect(stderr).toMatch(/0 of 1 tunnel is open after 1\.5s; not up:\n {2}web: waiting/);
    expect((await rows(made))[0]).toMatchObject({ state: 'waiting' });
    const waited = await made.run(['wait', '--timeout', '0.2']);
    expect(waited).toMatchObject({ code: 1, stderr: expect.stringMatching(/^not up after 0\.2s:\n {2}web: waiting/) as string });
  });
});

describe('B4: the second up', () => {
  it('joins: the file is applied, what changed is said, and open connections live on', async () => {
    const made = project({ web: tunnel() });
    await made.run(['up', '-d']);
    const [before] = await rows(made);
    const open = await dial(portOf(before));
    each.onEnd(() => open.destroy());
    const again = await made.run(['up', '-d']);
    expect(again).toMatchObject({ code: 0, stdout: '' });
    expect(again.stderr).toContain(`process ${before?.pid} has the project up: no changes\n`);
    made.write({ name: 'shop', hosts: { bastion: hostEntry(bastion) }, tunnels: { web: tunnel(), more: tunnel() } });
    const third = await made.run(['up', '-d']);
    expect(third.code).toBe(0);
    const after = await rows(made);
    expect(after.map(({ name, state, pid }) => [name, state, pid])).toEqual([
      ['web', 'open', before?.pid],
      ['more', 'open', before?.pid],
    ]);
    expect(after[0]?.['since']).toBe(before?.['since']);
    const back = new Promise<string>((resolve) => open.once('data', (data) => resolve(data.toString())));
    open.write('still here');
    expect(await back).toBe('still here');
  });

  it('in the foreground it follows what happens, and Ctrl-C leaves the project up', async () => {
    const made = project({ web: tunnel() }, {});
    await made.run(['up', '-d', '--no-watch']);
    const [row] = await rows(made);
    const up = made.up([], { progress: 'plain' });
    await up.untilLine(/has the project up: no changes/);
    await up.untilLine(/following what happens; Ctrl-C leaves it running/);
    await made.run(['restart', 'web']);
    await up.untilLine(/web +open 127\.0\.0\.1:\d+/);
    expect(await up.stop('SIGINT')).toMatchObject({ code: 130 });
    expect(up.stderr()).toMatch(/left running; tunnels down takes it down\n$/);
    expect((await rows(made))[0]).toMatchObject({ state: 'open', pid: row?.pid });
    const second = made.up([], { progress: 'plain' });
    await second.untilLine(/following what happens/);
    await made.run(['down']);
    expect(await second.exited).toMatchObject({ code: 0 });
  });

  it('a foreground up is joined, too, serves ps and port, and down ends it', async () => {
    const made = project({ web: tunnel() });
    const up = made.up();
    await up.untilOpen(['web']);
    expect(await rows(made)).toMatchObject([{ name: 'web', state: 'open', pid: up.pid }]);
    expect((await made.run(['port', 'web'])).stdout).toBe(`127.0.0.1:${up.port('web')}\n`);
    expect((await made.run(['ls', '--format', 'json'])).stdout).toContain('"mode":"foreground"');
    expect((await made.run(['up', '-d'])).stderr).toContain(`process ${up.pid} has the project up: no changes`);
    expect(await made.run(['down'])).toMatchObject({ code: 0, stderr: 'shop is down\n' });
    expect(await up.exited).toEqual({ code: 0, signal: null });
    expect(readdirSync(made.stateDir)).toEqual([]);
  });

  it('names join what is up; no name is everything', async () => {
    const made = project({ web: tunnel(), git: tunnel(), debug: tunnel({ profiles: ['debug'] }) });
    await made.run(['up', '-d', 'web']);
    expect((await made.run(['ps', '-q'])).stdout).toBe('web\n');
    const plan = await made.run(['plan']);
    expect(plan).toMatchObject({ code: 2, stdout: '+ tunnel git  asked for, and not up\n' });
    expect(await made.run(['up', '--dry-run'])).toMatchObject({ code: 0, stdout: plan.stdout });
    await made.run(['up', '-d']);
    expect((await made.run(['ps', '-q'])).stdout).toBe('web\ngit\n');
    await made.run(['up', '-d', '--profile', 'debug']);
    expect((await made.run(['ps', '-q'])).stdout).toBe('web\ngit\ndebug\n');
    expect(await made.run(['plan'])).toMatchObject({ code: 0, stdout: 'no changes\n' });
    expect((await made.run(['up', '-d', 'nosuch'])).code).toBe(3);
  });
});

describe('processes that are not as they were', () => {
  it('killed, the next up -d has it open again on the same port within two seconds', async () => {
    const port = await freePort();
    const made = project({ web: tunnel({ ingress: port }) });
    await made.run(['up', '-d']);
    const [row] = await rows(made);
    process.kill(row?.pid ?? 0, 'SIGKILL');
    await until(() => !isAlive(row?.pid ?? 0), { what: 'the process to be gone' });
    expect((await made.run(['ps'])).code).toBe(1);
    const began = performance.now();
    expect((await made.run(['up', '-d', '--wait'])).code).toBe(0);
    expect(figure('process killed, `up -d --wait` done', performance.now() - began, { limit: 2_000 })).toBeLessThan(2_000);
    await echoes(port);
    expect((await made.run(['down'])).code).toBe(0);
    expect(readdirSync(made.stateDir)).toEqual([]);
  });

  /** The same program in another file, which is what an update leaves. */
  function otherBuild(): (made: Project, args: readonly string[]) => Promise<RunResult> {
    const other = join(dirname(programFile()), `other-${process.pid}.js`);
    copyFileSync(programFile(), other);
    utimesSync(other, 1, 1);
    each.onEnd(() => rmSync(other, { force: true }));
    return (made, args) => runChild(process.execPath, [other, ...args], { cwd: made.dir, env: made.env });
  }

  it('one of an older build is brought over by up, with all that was up', async () => {
    const made = project({ web: tunnel(), git: tunnel() });
    const older = otherBuild();
    expect((await older(made, ['up', '-d'])).code).toBe(0);
    const [before] = await rows(made);
    const up = await made.run(['up', '-d', 'web']);
    expect(up.code).toBe(0);
    expect(up.stderr).toMatch(
      new RegExp(`process ${before?.pid} is of another build \\(.*\\): it goes down, and the project comes up in this one`),
    );
    const after = await rows(made);
    expect(after).toMatchObject([
      { name: 'web', state: 'open' },
      { name: 'git', state: 'open' },
    ]);
    expect(after[0]?.pid).not.toBe(before?.pid);
    expect(isAlive(before?.pid ?? 0)).toBe(false);
  });

  it('a foreground up brings it over, too, and leaves it in the background', async () => {
    const made = project({ web: tunnel() });
    expect((await otherBuild()(made, ['up', '-d'])).code).toBe(0);
    const up = made.up([], { progress: 'plain' });
    await up.untilLine(/is of another build/);
    await up.untilLine(/following what happens/);
    await until(async () => (await rows(made))[0]?.state === 'open', { what: 'it to be open', ms: 10_000 });
    expect(await up.stop('SIGINT')).toMatchObject({ code: 130 });
    expect((await rows(made))[0]?.state).toBe('open');
  });
});

describe.runIf(process.getuid?.() === 0)('a state directory on a disk', () => {
  /** Mounted for everybody: the commands see what the process in the background does. */
  async function mounted(made: Project, options: string): Promise<void> {
    const { code, stderr } = await runChild('mount', ['-t', 'tmpfs', '-o', `mode=0700,${options}`, 'tmpfs', made.stateDir]);
    if (code !== 0) throw new Error(stderr);
    each.onEnd(() => runChild('umount', ['-l', made.stateDir]));
  }
  const warnings = (text: string): string[] => text.split('\n').filter((line) => line.includes('warning: '));

  it.each([
    ['that is read-only', 'ro', 'EROFS'],
    ['without room for one more file', 'nr_inodes=1', 'ENOSPC'],
  ])('%s: up -d runs on with one warning, every command finds it, and down leaves nothing', async (_, options, code) => {
    const made = project({ web: tunnel() });
    await mounted(made, options);
    const up = await made.run(['up', '-d', '--wait']);
    expect(up.code).toBe(0);
    expect(warnings(up.stderr)).toEqual([
      expect.stringMatching(new RegExp(`cannot write in the state directory .* \\(${code}\\): .* is used instead`)),
    ]);
    const spare = /: (\/\S+) is used instead/.exec(up.stderr)?.[1] ?? '';
    const [row] = await rows(made);
    expect(row).toMatchObject({ state: 'open' });
    each.onEnd(() => isAlive(row?.pid ?? 0) && process.kill(row?.pid ?? 0, 'SIGKILL'));
    await echoes(portOf(row));
    expect((await made.run(['up', '-d'])).stderr).toContain(`process ${row?.pid} has the project up: no changes`);
    expect((await made.run(['ls', '-q'])).stdout).toBe('shop\n');
    expect(warnings((await made.run(['logs'])).stdout)).toHaveLength(1);
    expect(await made.run(['down'])).toMatchObject({ code: 0, stderr: 'shop is down\n' });
    expect({ isThere: existsSync(dirname(spare)), isAlive: isAlive(row?.pid ?? 0) }).toEqual({ isThere: false, isAlive: false });
  });

  it('that fills up while the project runs: the tunnels run on, one warning, and every command works', async () => {
    const made = project({ web: tunnel() });
    await mounted(made, 'size=64k');
    await made.run(['up', '-d', '--wait']);
    const port = await portNow(made, 'web');
    const open = await dial(port);
    each.onEnd(() => open.destroy());
    // The last block too.
    await runChild('sh', ['-c', 'cat /dev/zero >full; while printf x >>full; do :; done'], { cwd: made.stateDir });
    // What the journal has of its last block is still its own.
    const full = async (): Promise<boolean> => {
      for (let times = 0; times < 3; times += 1) await made.run(['restart', 'web', '-t', '0']);
      return warnings((await made.run(['logs'])).stdout).length > 0;
    };
    await until(full, { what: 'the warning', ms: 20_000 });
    for (let times = 0; times < 3; times += 1) await made.run(['restart', 'web', '-t', '0']);
    expect((await made.run(['wait'])).code).toBe(0);
    await echoes(await portNow(made, 'web'));
    figure('state directory full, warnings', warnings((await made.run(['logs'])).stdout).length, { unit: 'warnings', limit: 1 });
    expect(warnings((await made.run(['logs'])).stdout)).toEqual([
      expect.stringMatching(/the journal in .* cannot be written \(ENOSPC\); the tunnels are not affected/),
    ]);
    expect((await made.run(['up', '-d'])).code).toBe(0);
    expect(await made.run(['down'])).toMatchObject({ code: 0, stderr: 'shop is down\n' });
    expect(readdirSync(made.stateDir)).toEqual(['full']);
  });
});

it('a state directory that is removed under it: it is there again at once, and its connections never noticed', async () => {
  const made = project({ web: tunnel() });
  await made.run(['up', '-d', '--wait']);
  const [row] = await rows(made);
  const open = await dial(portOf(row));
  each.onEnd(() => open.destroy());
  // Its process may be writing there meanwhile.
  removeInUse(made.stateDir);
  await until(async () => (await made.run(['ps'])).code === 0, { what: 'ps to find it' });
  expect(await rows(made)).toMatchObject([{ pid: row?.pid, since: row?.['since'], connections: 1 }]);
  const back = new Promise<string>((resolve) => open.once('data', (data) => resolve(data.toString())));
  open.write('still here');
  expect(await back).toBe('still here');
  expect((await made.run(['logs'])).stdout).toMatch(/warning: the control socket was removed: there is a new one in /);
  expect((await made.run(['down', '-t', '0'])).code).toBe(0);
  expect(readdirSync(made.stateDir)).toEqual([]);
});
