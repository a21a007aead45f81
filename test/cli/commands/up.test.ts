import { describe, expect, it } from 'vitest';
import { cli } from '../../../src/cli/cli.ts';
import { failure } from '../../../src/core/failure.ts';
import { until } from '../../helpers/wait.ts';
import { FakeIo, tunnelView, withResolvers } from '../fake-runner.ts';

const start = (io: FakeIo, ...argv: readonly string[]): Promise<number> => cli(['up', ...argv], io, '1.2.3');
/** Until `up` waits for the project to come up, or to be stopped. */
const begun = (io: FakeIo): Promise<unknown> => until(() => io.runner.graph !== null && io.listening > 0, { what: 'up to have applied' });
const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('up without a terminal', () => {
  it('prints a line a state, a table, and drains on SIGINT', async () => {
    const io = new FakeIo();
    const code = start(io);
    await begun(io);
    await tick();
    io.runner.host('bastion', { to: 'connecting' });
    io.runner.tunnel('git', { to: 'waiting', waitingOn: ['git-inner'] });
    io.runner.host('bastion', { to: 'connected', tookMs: 310 });
    io.runner.tunnel('git', { to: 'open', ingress: '127.0.0.1:7999', tookMs: 20 });
    io.runner.settle('open');
    await until(() => io.stderr.text.includes('Ctrl-C closes'), { what: 'the summary' });
    io.runner.tunnels = [tunnelView('git', { connections: 2 })];
    io.signal('SIGINT');
    expect(await code).toBe(130);
    expect(io.stdout.text).toBe('');
    expect(io.stderr.text.replace(/^\d\d:\d\d:\d\d/gm, 'TIME')).toBe(`TIME  host bastion      connecting
TIME  git               waiting for git-inner
TIME  host bastion      connected · 0.31s
TIME  git               open 127.0.0.1:7999 · 0.02s

NAME       INGRESS            EGRESS  HOST     STATE
git        127.0.0.1:8080  →  web:80  bastion  open
git-inner  127.0.0.1:8080  →  web:80  bastion  open

2 tunnels are open; Ctrl-C closes
draining 2 open connections, up to 10s; Ctrl-C again closes at once
TIME  test              stopped
`);
    expect(io.runner.stops).toEqual([null]);
    expect(io.listening).toBe(0);
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 0],
    ['SIGHUP', 0],
  ] as const)('%s drains and ends with %d', async (signal, expected) => {
    const io = new FakeIo();
    const code = start(io);
    await begun(io);
    io.runner.settle('open');
    await tick();
    io.signal(signal);
    expect(await code).toBe(expected);
  });

  it.each([['SIGINT'], ['SIGTERM']] as const)('a second signal after %s closes at once and ends with 130', async (signal) => {
    const io = new FakeIo();
    io.runner.held = withResolvers();
    const code = start(io);
    await begun(io);
    io.runner.settle('open');
    await tick();
    io.signal(signal);
    await tick();
    io.signal(signal);
    expect(await code).toBe(130);
    expect(io.runner.stops).toEqual([null, 0]);
  });

  it('a signal while it still comes up stops it too', async () => {
    const io = new FakeIo();
    const code = start(io);
    await begun(io);
    io.signal('SIGINT');
    expect(await code).toBe(130);
    expect(io.stderr.text).not.toContain('NAME');
  });

  it('-t sets how long draining may take', async () => {
    const io = new FakeIo();
    io.runner.tunnels = [tunnelView('git', { connections: 1 })];
    const code = start(io, '-t', '1.5');
    await begun(io);
    io.runner.settle('open');
    await tick();
    io.signal('SIGTERM');
    expect(await code).toBe(0);
    expect(io.runner.stops).toEqual([1500]);
    expect(io.stderr.text).toContain('draining 1 open connection, up to 1500ms');
  });

  it.each([
    [[], true],
    [['--no-watch'], false],
  ])('up %j watches: %s', async (argv, watching) => {
    const io = new FakeIo();
    const code = start(io, ...argv);
    await begun(io);
    await tick();
    expect(io.runner.watching).toBe(watching);
    io.signal('SIGTERM');
    await code;
  });

  it('passes names, --no-deps and -v on', async () => {
    const io = new FakeIo();
    const code = start(io, 'git', '--no-deps', '-vv');
    await begun(io);
    expect(io.made).toMatchObject([{ names: ['git'], noDeps: true, verbosity: 2, load: { names: ['git'] } }]);
    io.signal('SIGTERM');
    await code;
  });
});

