/** For programs that use the tunnels: port, env and run. */
import { readdirSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { background, holders, portOf, rows } from '../helpers/background.ts';
import { runChild, startChild, type Child } from '../helpers/child.ts';
import { freePort } from '../helpers/free-port.ts';
import { isAlive } from '../helpers/process-table.ts';
import { hostEntry, programFile, type Project } from '../helpers/project.ts';
import { at, echoes, scene } from '../helpers/scene.ts';
import { dial, startEcho, startWww, type Service } from '../helpers/services.ts';
import type { Sshd } from '../helpers/sshd.ts';
import { sleep, until } from '../helpers/wait.ts';

const all = scene(afterAll);
const each = scene(afterEach);
let bastion: Sshd;
let echo: Service;
let www: Service;

beforeAll(async () => {
  [bastion, echo, www] = await Promise.all([all.sshd({ name: 'bastion' }), all.add(startEcho()), all.add(startWww({ page: 'hello' }))]);
});

const project = (tunnels: Record<string, unknown>): Project =>
  background(each, { yaml: { name: 'shop', hosts: { bastion: hostEntry(bastion) }, tunnels } });
const tunnel = (more: Record<string, unknown> = {}): Record<string, unknown> => ({
  type: 'local',
  host: 'bastion',
  ingress: 0,
  egress: at(echo),
  ...more,
});
/** It fails before anything listens, for good. */
const failing = async (): Promise<Record<string, unknown>> => {
  const port = await freePort();
  const holder = startChild(process.execPath, [
    '-e',
    `require('node:net').createServer().listen(${port}, '127.0.0.1', () => console.log('held'))`,
  ]);
  each.onEnd(() => holder.stop('SIGKILL'));
  await until(() => holder.stdout().includes('held'), { what: 'the port to be held' });
  return tunnel({ ingress: port });
};

describe('port', () => {
  it('prints what was really bound, of TCP and of unix sockets, here and on a host', async () => {
    const made = project({ web: tunnel(), there: tunnel({ type: 'remote' }), sock: tunnel({ ingress: '~/web.sock' }) });
    await made.run(['up', '-d']);
    const bound = Object.fromEntries((await rows(made)).map(({ name, ingress }) => [name, ingress]));
    for (const name of ['web', 'there', 'sock']) {
      expect(await made.run(['port', name])).toMatchObject({ code: 0, stdout: `${bound[name]}\n`, stderr: '' });
    }
    await echoes(Number(bound['there']?.split(':').at(-1)));
    expect(bound['sock']).toMatch(/web\.sock$/);
  });

  it('of what listens nowhere says why, 1; of what there is not, 2', async () => {
    const made = project({ web: tunnel(), busy: await failing() });
    await made.run(['up', '-d']);
    const busy = await made.run(['port', 'busy']);
    expect(busy).toMatchObject({ code: 1, stdout: '' });
    expect(busy.stderr).toMatch(/^tunnels: it listens nowhere yet: busy: .* is in use.*\[bind-in-use\]/);
    expect(await made.run(['port', 'wep'])).toMatchObject({
      code: 2,
      stdout: '',
      stderr: 'tunnels: no tunnel "wep" is up, did you mean "web"?\n',
    });
  });
});

describe('env', () => {
  const NASTY: Readonly<Record<string, string>> = {
    QUOTES: `it's "quoted" and 'single'`,
    DOLLARS: '$HOME $(echo no) $PATH $$ $1',
    TICKS: '`echo no` \\ \\n',
    LINES: 'first\nsecond\n\tthird',
    STARS: '* ? [a] ~ # ! ; & | < > ( )',
    EMPTY: '',
    BLANKS: '  around  ',
    LETTERS: 'grüße ✓ 日本',
    DASHES: '-n --help',
  };
  const nasty = (): Project => {
    const env = Object.fromEntries(Object.entries(NASTY).map(([name, value]) => [name, value.replaceAll('$', '$$$$')]));
    return project({ web: tunnel({ env: { ...env, URL: 'http://{address}:{port}/' } }) });
  };

  it('survives eval in a real sh, whatever is in the values', async () => {
    const made = nasty();
    await made.run(['up', '-d']);
    const port = await portOf(made, 'web');
    const names = [...Object.keys(NASTY), 'URL', 'TUNNEL_WEB_PORT', 'TUNNEL_WEB_ADDRESS'];
    // A child prints them, so that they are exported, too.
    const print = `node -e 'process.stdout.write(JSON.stringify(process.argv.slice(1).map((name) => process.env[name])))' ${names.join(' ')}`;
    const sh = await runChild('sh', ['-c', `eval "$(${process.execPath} ${programFile()} env)" && ${print}`], {
      cwd: made.dir,
      env: made.env,
    });
    expect(sh.stderr).toBe('');
    const values = JSON.parse(sh.stdout) as string[];
    expect(Object.fromEntries(names.map((name, index) => [name, values[index]]))).toEqual({
      ...NASTY,
      URL: `http://127.0.0.1:${port}/`,
      TUNNEL_WEB_PORT: String(port),
      TUNNEL_WEB_ADDRESS: '127.0.0.1',
    });
  });

  it('is the same as dotenv and json', async () => {
    const made = nasty();
    await made.run(['up', '-d']);
    const json = JSON.parse((await made.run(['env', '--format', 'json'])).stdout) as Record<string, string>;
    expect(json).toMatchObject(NASTY);
    expect(parseEnv((await made.run(['env', '--format', 'dotenv'])).stdout)).toEqual(json);
  });

  it('as dotenv is refused by name where a reader would find something else, and then nothing is printed', async () => {
    const made = project({ web: tunnel({ env: { FINE: 'a b', PRICE: "it's $$5" } }) });
    await made.run(['up', '-d']);
    expect(await made.run(['env', '--format', 'dotenv'])).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/^tunnels: no \.env file holds PRICE so that .*\n→ use --format json or shell\n$/) as string,
    });
    expect((await made.run(['env'])).stdout).toContain(`export PRICE='it'\\''s $5'`);
  });

  it('has what is bound, and says what is not: 1 where that was asked for by name', async () => {
    const made = project({ web: tunnel(), busy: await failing() });
    await made.run(['up', '-d']);
    const some = await made.run(['env']);
    expect(some).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^export TUNNEL_WEB_PORT='\d+'\nexport TUNNEL_WEB_ADDRESS='127\.0\.0\.1'\n$/) as string,
    });
    expect(some.stderr).toMatch(/^tunnels: listening nowhere yet, so nothing is exported of\nbusy: /);
    expect(await made.run(['env', 'busy'])).toMatchObject({ code: 1, stdout: '' });
    expect(await made.run(['env', 'web'])).toMatchObject({ code: 0, stderr: '' });
  });
});

