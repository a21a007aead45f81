/** Commands in a real terminal, by keys and by what stands on the screen: up, up -d and run. */
import { readFileSync } from 'node:fs';
import { type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { background, holders, portOf, rows } from '../helpers/background.ts';
import { isAlive } from '../helpers/process-table.ts';
import { hostEntry, programFile, type Project } from '../helpers/project.ts';
import { at, echoes, scene } from '../helpers/scene.ts';
import { dial, startEcho, type Service } from '../helpers/services.ts';
import type { Sshd } from '../helpers/sshd.ts';
import { startTerminal, type Terminal } from '../helpers/terminal.ts';
import { sleep, until } from '../helpers/wait.ts';

const CTRL_C = '\u0003';
const all = scene(afterAll);
const each = scene(afterEach);
let bastion: Sshd;
let echo: Service;

beforeAll(async () => {
  [bastion, echo] = await Promise.all([all.sshd({ name: 'bastion' }), all.add(startEcho())]);
});

const project = (host: Record<string, unknown> = {}, more: Record<string, unknown> = {}): Project =>
  background(each, {
    yaml: {
      name: 'shop',
      hosts: { bastion: hostEntry(bastion, host) },
      tunnels: { echo: { type: 'local', host: 'bastion', ingress: 0, egress: at(echo), drain: '1m', ...more } },
    },
  });
/** Nobody knows its key. */
const unknown = (): Project => project({ known_hosts: './known', ssh_config: false });

/** A shell's terminal, in which the program is run and its exit code told. */
async function inShell(made: Project, words: string): Promise<Terminal> {
  const [before, after] = ['before', 'after'].map((name) => join(made.home, name));
  const program = `${process.execPath} -- ${programFile()} ${words}`;
  const terminal = await startTerminal({
    command: ['sh', '-c', `trap : INT; stty -g >${before}; ${program}; echo "ended with $?"; stty -g >${after}; exec cat`],
    cwd: made.dir,
    env: { ...made.env, TERM: 'screen-256color', CI: '' },
    columns: 100,
    rows: 30,
  });
  each.onEnd(() => terminal.stop());
  return terminal;
}

/** The shell has its terminal back as it was, and sees how it ended. */
async function ended(terminal: Terminal, made: Project, code: number): Promise<string> {
  const screen = await terminal.untilShows(new RegExp(`^(?:\\^C)?ended with ${code}$`, 'm'));
  await until(() => readFileSync(join(made.home, 'after'), 'utf8') !== '', { what: 'the modes of the terminal' });
  expect({ cursor: terminal.ask('cursor_flag'), alternate: terminal.ask('alternate_on'), wrap: terminal.ask('wrap_flag') }).toEqual({
    cursor: '1',
    alternate: '0',
    wrap: '1',
  });
  expect(readFileSync(join(made.home, 'after'), 'utf8')).toBe(readFileSync(join(made.home, 'before'), 'utf8'));
  return screen;
}

const portOn = (screen: string): number => Number(/127\.0\.0\.1:(\d+)/.exec(screen)?.[1]);

/** A connection through which something has gone both ways. */
async function talking(port: number): Promise<Socket> {
  const socket = await dial(port);
  each.onEnd(() => socket.destroy());
  socket.on('error', () => undefined);
  const back = new Promise((resolve) => socket.once('data', resolve));
  socket.write('x');
  await back;
  return socket;
}

describe('up', () => {
  it('draws while it comes up, leaves the table, and ends with 130 at Ctrl-C', async () => {
    const made = project();
    const terminal = await inShell(made, 'up');
    await terminal.until((screen) => screen.includes('Ctrl-C closes') || terminal.ask('cursor_flag') === '0', 'the live view');
    const open = await terminal.untilShows(/1 tunnel is open; Ctrl-C closes/);
    expect(open).toMatch(/^echo +127\.0\.0\.1:\d+ +→ +127\.0\.0\.1:\d+ +bastion +open$/m);
    await echoes(portOn(open));
    terminal.type(CTRL_C);
    const screen = await ended(terminal, made, 130);
    expect(screen).toMatch(/^\^?C?closing$/m);
    await expect(dial(portOn(open))).rejects.toThrow();
  });

  it('Ctrl-C drains and says so; a second one closes at once', async () => {
    const made = project();
    const terminal = await inShell(made, 'up');
    const port = portOn(await terminal.untilShows(/1 tunnel is open; Ctrl-C closes/));
    const open = await talking(port);
    terminal.type(CTRL_C);
    await terminal.untilShows(/draining 1 open connection, up to 1m; Ctrl-C again closes at once/);
    await expect(dial(port)).rejects.toThrow();
    const back = new Promise((resolve) => open.once('data', resolve));
    open.write('still here');
    await back;
    expect(terminal.screen()).not.toContain('ended with');
    const closed = new Promise((resolve) => open.once('close', resolve));
    const asked = performance.now();
    terminal.type(CTRL_C);
    expect(await ended(terminal, made, 130)).toContain('closing at once');
    await closed;
    // The drain would have been a minute.
    expect(performance.now() - asked).toBeLessThan(10_000);
    expect(holders(made)).toEqual([]);
  });

  it.each([
    ['y', 'the answer', 130],
    [CTRL_C, 'Ctrl-C there is a Ctrl-C', 130],
  ])('asks about an unknown host key in words of ssh: %j, %s', async (key, _, code) => {
    const made = unknown();
    const terminal = await inShell(made, 'up');
    const question = await terminal.untilShows(/Are you sure you want to continue connecting\?/);
    expect(question).toMatch(/^The authenticity of host '.*' can't be established\.\nED25519 key fingerprint is SHA256:/m);
    terminal.type(key);
    if (key === 'y') {
      await echoes(portOn(await terminal.untilShows(/Ctrl-C closes/)));
      terminal.type(CTRL_C);
    }
    await ended(terminal, made, code);
  });

  it('on a running project, Ctrl-C leaves it running and says so', async () => {
    const made = project();
    await made.run(['up', '-d', '--wait']);
    const terminal = await inShell(made, 'up');
    await terminal.untilShows(/following what happens; Ctrl-C leaves it running/);
    terminal.type(CTRL_C);
    expect(await ended(terminal, made, 130)).toContain('left running; tunnels down takes it down');
    await echoes(await portOf(made, 'echo'));
  });
});

describe('up -d', () => {
  it('asks, too, and the answer opens what it leaves in the background', async () => {
    const made = unknown();
    const terminal = await inShell(made, 'up -d');
    await terminal.untilShows(/Are you sure you want to continue connecting\?/);
    terminal.type('y');
    expect(await ended(terminal, made, 0)).toContain('1 tunnel is open; left up in the background, tunnels down closes');
    await echoes(await portOf(made, 'echo'));
  });

  it('Ctrl-C at a question ends it with 130, and says what it leaves', async () => {
    const made = unknown();
    const terminal = await inShell(made, 'up -d');
    await terminal.untilShows(/Are you sure you want to continue connecting\?/);
    terminal.type(CTRL_C);
    expect(await ended(terminal, made, 130)).toContain('left running; tunnels down takes it down');
  });

  it('outlives its terminal', async () => {
    const made = project();
    const terminal = await inShell(made, 'up -d');
    await ended(terminal, made, 0);
    terminal.stop();
    await until(() => !isAlive(terminal.pid), { what: 'the shell to be gone' });
    expect(await rows(made)).toMatchObject([{ state: 'open' }]);
    await echoes(await portOf(made, 'echo'));
  });
});

describe('run', () => {
  it('gives the command the terminal, a Ctrl-C once, and what it exports', async () => {
    const made = project();
    const log = join(made.home, 'signals');
    const script = `trap 'echo INT >>${log}' INT
test -t 0 && test -t 1 && echo "on a terminal, port $TUNNEL_ECHO_PORT"
until read line; do :; done
echo "read $line"
exit 9
`;
    made.write(script, '../home/inner.sh');
    const terminal = await inShell(made, `run -- sh ${join(made.home, 'inner.sh')}`);
    const port = Number(/^on a terminal, port (\d+)$/m.exec(await terminal.untilShows(/on a terminal, port \d+/))?.[1]);
    await echoes(port);
    terminal.type(CTRL_C);
    await until(() => readFileSync(log, { encoding: 'utf8', flag: 'a+' }) === 'INT\n', { what: 'the signal' });
    await sleep(200);
    terminal.type('some words\r');
    expect(await ended(terminal, made, 9)).toContain('read some words');
    expect(readFileSync(log, 'utf8')).toBe('INT\n');
    await expect(dial(port)).rejects.toThrow();
  });

  it('Ctrl-C while what it left open drains closes at once, and the exit code is still the command’s', async () => {
    const made = project();
    const terminal = await inShell(made, 'run -- sh -c \'echo "port $TUNNEL_ECHO_PORT"; read line; exit 7\'');
    const open = await talking(Number(/^port (\d+)$/m.exec(await terminal.untilShows(/^port \d+$/m))?.[1]));
    const closed = new Promise((resolve) => open.once('close', resolve));
    terminal.type('\r');
    await terminal.untilShows(/draining; 1 connection of the project open, Ctrl-C closes at once/);
    terminal.type(CTRL_C);
    await ended(terminal, made, 7);
    await closed;
    expect(holders(made)).toEqual([]);
  });
});
