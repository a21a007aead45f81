/** `up -d`, and `up` on what is up already, against a played project. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findProject } from '../../../src/daemon/find-project.ts';
import { serveRunner } from '../../../src/daemon/host.ts';
import { until } from '../../helpers/wait.ts';
import type { FakeIo } from '../fake-runner.ts';
import { view } from '../../daemon/played-runner.ts';
import { RunningScene } from '../running-scene.ts';

let scene: RunningScene;
beforeEach(() => {
  scene = new RunningScene();
});
afterEach(() => scene.end());

const refused = { code: 'refused', message: 'connection refused by bastion:22', hint: 'is sshd running there?' };

/** An outside in which starting a process serves the played project. */
function starting(io = scene.io()): FakeIo {
  io.ensure = async ({ request }) => {
    await scene.up();
    const client = await findProject(request);
    if (!client) throw new Error('it is not up');
    const outcome = { applied: true, plan: { steps: [] }, diagnostics: [], sources: {} } as const;
    return { how: 'started', client, started: { type: 'ready', pid: 1, outcome, detach: () => undefined } };
  };
  return io;
}
/** An outside in which it is up already. */
function joining(io = scene.io()): FakeIo {
  io.ensure = async ({ request }) => {
    const client = await findProject(request);
    if (!client) throw new Error('it is not up');
    return { how: 'joined', client };
  };
  return io;
}

describe('up -d', () => {
  it('starts what was asked for, shows what is up, and leaves it', async () => {
    const io = starting();
    const { code, out, err } = await scene.run(['--profile', 'a,b', 'up', '-d', '--no-watch', '--no-deps', 'web', '-vv'], io);
    expect({ code, out }).toEqual({ code: 0, out: '' });
    expect(io.ensured).toMatchObject([
      { build: 'b1', request: { names: ['web'], noDeps: true, watch: false, verbosity: 2, load: { cwd: io.cwd, profiles: ['a', 'b'] } } },
    ]);
    expect(io.ensured[0]?.request.load).not.toHaveProperty('env');
    expect(err).toContain('\n2 tunnels are open; left up in the background, tunnels down closes\n');
    expect(io.listening).toBe(0);
  });

  it('writes out what the environment says of the file and the profiles: the process keeps an environment of its own', async () => {
    const io = starting(scene.io({ env: { TUNNELS_PROFILES: 'a, b', TUNNELS_FILE: 'tunnels.yaml' } }));
    await scene.run(['up', '-d'], io);
    expect(io.ensured[0]?.request.load).toMatchObject({ files: ['tunnels.yaml'], profiles: ['a', 'b'] });
  });

  it('on what is up applies the file, and says what changed', async () => {
    await scene.up();
    expect(await scene.run(['up', '-d'], joining())).toMatchObject({
      code: 0,
      err: expect.stringContaining(`process ${process.pid} has the project up: no changes\n`) as string,
    });
    expect(scene.runner.calls).toEqual(['select ', 'apply', 'watch']);
    scene.runner.calls.length = 0;
    scene.runner.set('git', { state: 'closed' });
    expect((await scene.run(['up', '-d', '--no-watch', 'git'], joining())).err).toContain('started again: git\n');
    expect(scene.runner.calls).toEqual(['select git', 'apply', 'startTunnels git']);
  });

  it('--progress json has the events and nothing else, the plan among them', async () => {
    await scene.up();
    const io = joining();
    scene.runner.apply = async () => {
      scene.runner.emit({ kind: 'project', name: 'test' }, { type: 'applied', plan: 'no changes', changes: 0 });
      return scene.runner.plan();
    };
    const { code, err } = await scene.run(['--progress', 'json', 'up', '-d'], io);
    expect(code).toBe(0);
    expect(
      err
        .trimEnd()
        .split('\n')
        .map((line) => (JSON.parse(line) as { type: string }).type),
    ).toEqual(['applied']);
  });

  it('does not wait for what has failed once, and says it: 0 while something works', async () => {
    const io = starting();
    scene.runner.views.set('git', { ...view('git'), state: 'waiting', error: refused });
    const { code, err } = await scene.run(['up', '-d'], io);
    expect(code).toBe(0);
    expect(err).toContain(
      '1 of 2 tunnels are open; not up:\n  git: connection refused by bastion:22 [refused]\n    → is sshd running there?\nit goes on trying',
    );
  });

  it('--wait: 1 when its time is over', async () => {
    const io = starting();
    scene.runner.views.set('git', { ...view('git'), state: 'opening' });
    const { code, err } = await scene.run(['up', '--wait', '--wait-timeout', '0.1'], io);
    expect(code).toBe(1);
    expect(err).toContain('1 of 2 tunnels are open after 0.1s; not up:\n  git: opening\n');
  });

  it.each([
    ['while it comes up', () => undefined],
    ['that makes the last try fail', () => scene.runner.set('git', { state: 'failed' })],
  ])('Ctrl-C %s leaves it running, and says so', async (_, fail) => {
    const io = starting();
    scene.runner.views.set('git', { ...view('git'), state: 'opening' });
    const ran = scene.run(['up', '-d'], io);
    await until(() => io.ensured.length > 0 && scene.runner.listening > 0, { what: 'it to wait' });
    await new Promise((resolve) => setTimeout(resolve, 100));
    io.signal('SIGINT');
    fail();
    const { code, err } = await ran;
    expect(code).toBe(130);
    expect(err).toMatch(/left running; tunnels down takes it down\n$/);
  });

  it('tells what is wrong with the file: 3', async () => {
    const io = scene.io();
    const at = { line: 1, column: 1 };
    const diagnostic = {
      code: 'schema',
      severity: 'error',
      message: 'no such key',
      hint: null,
      range: { file: 't.yaml', start: at, end: at },
    } as const;
    io.ensure = async () => ({ how: 'invalid', outcome: { applied: false, diagnostics: [diagnostic], sources: { 't.yaml': 'x: 1' } } });
    const { code, err } = await scene.run(['up', '-d'], io);
    expect(code).toBe(3);
    expect(err).toBe('t.yaml:1:1 no such key\n1 | x: 1\n  | ^\n1 problem in t.yaml\nthe configuration is not valid: nothing was started\n');
  });
});

