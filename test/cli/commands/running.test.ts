/** The commands that ask a running project, against a played one: what they ask, print and end with. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { failure } from '../../../src/core/failure.ts';
import { connectProject } from '../../../src/daemon/find-project.ts';
import { hostSpec, project, tunnelSpec } from '../../helpers/spec.ts';
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

  it('says what one waits for that knows of no failure; the fields of its JSON stay', async () => {
    await scene.up();
    scene.runner.set('git', { state: 'reconnecting', waiting_on: ['tunnel git-inner'] });
    expect((await scene.run(['ps'])).err).toBe('git: reconnecting, waiting for tunnel git-inner\n');
    expect((await scene.run(['ps', '--format', 'json'])).out).not.toContain('waiting_on');
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

describe('-p finds a project that is up by its name', () => {
  const elsewhere = () => scene.io({ cwd: scene.dir });

  it('from anywhere', async () => {
    await scene.up();
    expect(await scene.run(['-p', 'test', 'ps', '-q'], elsewhere())).toEqual({ code: 0, out: 'web\ngit\n', err: '' });
    expect(await scene.run(['-p', 'test', 'port', 'web'], elsewhere())).toMatchObject({ code: 0 });
  });

  it('and no other, though that is near', async () => {
    await scene.up();
    expect(await scene.run(['-p', 'other', 'ps'])).toEqual({
      code: 1,
      out: '',
      err: 'tunnels: project "other" is not up: tunnels ls shows what is\n',
    });
    expect(await scene.run(['-p', 'other', 'down'])).toEqual({ code: 0, out: '', err: 'project "other" is not up: nothing to do\n' });
    expect(await scene.run(['-p', 'other', '-f', 'tunnels.yaml', 'ps', '-q'])).toMatchObject({ code: 0, out: 'web\ngit\n' });
  });
});

describe('a range', () => {
  it.each<[readonly string[], string]>([
    [['ps', '-q', 'ports'], 'ports-9000\nports-9001\n'],
    [['ps', '-q', 'ports-9001', 'web'], 'web\nports-9001\n'],
    [['env', '--format', 'json', 'ports'], '{\n  "TUNNEL_PORTS_9000_PORT": "8080"'],
  ])('%j is all that was made of it', async (argv, out) => {
    const ranges = ['web', 'ports-9000', 'ports-9001'].map((name) => tunnelSpec(name));
    scene.runner.project = project([hostSpec('bastion')], ranges);
    await scene.up();
    const ran = await scene.run(argv);
    expect(ran).toMatchObject({ code: 0, err: '' });
    expect(ran.out.startsWith(out)).toBe(true);
    expect(await scene.run(['port', 'ports'])).toEqual({
      code: 2,
      out: '',
      err: 'tunnels: "ports" is a range, one tunnel a port\n(name one of ports-9000, ports-9001)\n',
    });
    await scene.run(['stop', '-t', '0', 'ports']);
    expect(scene.runner.calls).toEqual(['stopTunnels ports-9000 ports-9001 0']);
  });
});

describe('lifecycle', () => {
  it.each<[readonly string[], readonly string[], string]>([
    [['stop'], ['stopTunnels web git null'], '2 tunnels stopped; tunnels start opens them again\n'],
    [['stop', '-t', '1.5', 'web'], ['stopTunnels web 1500'], 'web stopped; tunnels start web opens it again\n'],
    [['start', 'web'], ['startTunnels web'], 'web started\n'],
    [['restart', '-t', '0', 'git'], ['stopTunnels git 0', 'startTunnels git'], 'git restarted\n'],
    [['reload'], ['apply'], 'reloaded: no changes\n'],
  ])('%j calls %j', async (argv, calls, err) => {
    await scene.up();
    expect(await scene.run(argv)).toEqual({ code: 0, out: '', err });
    expect(scene.runner.calls).toEqual(calls);
  });

  const rejected = { ...refused, code: 'auth-rejected' };
  it.each<[string, 'failed' | 'waiting', typeof refused, number, string]>([
    ['needs the user', 'failed', refused, 1, ''],
    ['waits for a host that does', 'waiting', rejected, 1, ''],
    ['may still come up', 'waiting', refused, 0, 'it goes on trying; tunnels logs -f follows it\n'],
  ])('start of one that %s says why it is not open', async (_, state, error, code, next) => {
    await scene.up();
    scene.runner.startTunnels = () => scene.runner.set('git', { state, error });
    expect(await scene.run(['start', 'git'])).toEqual({
      code,
      out: '',
      err: `not open:\n  git: connection refused by bastion:22 [${error.code}]\n    → is sshd running there?\n${next}`,
    });
    expect((await scene.run(['start', 'web'])).err).toBe('web started\n');
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

describe('--dry-run says what would be done, and does nothing', () => {
  it.each<[readonly string[], string]>([
    [['down'], '- tunnel git\n- tunnel web\n- host bastion\n'],
    [['down', '-t', '0'], '- tunnel git\n- tunnel web\n- host bastion\n'],
    [['stop'], '- tunnel web\n'],
    [['stop', 'git'], 'no changes\n'],
    [['start'], '+ tunnel git\n'],
    [['restart', 'web'], '~ tunnel web\n'],
    [['reload'], 'no changes\n'],
    [['run', 'git', '--', 'cmd', '--flag', "it's"], `+ tunnel git  stopped\nthen cmd --flag 'it'\\''s'\n`],
    [['up', '-d'], '+ tunnel git  stopped\n'],
  ])('%j', async (argv, out) => {
    await scene.up();
    scene.runner.set('git', { state: 'closed' });
    const io = scene.io();
    expect(await scene.run(['--dry-run', ...argv], io)).toEqual({ code: 0, out, err: '' });
    expect({ calls: scene.runner.calls, commands: io.commands }).toEqual({ calls: [], commands: [] });
  });

  it('and what is wrong with the file', async () => {
    await scene.up();
    scene.runner.failure = { diagnostics: [], watch: [], sources: new Map() };
    expect(await scene.run(['reload', '--dry-run'])).toMatchObject({ code: 3, out: '' });
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

  it.each([['logs'], ['events']])('%s -f says so when the process ends without a word, and fails', async (command) => {
    await scene.up();
    const io = scene.io();
    const ran = scene.run([command, '-f', 'web'], io);
    scene.runner.warn('web', 'the last');
    await until(() => io.stdout.text.includes('the last'), { what: 'the present' });
    await scene.end();
    expect(await ran).toMatchObject({ code: 1, err: expect.stringMatching(/^tunnels: process \d+ ended without taking the project down/) });
    scene = new RunningScene();
  });

  it('logs -n counts what it shows, and -f goes on behind it', async () => {
    await scene.up();
    scene.runner.warn('web', 'the first');
    scene.runner.warn('web', 'the second');
    // Of these nothing is shown.
    const other = { type: 'applied', plan: '- tunnel git', changes: 1 } as const;
    for (let count = 0; count < 30; count += 1) scene.runner.emit({ kind: 'project', name: 'shop' }, other);
    expect((await scene.run(['logs', '-n', '1', 'web'])).out).toMatch(/^[^\n]*the second\n$/);
    const io = scene.io();
    const ran = scene.run(['logs', '-f', '-n', '2', 'web'], io);
    await until(() => io.stdout.text.includes('the second'), { what: 'the past' });
    scene.runner.warn('web', 'the third');
    await until(() => io.stdout.text.includes('the third'), { what: 'the present' });
    io.signal('SIGINT');
    expect((await ran).code).toBe(130);
    expect(io.stdout.text.match(/the \w+/g)).toEqual(['the first', 'the second', 'the third']);
    expect((await scene.run(['logs', '-n', '100', 'web'])).out.match(/the \w+/g)).toEqual(['the first', 'the second', 'the third']);
  });

  it('logs NAME tells of what was applied only what is about NAME', async () => {
    await scene.up();
    const apply = (plan: string): void =>
      scene.runner.emit({ kind: 'project', name: 'shop' }, { type: 'applied', plan, changes: plan.split('\n').length });
    apply('+ host web\n+ tunnel web\n+ tunnel web-2\n+ tunnel git');
    apply('~ tunnel web: egress a:1 → b:2 (retarget)\n~ tunnel git: egress a:1 → b:2 (retarget)');
    apply('- tunnel git');
    const texts = (await scene.run(['logs', 'web'])).out.split('\n').map((line) => line.replace(/^shop +\| (\d\d:\d\d:\d\d)? */, ''));
    expect(texts).toEqual([
      'applied: 2 changes',
      '+ host web',
      '+ tunnel web',
      'applied: 1 change',
      '~ tunnel web: egress a:1 → b:2 (retarget)',
      '',
    ]);
    expect((await scene.run(['logs'])).out).toContain('applied: 4 changes');
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
    expect(scene.runner.calls).toEqual(['lend', 'release 1 null']);
  });

  it('borrows what is named for as long as the command runs, and gives it no exports of others', async () => {
    await scene.up();
    const io = scene.io();
    io.command = async () => {
      expect(scene.runner.calls).toEqual(['lend git']);
      return 0;
    };
    expect((await scene.run(['run', '-t', '2', 'git', '--', 'cmd'], io)).code).toBe(0);
    expect(scene.runner.calls).toEqual(['lend git', 'release 1 2000']);
    expect(io.commands[0]?.env).not.toHaveProperty('TUNNEL_WEB_PORT');
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s while it waits: %i, the command does not run, and what was borrowed is given back', async (signal, code) => {
    await scene.up();
    scene.runner.set('git', { state: 'opening' });
    const io = scene.io();
    const ran = scene.run(['run', '--', 'cmd'], io);
    await until(() => scene.runner.calls.length > 0 && scene.runner.listening > 1, { what: 'it to wait' });
    io.signal(signal);
    expect(await ran).toMatchObject({ code });
    expect(io.commands).toEqual([]);
    expect(scene.runner.calls).toEqual(['lend', 'release 1 0']);
    expect(io.listening).toBe(0);
  });

  it('says what it drains after the command, and a signal hurries it', async () => {
    await scene.up();
    scene.runner.set('git', { connections: 2 });
    scene.runner.draining = new Promise((resolve) => (scene.runner.hurried = resolve));
    const io = scene.io();
    const ran = scene.run(['run', '--', 'cmd'], io);
    await until(() => io.stderr.text.includes('draining; 2 connections of the project open, Ctrl-C closes at once'), { what: 'the drain' });
    io.signal('SIGINT');
    expect((await ran).code).toBe(0);
    expect(scene.runner.calls).toEqual(['lend', 'release 1 null', 'release 1 0']);
  });

  it('waits for no news where there is none', async () => {
    await scene.up();
    scene.runner.warn('web', 'long ago');
    await new Promise((resolve) => setTimeout(resolve, 20));
    const began = performance.now();
    expect(await scene.run(['run', '--', 'cmd'])).toMatchObject({ code: 0 });
    // It would have waited for five seconds.
    expect(performance.now() - began).toBeLessThan(4_000);
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

  it('brings up what is not, for itself alone, and takes it down after the command', async () => {
    const io = scene.io();
    io.ensure = async ({ request }) => {
      await scene.up(request.use === undefined ? {} : { use: request.use });
      const client = await connectProject(request);
      const outcome = { applied: true, plan: { steps: [] }, diagnostics: [], sources: {} } as const;
      return { how: 'started', client, started: { type: 'ready', pid: 1, outcome, detach: () => undefined } };
    };
    void scene.takenDown().then(() => scene.end());
    expect((await scene.run(['--profile', 'dev', 'run', '-t', '3', 'git', '--', 'cmd'], io)).code).toBe(0);
    expect(io.ensured[0]?.request).toMatchObject({ names: ['git'], watch: false, load: { profiles: ['dev'] } });
    expect(io.commands).toMatchObject([{ argv: ['cmd'], env: { TUNNEL_GIT_PORT: '8080' } }]);
    expect(scene.runner.calls).toEqual(['stop 3000']);
    expect(io.listening).toBe(0);
    scene = new RunningScene();
  });
});
