/** For programs that use the tunnels: port, env and run. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { background, holders, portOf, rows } from '../helpers/background.ts';
import { runChild, startChild, type Child } from '../helpers/child.ts';
import { freePort } from '../helpers/free-port.ts';
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
    expect(busy.stderr).toMatch(/^tunnels: it listens nowhere yet: busy: .* is in use by node .*\[bind-in-use\]/);
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
    expect(await states()).toEqual({ web: 'open', git: 'closed', old: 'closed' });
  });

  it('a run meanwhile joins the first one', async () => {
    const made = project({ web: tunnel() });
    const first = startChild(process.execPath, [programFile(), 'run', '--', 'cat'], { cwd: made.dir, env: made.env, stdin: 'pipe' });
    each.onEnd(() => first.stop('SIGKILL'));
    await until(async () => (await made.run(['ps'])).code === 0 && (await rows(made))[0]?.state === 'open', {
      what: 'the first to be up',
      ms: 10_000,
    });
    expect((await made.run(['run', '--', 'true'])).code).toBe(0);
    expect(holders(made)).toEqual([first.pid]);
    expect((await rows(made))[0]?.pid).toBe(first.pid);
    first.process.stdin?.end('its input');
    expect(await first.exited).toMatchObject({ code: 0 });
    expect(first.stdout()).toBe('its input');
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

  it('on a terminal a Ctrl-C reaches the command once, and the command has the terminal', async () => {
    const made = project({ web: tunnel() });
    const log = join(made.home, 'signals');
    const inner = join(made.home, 'inner.sh');
    made.write(
      `trap 'echo INT >> ${log}' INT\ntest -t 0 && echo on-a-terminal\necho ready\nread line\necho "read $line"\nsleep 0.3\nexit 9\n`,
      '../home/inner.sh',
    );
    const command = `exec ${process.execPath} ${programFile()} run -- sh ${inner}`;
    const run: Child = startChild('script', ['-qec', command, '/dev/null'], {
      cwd: made.dir,
      env: { ...made.env, TERM: 'xterm' },
      stdin: 'pipe',
    });
    each.onEnd(() => run.stop('SIGKILL'));
    await until(() => run.stdout().includes('ready'), { what: 'the command to run', ms: 10_000, detail: run.stdout });
    expect(run.stdout()).toContain('on-a-terminal');
    run.process.stdin?.write('\u0003');
    await until(() => readFileSync(log, 'utf8') === 'INT\n', { what: 'the signal' }).catch(() => undefined);
    await sleep(300);
    run.process.stdin?.write('some words\n');
    expect(await run.exited).toMatchObject({ code: 9 });
    expect(readFileSync(log, 'utf8')).toBe('INT\n');
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
