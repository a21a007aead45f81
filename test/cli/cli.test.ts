import { describe, expect, it } from 'vitest';
import { cli } from '../../src/cli/cli.ts';
import { FakeIo } from './fake-runner.ts';

const run = async (argv: readonly string[], io = new FakeIo()): Promise<{ code: number; io: FakeIo; out: string; err: string }> => {
  const code = await cli(argv, io, '1.2.3');
  return { code, io, out: io.stdout.text, err: io.stderr.text };
};

describe('global flags', () => {
  it.each([
    ['before the command', ['-f', 'a.yaml', '--profile', 'x', '-p', 'shop', '--env-file', 'e', 'graph']],
    ['after the command', ['graph', '-f', 'a.yaml', '--profile', 'x', '-p', 'shop', '--env-file', 'e']],
    ['on both sides', ['-f', 'a.yaml', '-p', 'other', 'graph', '--profile=x', '-p', 'shop', '--env-file=e']],
  ])('%s', async (_, argv) => {
    const { code, io } = await run(argv);
    expect(code).toBe(0);
    expect(io.loads).toMatchObject([{ cwd: '/p', files: ['a.yaml'], profiles: ['x'], projectName: 'shop', envFiles: ['e'] }]);
  });

  it('joins the lists of both sides, in order', async () => {
    const { io } = await run(['-f', 'a.yaml', 'graph', '-f', 'b.yaml', '--profile', 'x,y']);
    expect(io.loads[0]).toMatchObject({ files: ['a.yaml', 'b.yaml'], profiles: ['x', 'y'] });
  });

  it('reads stdin for -f -', async () => {
    const { io } = await run(['graph', '-f', '-'], new FakeIo({ stdin: 'tunnels: {}' }));
    expect(io.loads[0]).toMatchObject({ files: ['-'], stdin: 'tunnels: {}' });
  });

  it('leaves TUNNELS_FILE and TUNNELS_PROFILES to loading', async () => {
    const { io } = await run(['graph'], new FakeIo({ env: { TUNNELS_FILE: 'x.yaml' } }));
    expect(io.loads[0]).toMatchObject({ files: [], profiles: [], env: { TUNNELS_FILE: 'x.yaml' } });
  });
});

describe('a command line that means nothing ends with 2', () => {
  it.each<[readonly string[], RegExp]>([
    [['grahp'], /unknown command 'grahp'\n\(Did you mean graph\?\)/],
    [['graph', '--formt', 'dot'], /unknown option '--formt'\n\(Did you mean --format\?\)/],
    [['--fil', 'a', 'graph'], /unknown option '--fil'\n\(Did you mean --file\?\)/],
    [['graph', '--format', 'png'], /Allowed choices are ascii, mermaid, dot, svg, json/],
    [['graph', 'extra'], /too many arguments/],
    [['graph', '--ansi', 'maybe'], /Allowed choices are never, always, auto/],
    [['graph', '-f'], /argument missing/],
    [['graph', '-f', ''], /--file needs a value/],
    [['graph', '-f', '-', '-f', '-'], /stdin can be read once only/],
    [['up', '-d', '-t', '3'], /-t means nothing to it\n\(tunnels down -t takes it\)/],
    [['up', '--wait', '--wait-timeout', 'soon'], /number of seconds/],
    [['ps', '--status', 'opne'], /Allowed choices are waiting, opening, open,/],
    [['logs', '-n', 'few'], /number of lines, or all/],
    [['logs', '--since', 'yesterday'], /It is a duration \(10m, 1h30m\), a time/],
    [['port'], /missing required argument 'name'/],
    [['run', 'git'], /run needs a command\n\(tunnels run \[NAME…\] -- COMMAND\)/],
    [['run', '--'], /run needs a command/],
    [['up', '-t', 'soon'], /number of seconds/],
    [[], /Usage: tunnels/],
  ])('%j', async (argv, text) => {
    const { code, out, err } = await run(argv);
    expect(err).toMatch(text);
    expect({ code, out }).toEqual({ code: 2, out: '' });
  });
});

