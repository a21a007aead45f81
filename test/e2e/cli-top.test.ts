/** `top` in a real terminal, over a project in the background. */
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { runChild } from '../helpers/child.ts';
import { createProject, hostEntry, programFile, type Project } from '../helpers/project.ts';
import { startSource, startWww, type Service } from '../helpers/services.ts';
import { startSshd, type Sshd } from '../helpers/sshd.ts';
import { startTerminal, type Terminal } from '../helpers/terminal.ts';

let bastion: Sshd;
let www: Service;
let source: Service;
let project: Project;
let terminal: Terminal | undefined;

beforeAll(async () => {
  [bastion, www, source] = await Promise.all([startSshd({ name: 'bastion' }), startWww({ page: 'hello' }), startSource()]);
  const to = (service: Service) => ({ type: 'local', host: 'bastion', ingress: 0, egress: `127.0.0.1:${service.port}` });
  project = createProject({
    yaml: { name: 'shop', hosts: { bastion: hostEntry(bastion) }, tunnels: { web: to(www), bulk: to(source), after: to(www) } },
  });
});
afterEach(async () => {
  terminal?.stop();
  terminal = undefined;
  await project.run(['down', '-t', '0']);
});
afterAll(async () => {
  await project.remove();
  await Promise.all([bastion.stop(), www.stop(), source.stop()]);
});

const up = async (): Promise<void> => expect(await project.run(['up', '-d', '--wait'])).toMatchObject({ code: 0 });
const downNow = (): Promise<unknown> => project.run(['down', '-t', '0']);

/** A shell's terminal, in which top is run and its exit code told. */
async function startTop({ columns = 100, rows = 20, node = '' } = {}): Promise<Terminal> {
  const command = [
    'sh',
    '-c',
    `echo before; stty -g >before.txt; NODE_OPTIONS=${node} ${process.execPath} ${programFile()} top; echo "ended with $?"; stty -g >after.txt; exec cat`,
  ];
  terminal = await startTerminal({ command, cwd: project.dir, env: { ...project.env, TERM: 'screen-256color' }, columns, rows });
  await terminal.untilShows(/sort: n name/);
  return terminal;
}

/** The shell has its screen, its cursor and its modes back, and sees how it ended. */
async function givenBack(top: Terminal, code: number): Promise<string> {
  const screen = await top.untilShows(new RegExp(`^ended with ${code}$`, 'm'));
  expect(screen).toMatch(/^before$/m);
  expect(screen).not.toContain('sort: n name');
  expect({ alternate: top.ask('alternate_on'), cursor: top.ask('cursor_flag'), wrap: top.ask('wrap_flag') }).toEqual({
    alternate: '0',
    cursor: '1',
    wrap: '1',
  });
  const { stdout } = await runChild('cmp', ['before.txt', 'after.txt'], { cwd: project.dir });
  expect(stdout).toBe('');
  return screen;
}

/** The process of top, which the shell in the terminal has started. */
async function pidOfTop(top: Terminal): Promise<number> {
  const { stdout } = await runChild('ps', ['-o', 'pid=', '--ppid', String(top.pid)]);
  return Number(stdout.trim());
}

const rowsOf = (screen: string): string[] =>
  screen
    .split('\n')
    .filter((line) => /^(web|bulk|after) /.test(line))
    .map((line) => line.split(' ')[0] ?? '');

describe('top', () => {
  it('shows what is up, connections and rates as they change, and sorts by keys', async () => {
    await up();
    const top = await startTop();
    expect(top.ask('alternate_on')).toBe('1');
    expect(top.screen()).toMatch(/^shop · 3 of 3 tunnels open · 0 connections/);
    expect(rowsOf(top.screen())).toEqual(['web', 'bulk', 'after']);
    top.type('n');
    await top.until((screen) => rowsOf(screen).join() === 'after,bulk,web', 'rows by name');
    top.type('n');
    await top.until((screen) => rowsOf(screen).join() === 'web,bulk,after', 'rows by name, turned round');
    const port = Number((await project.run(['port', 'bulk'])).stdout.trim().split(':').at(-1));
    const client = connect(port, '127.0.0.1').on('error', () => undefined);
    try {
      // More than goes through while anybody looks.
      client.write('1000000000000\n');
      client.resume();
      top.type('c');
      await top.until((screen) => rowsOf(screen)[0] === 'bulk', 'the busy row first');
      await top.untilShows(/^bulk +open +1 +\d+\.\d [KM]iB\/s .*█/m);
    } finally {
      client.destroy();
    }
    await top.untilShows(/^bulk +open +0 /m);
    top.type('q');
    await givenBack(top, 0);
  });

  it('fits the terminal, also when that changes', async () => {
    await up();
    const top = await startTop({ columns: 60, rows: 8 });
    expect(top.screen()).not.toContain('RTT');
    top.resize(140, 30);
    await top.untilShows(/RTT +HISTORY +WAY/);
    top.resize(20, 5);
    await top.until((screen) => /^NAME +STATE$/m.test(screen) || /^NAME$/m.test(screen), 'the columns that fit');
    for (const line of top.screen().split('\n')) expect(line.length).toBeLessThanOrEqual(20);
    top.resize(100, 20);
    await top.untilShows(/sort: n name/);
    top.type('q');
    await givenBack(top, 0);
  });
});

describe('top gives the terminal back', () => {
  it('at Ctrl-C', async () => {
    await up();
    const top = await startTop();
    top.type('\u0003');
    await givenBack(top, 130);
  });

  it.each([
    ['SIGTERM', 0],
    ['SIGINT', 130],
    ['SIGHUP', 0],
  ] as const)('at %s', async (signal, code) => {
    await up();
    const top = await startTop();
    process.kill(await pidOfTop(top), signal);
    await givenBack(top, code);
  });

  it('at a bug, which stays to be read', async () => {
    await up();
    const played = join(project.dir, 'bug.cjs');
    writeFileSync(played, "process.on('SIGUSR2', () => { throw new Error('played'); });");
    const top = await startTop({ node: `--require=${played}` });
    process.kill(await pidOfTop(top), 'SIGUSR2');
    expect(await givenBack(top, 1)).toContain('this is a bug in tunnels: played');
  });

  it('when the project is taken down, which is no failure, and says so', async () => {
    await up();
    const top = await startTop();
    await downNow();
    expect(await givenBack(top, 0)).toMatch(/^shop is down$/m);
  });

  it('when the process in the background is killed', async () => {
    await up();
    const top = await startTop();
    const { stdout } = await project.run(['ps', '--format', 'json']);
    process.kill((JSON.parse(stdout.split('\n')[0] ?? '') as { pid: number }).pid, 'SIGKILL');
    expect(await givenBack(top, 1)).toMatch(/^tunnels: the project ended in the middle of the call$/m);
  });
});

it('without a terminal it is a usage error that names the other way', async () => {
  const { code, stdout, stderr } = await project.run(['top']);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain('tunnels ps');
});

it('says what is not up', async () => {
  terminal = await startTerminal({
    command: ['sh', '-c', `${process.execPath} ${programFile()} top; echo "ended with $?"; exec cat`],
    cwd: project.dir,
    env: project.env,
    columns: 100,
    rows: 10,
  });
  expect(await terminal.untilShows(/ended with 1/)).toContain('is not up: tunnels up -d');
  expect(terminal.ask('alternate_on')).toBe('0');
});
