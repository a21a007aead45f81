/** The commands that ask a running project, against a played one: what they ask, print and end with. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { failure } from '../../../src/core/failure.ts';
import { until } from '../../helpers/wait.ts';
import { RunningScene } from '../running-scene.ts';

let scene: RunningScene;
beforeEach(() => {
  scene = new RunningScene();
});
afterEach(() => scene.end());

const refused = { code: 'refused', message: 'connection refused by bastion:22', hint: 'is sshd running there?' };

describe('where nothing runs', () => {
  it.each([['ps'], ['logs'], ['events'], ['port', 'web'], ['env'], ['wait'], ['stop'], ['start'], ['restart'], ['reload']])(
    '%s: 1, and what to do',
    async (...argv) => {
      expect(await scene.run(argv)).toEqual({ code: 1, out: '', err: 'tunnels: shop/tunnels.yaml is not up: tunnels up -d\n' });
    },
  );

  it('down: nothing to do', async () => {
    expect(await scene.run(['down'])).toEqual({ code: 0, out: '', err: 'shop/tunnels.yaml is not up: nothing to do\n' });
  });

  it('ls: no row', async () => {
    expect(await scene.run(['ls', '--format', 'json'])).toEqual({ code: 0, out: '', err: '' });
  });
});

it.each([['ps'], ['wait'], ['logs']])('%s waits for a project that is just starting', async (...argv) => {
  await scene.up({}, { applied: false });
  let isOver = false;
  const ran = scene.run(argv).finally(() => {
    isOver = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 150));
  expect(isOver).toBe(false);
  await scene.begin();
  expect((await ran).code).toBe(0);
});

describe('ps', () => {
  it('has a row a tunnel on stdout, and what is wrong on stderr', async () => {
    await scene.up();
    scene.runner.set('git', { state: 'reconnecting', error: refused });
    const { code, out, err } = await scene.run(['ps']);
    expect(code).toBe(0);
    expect(out.split('\n').map((line) => line.split(/ {2,}/).slice(0, 2))).toEqual([
      ['NAME', 'STATE'],
      ['web', 'open'],
      ['git', 'reconnecting'],
      [''],
    ]);
    expect(err).toBe('git: connection refused by bastion:22 [refused]\n  → is sshd running there?\n');
    expect((await scene.run(['ps', '--progress', 'quiet'])).err).toBe('');
  });

  it.each<[readonly string[], string]>([
    [['-q'], 'web\ngit\n'],
    [['-q', 'git'], 'git\n'],
    [['-q', '--status', 'open'], 'web\n'],
    [['-q', '--status', 'open', '--status', 'failed'], 'web\ngit\n'],
    [['-q', '--status', 'idle'], ''],
  ])('ps %j prints %j', async (words, text) => {
    await scene.up();
    scene.runner.set('git', { state: 'failed' });
    expect((await scene.run(['ps', ...words])).out).toBe(text);
  });

  it('fits the terminal', async () => {
    await scene.up();
    const io = scene.io({ isTTY: true, env: { NO_COLOR: '1' } });
    Object.assign(io.stdout, { columns: 40 });
    const { out } = await scene.run(['ps'], io);
    expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(40);
  });
});

describe('a name that is not there', () => {
  it.each([
    ['ps', 'wbe'],
    ['stop', 'wbe'],
    ['start', 'wbe'],
    ['restart', 'wbe'],
    ['wait', 'wbe'],
    ['logs', 'wbe'],
    ['env', 'wbe'],
    ['port', 'wbe'],
  ])('%s %s: 2, before anything is done', async (...argv) => {
    await scene.up();
    expect(await scene.run(argv)).toEqual({ code: 2, out: '', err: 'tunnels: no tunnel "wbe" is up, did you mean "web"?\n' });
    expect(scene.runner.calls).toEqual([]);
  });

  it('says what is up where nothing is near', async () => {
    await scene.up();
    expect((await scene.run(['ps', 'something-else'])).err).toBe('tunnels: no tunnel "something-else" is up\n(up are web, git)\n');
  });
});

describe('lifecycle', () => {
  it.each<[readonly string[], readonly string[], string]>([
    [['stop'], ['stopTunnels web git null'], '2 tunnels stopped; tunnels start opens again\n'],
    [['stop', '-t', '1.5', 'web'], ['stopTunnels web 1500'], 'web stopped; tunnels start opens again\n'],
    [['start', 'web'], ['startTunnels web'], 'web started\n'],
    [['restart', '-t', '0', 'git'], ['stopTunnels git 0', 'startTunnels git'], 'git restarted\n'],
    [['reload'], ['apply'], 'reloaded: no changes\n'],
  ])('%j calls %j', async (argv, calls, err) => {
    await scene.up();
    expect(await scene.run(argv)).toEqual({ code: 0, out: '', err });
    expect(scene.runner.calls).toEqual(calls);
  });

  it('a signal leaves a stop that drains to itself', async () => {
    await scene.up();
    let finish = (): void => undefined;
    scene.runner.draining = new Promise((resolve) => (finish = resolve));
    const io = scene.io();
    const ran = scene.run(['stop', 'web'], io);
    await until(() => scene.runner.calls.length > 0, { what: 'the call' });
    io.signal('SIGINT');
    expect(await ran).toMatchObject({ code: 130, err: 'it goes on without this command\n' });
    finish();
  });

  it('reload tells what is wrong, and ends with 3', async () => {
    await scene.up();
    const at = { line: 1, column: 1 };
    const diagnostic = {
      code: 'schema',
      severity: 'error',
      message: 'no such key',
      hint: null,
      range: { file: 'tunnels.yaml', start: at, end: at },
    } as const;
    scene.runner.failure = { diagnostics: [diagnostic], watch: [], sources: new Map([['tunnels.yaml', 'tunels: {}']]) };
    const { code, err } = await scene.run(['reload']);
    expect(code).toBe(3);
    expect(err).toBe(
      'tunnels.yaml:1:1 no such key\n1 | tunels: {}\n  | ^\n1 problem in tunnels.yaml\nthe configuration is not valid: nothing was changed\n',
    );
  });
});

describe('wait', () => {
  it('ends with 0 when all are open', async () => {
    await scene.up();
    expect(await scene.run(['wait'])).toEqual({ code: 0, out: '', err: '' });
  });

  it('until one with a healthcheck is healthy', async () => {
    await scene.up();
    scene.runner.set('web', { health: 'starting' });
    const ran = scene.run(['wait', 'web']);
    await new Promise((resolve) => setTimeout(resolve, 100));
    scene.runner.set('web', { health: 'healthy' });
    expect(await ran).toMatchObject({ code: 0 });
  });

  it('says for what it waited in vain', async () => {
    await scene.up();
    scene.runner.set('web', { state: 'reconnecting', error: refused });
    expect(await scene.run(['wait', '--timeout', '0.1'])).toEqual({
      code: 1,
      out: '',
      err: 'not up after 0.1s:\n  web: connection refused by bastion:22 [refused]\n    → is sshd running there?\n',
    });
  });
});

describe('logs and events', () => {
  it('print what has happened, and -f what happens then', async () => {
    await scene.up();
    scene.runner.warn('web', 'the first');
    const io = scene.io();
    const ran = scene.run(['logs', '-f', '-n', '1', 'web'], io);
    await until(() => io.stdout.text.includes('the first'), { what: 'the past' });
    scene.runner.warn('git', 'not asked for');
    scene.runner.warn('web', 'the second');
    await until(() => io.stdout.text.includes('the second'), { what: 'the present' });
    io.signal('SIGINT');
    expect((await ran).code).toBe(130);
    expect(io.stdout.text).toMatch(/^web +\| \d\d:\d\d:\d\d warning: the first\nweb +\| \d\d:\d\d:\d\d warning: the second\n$/);
    expect(io.listening).toBe(0);
  });

  it('explain a failure under its line, and tell of another day', async () => {
    await scene.up();
    const told = failure({ code: 'target-refused', message: 'web:80 refused', hint: 'start it' });
    scene.runner.emit(
      { kind: 'tunnel', name: 'web' },
      { type: 'connection-failed', from: 'a', target: 'web:80', failure: told },
      Date.parse('2020-01-02T03:04:05'),
    );
    const { out } = await scene.run(['logs', 'web']);
    expect(out).toBe(`web  | 2020-01-02 03:04:05 a → web:80: web:80 refused [target-refused]\nweb  |                     → start it\n`);
  });

  it.each<[readonly string[], boolean]>([
    [['logs'], false],
    [['-v', 'logs'], true],
    [['events'], true],
  ])('%j shows debug: %s', async (argv, shown) => {
    await scene.up();
    scene.runner.debug('web', 'kex');
    expect((await scene.run(argv)).out.includes('debug1: kex')).toBe(shown);
  });

  it('events --json are as they were published', async () => {
    await scene.up();
    scene.runner.warn('web', 'careful');
    const { out } = await scene.run(['events', '--json', 'web']);
    expect(JSON.parse(out)).toMatchObject({ seq: 1, type: 'warning', message: 'careful', subject: { kind: 'tunnel', name: 'web' } });
  });
});

describe('run', () => {
  it('gives the command the exports beside the environment, and its exit code', async () => {
    await scene.up();
    const io = scene.io({ env: { MINE: '1' } });
    io.command = async () => 7;
    expect(await scene.run(['run', '--', 'cmd', '--flag', '--', 'x'], io)).toEqual({ code: 7, out: '', err: '' });
    expect(io.commands).toMatchObject([
      { argv: ['cmd', '--flag', '--', 'x'], env: { MINE: '1', TUNNEL_WEB_PORT: '8080', TUNNEL_GIT_PORT: '8080' } },
    ]);
    expect(scene.runner.calls).toEqual([]);
  });

  it('starts what is stopped, and stops it again', async () => {
    await scene.up();
    scene.runner.set('git', { state: 'closed' });
    const io = scene.io();
    expect((await scene.run(['run', '-t', '2', 'git', '--', 'cmd'], io)).code).toBe(0);
    expect(scene.runner.calls).toEqual(['startTunnels git', 'stopTunnels git 2000']);
    expect(io.commands[0]?.env).not.toHaveProperty('TUNNEL_WEB_PORT');
  });

  it('runs nothing where they do not come up', async () => {
    await scene.up();
    scene.runner.set('git', { state: 'failed', error: refused });
    const io = scene.io();
    expect(await scene.run(['run', '--', 'cmd'], io)).toMatchObject({
      code: 1,
      err: expect.stringContaining('will not come up:\n  git: ') as string,
    });
    expect(io.commands).toEqual([]);
  });

  it('brings up what is not, and closes it after the command', async () => {
    const io = scene.io();
    const ran = scene.run(['run', '-t', '3', '--', 'cmd'], io);
    expect((await ran).code).toBe(0);
    expect(io.commands).toMatchObject([{ argv: ['cmd'], env: { TUNNEL_GIT_PORT: '8080' } }]);
    expect(io.served).toMatchObject([{ mode: 'foreground' }]);
    expect(io.runner.stops).toEqual([3000]);
    expect(io.listening).toBe(0);
  });
});