describe('--progress json makes a line of JSON of what is wrong', () => {
  it.each<[readonly string[], number, string, string]>([
    [['--progress', 'json', 'grahp'], 2, 'usage', "unknown command 'grahp'\n(Did you mean graph?)"],
    [['graph', '--formt', 'dot', '--progress=json'], 2, 'usage', "unknown option '--formt'\n(Did you mean --format?)"],
    [['up', '-d', '-t', '3', '--progress', 'json'], 2, 'usage', 'up -d does not stay'],
    [['ps', '--progress', 'json'], 1, 'not-up', 'is not up'],
    [['wait', '--progress', 'plain', '--progress', 'json'], 1, 'not-up', 'is not up'],
  ])('%j', async (argv, code, type, message) => {
    const { code: ended, err } = await run(
      argv,
      new FakeIo({ cwd: '/', env: { TUNNELS_FILE: '/nowhere/tunnels.yaml', TUNNELS_STATE_DIR: '/nowhere' } }),
    );
    expect(ended).toBe(code);
    expect(err.trimEnd().split('\n')).toHaveLength(1);
    expect(JSON.parse(err)).toMatchObject({ type: 'error', code: type, message: expect.stringContaining(message) as string });
  });

  it('but not where json is an argument of the command that is run', async () => {
    const { err } = await run(['run', 'nosuch', '--progress', 'plain', '-t', 'x', '--', 'cmd', '--progress', 'json']);
    expect(err).toMatch(/^tunnels: /);
  });
});

it.each([['--help'], ['help', 'up'], ['up', '--help']])('%s prints help on stdout and ends with 0', async (...argv) => {
  const { code, out } = await run(argv);
  expect(code).toBe(0);
  expect(out).toContain('Usage: tunnels');
});

it('the help of a command lists the global flags apart', async () => {
  const { out } = await run(['graph', '--help']);
  expect(out).toMatch(/Global options:[\s\S]*--env-file/);
});

it('--version prints the version', async () => {
  expect(await run(['graph', '--version'])).toMatchObject({ code: 2 });
  expect(await run(['--version'])).toMatchObject({ code: 0, out: '1.2.3\n' });
});

describe('commands that only read', () => {
  it('plan shows what up would do, and ends with 2 as there is something', async () => {
    const { code, out, err } = await run(['plan']);
    expect({ code, err }).toEqual({ code: 2, err: '' });
    expect(out).toBe('+ host bastion\n+ host test-server  via bastion\n+ tunnel git-inner\n+ tunnel git  needs git-inner\n');
  });

  it('up --dry-run shows the same, and ends with 0', async () => {
    const { code, out, io } = await run(['up', '--dry-run']);
    expect(code).toBe(0);
    expect(out).toContain('+ tunnel git  needs git-inner\n');
    expect(io.made).toEqual([]);
  });

  it('plan NAME has only what the name needs', async () => {
    const { out } = await run(['plan', 'git-inner']);
    expect(out).toBe('+ host bastion\n+ host test-server  via bastion\n+ tunnel git-inner\n');
    expect((await run(['plan', 'git', '--no-deps'])).out).toBe('+ host bastion\n+ tunnel git\n');
  });

  it('graph --format json is the view', async () => {
    const { out } = await run(['graph', '--format', 'json']);
    expect(JSON.parse(out)).toMatchObject({
      project: 'test',
      order: [['host bastion'], ['host test-server'], ['tunnel git-inner'], ['tunnel git']],
    });
  });

  it('schema prints a JSON schema', async () => {
    const { code, out } = await run(['schema']);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toHaveProperty('properties.tunnels');
  });
});

describe('an invalid configuration ends with 3 and says everything', () => {
  const source = {
    diagnostics: [
      {
        code: 'unknown-host',
        severity: 'error',
        message: 'unknown host "bastoin"',
        hint: 'did you mean "bastion"?',
        range: { file: 'tunnels.yaml', start: { line: 2, column: 9 }, end: { line: 2, column: 16 } },
      },
    ],
    watch: [],
    sources: new Map([['tunnels.yaml', 'tunnels:\n  host: bastoin\n']]),
  } as const;

  it.each([['graph'], ['plan'], ['config', '-q'], ['up'], ['up', '--dry-run']])('%s %s', async (...argv) => {
    const { code, err, out } = await run(argv, new FakeIo({ source }));
    expect({ code, out }).toEqual({ code: 3, out: '' });
    expect(err).toContain('tunnels.yaml:2:9 unknown host "bastoin", did you mean "bastion"?\n');
    expect(err).toContain('host: bastoin');
    expect(err.trimEnd().split('\n').at(-1)).toBe('1 problem in tunnels.yaml');
  });

  it.each([['graph'], ['up']])('%s --progress json: one event and nothing else', async (...argv) => {
    const { code, err } = await run([...argv, '--progress', 'json'], new FakeIo({ source }));
    expect(code).toBe(3);
    const lines = err.trimEnd().split('\n');
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ type: 'rejected', diagnostics: [{ code: 'unknown-host' }] });
  });
});