describe('when something fails', () => {
  const rejected = failure({ code: 'auth-rejected', message: 'no key was accepted', hint: 'add one' });

  it('ends with 1 when every tunnel failed and none can get further', async () => {
    const io = new FakeIo();
    io.runner.tunnels = [tunnelView('git', { state: 'waiting' })];
    io.runner.hosts = [
      {
        name: 'bastion',
        host: 'bastion',
        address: 'bastion:22',
        state: 'failed',
        via: null,
        connections: 0,
        connections_wanted: 1,
        waiting_on: [],
        rtt_ms: null,
        since: '',
        restarts: 0,
        error: { code: 'auth-rejected', message: 'no', hint: null },
      },
    ];
    const code = start(io);
    await begun(io);
    await tick();
    io.runner.host('bastion', { to: 'failed', failure: rejected });
    io.runner.settle('failed');
    expect(await code).toBe(1);
    expect(io.stderr.text).toContain('failed: no key was accepted [auth-rejected]');
    expect(io.stderr.text).toContain('→ add one');
    expect(io.stderr.text).toContain('no tunnel is open: bastion failed, and only you can change that');
    expect(io.runner.stops).toEqual([0]);
  });

  it.each([
    ['--no-watch', 'ends with 1', 1],
    ['--watch', 'stays, as a reload may mend it', 130],
  ] as const)('%s: %s when later everything fails', async (flag, _, expected) => {
    const io = new FakeIo();
    const code = flag === '--watch' ? start(io) : start(io, flag);
    await begun(io);
    io.runner.settle('open');
    await until(() => io.stderr.text.includes('Ctrl-C closes'), { what: 'the summary' });
    io.runner.unsettle();
    io.runner.tunnels = [tunnelView('git', { state: 'failed' })];
    io.runner.tunnel('git', { to: 'failed', failure: rejected });
    await tick();
    expect(io.stderr.text).not.toContain('no tunnel is open any more');
    io.runner.settle('failed');
    await until(() => io.stderr.text.includes('no tunnel is open any more: git failed'), { what: 'the message' });
    if (expected === 130) io.signal('SIGINT');
    expect(await code).toBe(expected);
  });

  it('stays with those that work, and says which do not', async () => {
    const io = new FakeIo();
    io.runner.tunnels = [tunnelView('a'), tunnelView('b'), tunnelView('c', { state: 'failed' })];
    const code = start(io);
    await begun(io);
    io.runner.settle('failed');
    await until(() => io.stderr.text.includes('2 of 3 tunnels are open; not open: c; fix it and save the file'), { what: 'the count' });
    io.signal('SIGINT');
    expect(await code).toBe(130);
  });
});

describe('reloads', () => {
  it('shows the plan of one, and the problems of a rejected one', async () => {
    const io = new FakeIo();
    const code = start(io);
    await begun(io);
    io.runner.settle('open');
    await until(() => io.stderr.text.includes('Ctrl-C closes'), { what: 'the summary' });
    const project = { kind: 'project', name: 'test' } as const;
    io.runner.emit(project, { type: 'applied', plan: '+ tunnel new\n- tunnel old', changes: 2 });
    const range = { file: 'gone.yaml', start: { line: 3, column: 1 }, end: { line: 3, column: 2 } };
    io.runner.emit(project, {
      type: 'rejected',
      diagnostics: [{ code: 'schema', severity: 'error', message: 'no such key', hint: null, range }],
    });
    io.signal('SIGINT');
    await code;
    expect(io.stderr.text).toMatch(/test +reloaded: 2 changes\n +\+ tunnel new\n +- tunnel old\n/);
    expect(io.stderr.text).toMatch(/gone\.yaml:3:1 no such key\n1 problem in gone\.yaml\n.*nothing was changed/);
  });
});

describe('forms of progress', () => {
  const session = async (...argv: readonly string[]): Promise<FakeIo> => {
    const io = new FakeIo();
    const code = start(io, ...argv);
    await begun(io);
    await tick();
    io.runner.host('bastion', { to: 'connected', tookMs: 1 });
    io.runner.emit({ kind: 'host', name: 'bastion' }, { type: 'debug', level: 2, message: 'kex' });
    io.runner.tunnel('git', { to: 'failed', failure: failure({ code: 'bind-denied', message: 'port 80 is privileged' }) });
    io.runner.settle('open');
    await tick();
    io.signal('SIGTERM');
    expect(await code).toBe(0);
    return io;
  };

  it('json: one event a line and nothing else', async () => {
    const io = await session('--progress', 'json');
    const events = io.stderr.text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string });
    expect(events.map((event) => event.type)).toEqual(['host-state', 'debug', 'tunnel-state', 'stopped']);
  });

  it('quiet: errors only', async () => {
    const io = await session('--progress', 'quiet');
    expect(io.stderr.text).toMatch(/^\d\d:\d\d:\d\d {2}git +failed: port 80 is privileged \[bind-denied\]\n$/);
  });

  it.each([
    ['-v', false],
    ['-vv', true],
  ])('%s shows debug lines of level 2: %s', async (flag, shown) => {
    const io = await session(flag);
    expect(io.stderr.text.includes('debug2: kex')).toBe(shown);
  });
});