const PRINT = `const p = process.env.TUNNEL_WEB_PORT; fetch('http://127.0.0.1:' + p).then((r) => r.text()).then((t) => process.stdout.write(t))`;

describe('run', () => {
  it('on a running project joins it, gives the exports, and leaves it as it was', async () => {
    const made = project({ web: tunnel({ egress: at(www) }) });
    await made.run(['up', '-d']);
    const before = await rows(made);
    const run = await made.run(['run', '--', process.execPath, '-e', PRINT]);
    expect(run).toMatchObject({ code: 0, stderr: '' });
    expect(run.stdout).toContain('hello');
    expect(await rows(made)).toMatchObject([{ state: 'open', pid: before[0]?.pid, since: before[0]?.['since'], total_connections: 1 }]);
  });

  it('alone brings it up for the command, and leaves nothing', async () => {
    const made = project({ web: tunnel({ egress: at(www) }), other: tunnel() });
    const run = await made.run(['run', 'web', '--', process.execPath, '-e', PRINT]);
    expect(run).toMatchObject({ code: 0, stderr: '' });
    expect(run.stdout).toContain('hello');
    expect(readdirSync(made.stateDir)).toEqual([]);
    // Flags after the dashes are the command's.
    expect((await made.run(['run', '--', 'sh', '-c', 'echo "$1" "$TUNNEL_OTHER_ADDRESS"', '-', '--dry-run'])).stdout).toBe(
      '--dry-run 127.0.0.1\n',
    );
  });

  it.each<[string, readonly string[], number]>([
    ['its exit code', ['sh', '-c', 'exit 7'], 7],
    ['the signal that ended it', ['sh', '-c', 'kill -TERM $$'], 143],
    ['a command that is not there', ['no-such-command'], 127],
    ['a file that cannot be run', ['/etc/passwd'], 126],
  ])('ends with %s, up or not', async (_, command, code) => {
    const made = project({ web: tunnel() });
    expect((await made.run(['run', '--', ...command])).code).toBe(code);
    await made.run(['up', '-d']);
    expect((await made.run(['run', '--', ...command])).code).toBe(code);
  });

  it('what does not come up: 1, the command does not run, and nothing is left', async () => {
    const made = project({ web: tunnel(), busy: await failing() });
    const touch = ['sh', '-c', 'touch ran'];
    const run = await made.run(['run', '--', ...touch]);
    expect(run.code).toBe(1);
    expect(run.stderr).toMatch(/will not come up:\n {2}busy: .*\[bind-in-use\]/);
    expect(readdirSync(made.stateDir)).toEqual([]);
    await made.run(['up', '-d']);
    expect((await made.run(['run', '--', ...touch])).code).toBe(1);
    expect((await made.run(['run', 'web', '--', ...touch])).code).toBe(0);
    expect(readdirSync(made.dir).sort()).toEqual(['ran', 'tunnels.yaml']);
  });

  it('an invalid file: 3', async () => {
    const made = background(each, { yaml: 'tunnels:\n  web: -L 8080:a:80 bastoin\nhosts:\n  bastion: {}\n' });
    const run = await made.run(['run', '--', 'true']);
    expect(run.code).toBe(3);
    expect(run.stderr).toContain('unknown host "bastoin"');
  });

  it('takes down only what it brought up', async () => {
    const made = project({ web: tunnel(), git: tunnel(), old: tunnel() });
    await made.run(['up', '-d', 'web', 'old']);
    await made.run(['stop', 'old']);
    const states = async (): Promise<unknown> => Object.fromEntries((await rows(made)).map(({ name, state }) => [name, state]));
    const run = await made.run(['run', 'git', 'web', 'old', '--', process.execPath, programFile(), 'ps', '--format', 'json']);
    expect(run.code).toBe(0);
    expect(run.stdout.match(/"state":"open"/g)).toHaveLength(3);
    expect(await states()).toEqual({ web: 'open', old: 'closed' });
  });

  /** `run` with a command that runs until its stdin ends, and is running. */
  async function running(made: Project, ...names: readonly string[]): Promise<Child> {
    const script = 'echo running; cat >/dev/null; exit 3';
    const child = startChild(process.execPath, [programFile(), 'run', ...names, '--', 'sh', '-c', script], {
      cwd: made.dir,
      env: made.env,
      stdin: 'pipe',
    });
    each.onEnd(() => child.stop('SIGKILL'));
    await until(() => child.stdout().includes('running'), { what: 'the command to run', ms: 10_000, detail: child.stderr });
    return child;
  }
  const states = async (made: Project): Promise<string> => (await rows(made)).map(({ name, state }) => `${name} ${state}`).join(', ');

  it('a run meanwhile joins the first one, and the tunnels are there until the last of them has ended', async () => {
    const made = project({ web: tunnel(), git: tunnel(), old: tunnel() });
    const first = await running(made, 'web', 'old');
    const port = await portOf(made, 'web');
    const second = await running(made, 'web', 'git');
    expect(holders(made)).toHaveLength(1);
    expect(await states(made)).toBe('web open, git open, old open');
    first.process.stdin?.end();
    expect(await first.exited).toMatchObject({ code: 3 });
    expect(await states(made)).toBe('web open, git open');
    await echoes(port);
    second.process.stdin?.end();
    expect(await second.exited).toMatchObject({ code: 3 });
    expect([first.stderr(), second.stderr()]).toEqual(['', '']);
    expect(readdirSync(made.stateDir)).toEqual([]);
  });

  it('killed, it leaves nothing either', async () => {
    const made = project({ web: tunnel() });
    const run = await running(made);
    const [holder = 0] = holders(made);
    process.kill(run.pid, 'SIGKILL');
    await until(() => !isAlive(holder) && readdirSync(made.stateDir).length === 0, { what: 'the project to be gone', ms: 10_000 });
  });

  it('killed before the command runs, it leaves nothing either', async () => {
    const made = project({ web: tunnel() });
    for (const afterMs of [100, 200, 300, 400]) {
      const child = startChild(process.execPath, [programFile(), 'run', '--', 'sleep', '60'], { cwd: made.dir, env: made.env });
      await sleep(afterMs);
      // It alone: what it started must notice by itself.
      process.kill(child.pid, 'SIGKILL');
      await child.exited;
    }
    // Sooner than a use that nobody holds would be given up.
    await until(() => readdirSync(made.stateDir).length === 0, { what: 'nothing to be left', ms: 8_000 });
    await sleep(1_000);
    expect(readdirSync(made.stateDir)).toEqual([]);
  });

  it('killed on a running project, what only it asked for goes', async () => {
    const made = project({ web: tunnel(), git: tunnel() });
    await made.run(['up', '-d', 'web']);
    const run = await running(made, 'git');
    expect(await states(made)).toBe('web open, git open');
    process.kill(run.pid, 'SIGKILL');
    await until(async () => (await states(made)) === 'web open', { what: 'git to be gone', ms: 10_000 });
  });

  it('up -d meanwhile keeps the project, and reloads it from then on', async () => {
    const made = project({ web: tunnel() });
    const run = await running(made);
    expect((await made.run(['up', '-d'])).stderr).toContain('has the project up: no changes');
    run.process.stdin?.end();
    expect(await run.exited).toMatchObject({ code: 3 });
    expect(await states(made)).toBe('web open');
    made.write({ name: 'shop', hosts: { bastion: hostEntry(bastion) }, tunnels: { web: tunnel(), git: tunnel() } });
    await until(async () => (await states(made)) === 'web open, git open', { what: 'the reload', ms: 10_000 });
  });

  it('down meanwhile takes the tunnels, and the command is let to end, and told', async () => {
    const made = project({ web: tunnel() });
    const run = await running(made);
    expect((await made.run(['down'])).code).toBe(0);
    expect(readdirSync(made.stateDir)).toEqual([]);
    run.process.stdin?.end();
    expect(await run.exited).toMatchObject({ code: 3 });
    expect(run.stderr()).toBe('the project went down while the command ran\n');
  });

  it('ten at once are ten successes, one process at a time, and nothing is left', { timeout: 60_000 }, async () => {
    const made = project({ web: tunnel({ egress: at(www) }) });
    const runs = await Promise.all(
      Array.from({ length: 10 }, () => made.run(['run', '--', process.execPath, '-e', PRINT], { ms: 50_000 })),
    );
    const waits = /^process \d+ is (taking the project down|just starting the project): waiting for it\n$/;
    expect(runs.filter(({ code, stderr }) => code !== 0 || (stderr !== '' && !waits.test(stderr)))).toEqual([]);
    expect(runs.filter(({ stdout }) => stdout.includes('hello'))).toHaveLength(10);
    expect(readdirSync(made.stateDir)).toEqual([]);
  });

  /** Says that it runs, and what comes of a signal. */
  const TRAP = `trap 'echo told; sleep 0.2; exit 5' TERM HUP; echo ready; while :; do sleep 0.05; done`;

  it.each(['SIGTERM', 'SIGHUP'] as const)('hands %s to the command and waits for it', async (signal) => {
    const made = project({ web: tunnel() });
    const run = startChild(process.execPath, [programFile(), 'run', '--', 'sh', '-c', TRAP], { cwd: made.dir, env: made.env });
    each.onEnd(() => run.stop('SIGKILL'));
    await until(() => run.stdout().includes('ready'), { what: 'the command to run', ms: 10_000, detail: run.stderr });
    process.kill(run.pid, signal);
    expect(await run.exited).toMatchObject({ code: 5 });
    expect(run.stdout()).toBe('ready\ntold\n');
    expect(readdirSync(made.stateDir)).toEqual([]);
  });

  it('B7, one shot: what came through it may end in peace, then it is gone', async () => {
    const port = await freePort();
    const made = project({ web: tunnel({ ingress: port, drain: '1m' }) });
    const run = startChild(process.execPath, [programFile(), 'run', '--', 'sleep', '1'], { cwd: made.dir, env: made.env });
    each.onEnd(() => run.stop('SIGKILL'));
    const socket = await until(() => dial(port).catch(() => null), { what: 'the tunnel', ms: 10_000, detail: run.stderr });
    each.onEnd(() => socket.destroy());
    const says = async (text: string): Promise<void> => {
      const back = new Promise<string>((resolve) => socket.once('data', (data) => resolve(data.toString())));
      socket.write(text);
      expect(await back).toBe(text);
    };
    await says('during');
    await sleep(1_500);
    expect(run.hasExited()).toBe(false);
    await expect(dial(port)).rejects.toThrow();
    await says('after');
    socket.end();
    expect(await run.exited).toMatchObject({ code: 0 });
    expect(readdirSync(made.stateDir)).toEqual([]);
  });
});