describe('up in the foreground on what is up', () => {
  it('applies, follows, and Ctrl-C leaves it running', async () => {
    await scene.up();
    const io = scene.io();
    const ran = scene.run(['up', 'web'], io);
    await until(() => io.stderr.text.includes('following what happens; Ctrl-C leaves it running'), { what: 'it to follow' });
    expect(scene.runner.calls).toEqual(['select web', 'apply', 'watch']);
    await until(
      async () => {
        scene.runner.warn('web', 'careful');
        return io.stderr.text.includes('warning: careful');
      },
      { what: 'the event' },
    );
    io.signal('SIGINT');
    expect((await ran).code).toBe(130);
    expect(io.stderr.text).toMatch(/left running; tunnels down takes it down\n$/);
    expect(io.made).toEqual([]);
    expect(scene.runner.calls).toEqual(['select web', 'apply', 'watch']);
  });

  it('of another build, which stays in the foreground, says so', async () => {
    await scene.up({ build: 'b0', mode: 'foreground' });
    const io = scene.io();
    io.serve = async (options) => serveRunner({ ...options, build: 'b1' });
    const ran = scene.run(['up'], io);
    await until(() => io.stderr.text.includes('following'), { what: 'it to follow' });
    expect(io.stderr.text).toContain(`process ${process.pid} is of another build (b0), and goes on in that`);
    io.signal('SIGINT');
    expect((await ran).code).toBe(130);
  });

  it('ends with 0 when it is taken down', async () => {
    await scene.up();
    const io = scene.io();
    const ran = scene.run(['up'], io);
    await until(() => io.stderr.text.includes('following'), { what: 'it to follow' });
    await new Promise((resolve) => setTimeout(resolve, 100));
    scene.runner.emit({ kind: 'project', name: 'test' }, { type: 'stopped' });
    await scene.end();
    expect((await ran).code).toBe(0);
    scene = new RunningScene();
  });

  it('ends with 1 when its process goes without a word', async () => {
    await scene.up();
    const io = scene.io();
    const ran = scene.run(['up'], io);
    await until(() => io.stderr.text.includes('following'), { what: 'it to follow' });
    await new Promise((resolve) => setTimeout(resolve, 100));
    await scene.end();
    expect((await ran).code).toBe(1);
    expect(io.stderr.text).toMatch(/ended without taking the project down; tunnels up -d brings it up again\n$/);
    scene = new RunningScene();
  });
});

it('a foreground up leaves with 0 when another command takes it down', async () => {
  const io = scene.io();
  const ran = scene.run(['up'], io);
  await until(() => io.served.length > 0 && io.runner.graph !== null, { what: 'it to be up' });
  io.takenDown.resolve();
  expect((await ran).code).toBe(0);
  expect(io.runner.stops).toEqual([]);
});
