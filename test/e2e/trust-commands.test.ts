/** Commands of a project over real sshd: nothing of an untrusted file runs, `tunnels trust` lets it, and any change of what the file is made of takes that back. */
import { existsSync, readFileSync, symlinkSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { hostEntry, type Project, type Up } from '../helpers/project.ts';
import { at, echoes, failureOf, scene } from '../helpers/scene.ts';
import { dial, startEcho, type Service } from '../helpers/services.ts';
import type { Sshd } from '../helpers/sshd.ts';
import { startTerminal } from '../helpers/terminal.ts';
import { programFile } from '../helpers/project.ts';
import { sleep, until, within } from '../helpers/wait.ts';

const all = scene(afterAll);
const each = scene(afterEach);
let bastion: Sshd;
let echo: Service;

beforeAll(async () => {
  [bastion, echo] = await Promise.all([all.sshd({ name: 'bastion' }), all.add(startEcho())]);
});

/** Leaves a line in `ran` each time it runs. */
const marks = (word = 'ran'): string[] => ['sh', '-c', `echo ${word} >>ran`];
const ran = (project: Project): string[] =>
  existsSync(join(project.dir, 'ran')) ? readFileSync(join(project.dir, 'ran'), 'utf8').trim().split('\n') : [];

const OFTEN = { interval: '150ms', timeout: '5s', retries: 2 };
const tunnel = (more: Record<string, unknown> = {}): Record<string, unknown> => ({
  type: 'local',
  host: 'bastion',
  ingress: 0,
  egress: at(echo),
  ...more,
});
const hosts = (): Record<string, unknown> => ({ bastion: hostEntry(bastion) });
const checked = (command: readonly string[] = marks(), more: Record<string, unknown> = {}): Record<string, unknown> =>
  tunnel({ healthcheck: { command, ...OFTEN }, ...more });
/** With one that is open: where all have failed, up ends. */
const file = (tunnels: Record<string, unknown>): Record<string, unknown> => ({ hosts: hosts(), tunnels: { ...tunnels, free: tunnel() } });

const trust = async (project: Project, ...args: string[]): Promise<void> => {
  const { code, stderr } = await project.run(['trust', '--yes', ...args]);
  expect([code, stderr]).toEqual([0, expect.stringContaining('trusted, as the file is now')]);
};
const becomes = (up: Up, name: string, state: string): Promise<unknown> =>
  up.untilEvent((event) => event.subject?.name === name && event.to === state);
const healthy = (up: Up, name: string, from = 0): Promise<unknown> =>
  up.untilEvent((event) => event.type === 'health' && event.subject?.name === name && event['verdict'] === 'healthy', 15_000, from);

describe('a file that is not trusted', () => {
  it('comes up but for what needs its command, of which nothing is run', async () => {
    const project = each.project({ yaml: file({ web: checked(), after: tunnel({ depends_on: ['web'] }) }) });
    const up = project.up();
    await becomes(up, 'web', 'failed');
    await up.untilOpen(['free']);
    await echoes(up.port('free'));
    expect(failureOf(up, 'web')).toMatchObject({ code: 'untrusted', hint: expect.stringContaining('tunnels trust') });
    // Longer than several rounds of the check.
    await sleep(600);
    expect([ran(project), up.state('web'), up.state('after')]).toEqual([[], 'failed', 'waiting']);
    const ps = await project.run(['ps', '--format', 'json', 'web']);
    expect(JSON.parse(ps.stdout)).toMatchObject({ state: 'failed', error: { code: 'untrusted' } });
  });

  it('is a failure to who waits for it, and nothing is run by looking at it', async () => {
    const project = each.project({ yaml: file({ web: checked() }) });
    for (const args of [['config'], ['plan'], ['graph'], ['trust', '--show'], ['trust'], ['up', '--dry-run']]) await project.run(args);
    const waited = await project.run(['up', '-d', '--wait']);
    expect([waited.code, waited.stderr]).toEqual([1, expect.stringContaining('untrusted')]);
    const command = await project.run(['run', '--', 'echo', 'reached']);
    expect([command.code, command.stdout]).toEqual([1, '']);
    expect(ran(project)).toEqual([]);
    expect((await project.run(['down'])).code).toBe(0);
  });

  it('is not trusted without a terminal, nor by whoever says no', async () => {
    const project = each.project({ yaml: file({ web: checked() }) });
    const alone = await project.run(['trust']);
    expect([alone.code, alone.stdout]).toEqual([1, '']);
    expect(alone.stderr).toContain("$ sh -c 'echo ran >>ran'");
    expect(alone.stderr).toContain('there is no terminal: nothing was trusted');
    expect((await project.run(['trust', '--show'])).stdout).toContain('not trusted\n');
  });
});

describe('at a terminal', () => {
  const ask = async (project: Project, keys: string): Promise<string> => {
    const terminal = await startTerminal({
      command: [process.execPath, programFile(), 'trust'],
      cwd: project.dir,
      env: { ...project.env },
      columns: 120,
      rows: 30,
    });
    each.onEnd(() => terminal.stop());
    await terminal.untilShows(/Let the project run it/);
    terminal.type(keys);
    return terminal.until(() => terminal.ask('pane_dead') === '1', 'trust to end');
  };

  it.each<[string, string, string, string]>([
    ['y', 'y', 'trusted, as the file is now', '0'],
    ['Enter is no', '\r', 'nothing was trusted', '1'],
    ['n', 'n', 'nothing was trusted', '1'],
    ['Ctrl-C', '\u0003', 'nothing was trusted', '130'],
  ])('%s', async (_, keys, words, code) => {
    const project = each.project({ yaml: file({ web: checked() }) });
    const screen = await ask(project, keys);
    expect(screen).toMatch(/tunnels\.yaml:\d+:\d+ {2}healthcheck of web, every 150ms while it is open/);
    expect(screen).toContain(words);
    const shown = await project.run(['trust', '--show']);
    expect(shown.stdout).toContain(code === '0' ? 'trusted already' : 'not trusted');
  });
});

describe('once it is trusted', () => {
  it('its check runs, and a project that is up notices by itself', async () => {
    const project = each.project({ yaml: file({ web: checked() }) });
    const up = project.up();
    await becomes(up, 'web', 'failed');
    await trust(project);
    await up.untilOpen(['web']);
    await healthy(up, 'web');
    expect(ran(project).length).toBeGreaterThan(0);
    await echoes(up.port('web'));
  });

  it('needs reload where nothing is watched', async () => {
    const project = each.project({ yaml: file({ web: checked() }) });
    const up = project.up(['--no-watch']);
    await becomes(up, 'web', 'failed');
    await trust(project);
    expect((await project.run(['reload'])).code).toBe(0);
    await healthy(up, 'web');
  });

  it('is trusted in the background, too', async () => {
    const project = each.project({ yaml: file({ web: checked() }) });
    await trust(project);
    expect(await project.run(['up', '-d', '--wait'])).toMatchObject({ code: 0 });
    expect(JSON.parse((await project.run(['ps', '--format', 'json', 'web'])).stdout)).toMatchObject({ name: 'web', health: 'healthy' });
    expect((await project.run(['down'])).code).toBe(0);
  });

  it('depends_on with condition: healthy waits for the command', async () => {
    const waits = tunnel({ depends_on: { db: { condition: 'healthy' } } });
    const project = each.project({ yaml: file({ db: checked(['test', '-e', 'ready']), web: waits }) });
    await trust(project);
    const up = project.up();
    await up.untilEvent((event) => event.type === 'health' && event['verdict'] === 'unhealthy');
    expect(up.state('web')).toBe('waiting');
    project.write('', 'ready');
    await up.untilOpen(['web']);
  });
});

describe('the trust ends with a change of', () => {
  it.each<[string, Record<string, string>, Readonly<Record<string, string>>?]>([
    ['the file', { 'tunnels.yaml': '# changed\n' }],
    ['an included file', { 'more.yaml': '# changed\n' }],
    ['an env file', { '.env': 'OTHER=1\n' }],
    ['a variable that the command takes in', {}, { WHAT: 'something else' }],
    ['an override that comes to it', { 'tunnels.override.yaml': 'tunnels: { web: { drain: 1s } }\n' }],
  ])('%s', async (_, changes, env = {}) => {
    const first = {
      'more.yaml': 'x-nothing: 1\n',
      '.env': 'UNUSED=1\n',
    };
    const project = each.project({ yaml: { include: 'more.yaml', ...file({ web: checked(marks('${WHAT:-usual}')) }) }, files: first });
    await trust(project);
    for (const [name, added] of Object.entries(changes)) {
      const path = join(project.dir, name);
      project.write(`${existsSync(path) ? readFileSync(path, 'utf8') : ''}${added}`, name);
    }
    const up = project.up([], { env });
    await becomes(up, 'web', 'failed');
    expect(failureOf(up, 'web')).toMatchObject({ code: 'untrusted' });
    expect(ran(project)).toEqual([]);
    // And comes with trusting it anew.
    expect((await project.run(['trust', '--yes'], { env })).code).toBe(0);
    await healthy(up, 'web');
  });

  it('where it lies: a copy elsewhere is another project', async () => {
    const yaml = file({ web: checked() });
    await trust(each.project({ yaml }));
    const copy = each.project({ yaml });
    await becomes(copy.up(), 'web', 'failed');
    expect(ran(copy)).toEqual([]);
  });
});

describe('a reload into commands that are not trusted', () => {
  it('keeps what runs as it was, with its connections, and follows the file in the rest', async () => {
    const project = each.project({ yaml: file({ web: checked(marks('old')) }) });
    await trust(project);
    const up = project.up();
    await healthy(up, 'web');
    const open = await dial(up.port('web'));
    each.onEnd(() => void open.destroy());
    project.write(file({ web: checked(marks('new'), { env: { PATH: '/nowhere' } }), more: tunnel() }));
    await up.untilOpen(['more']);
    const told = await up.untilEvent(
      (event) => event.type === 'warning' && String(event['message']).startsWith('tunnel web: left as before'),
    );
    expect(told['hint']).toContain('tunnels trust');
    const before = ran(project).length;
    await until(() => ran(project).length > before + 1, { what: 'the old check to go on' });
    expect(ran(project)).not.toContain('new');
    const back = new Promise<string>((resolve) => open.once('data', (data) => resolve(String(data))));
    open.write('still here');
    expect(await within(back, { what: 'the echo over the connection that was open' })).toBe('still here');
    // One that asks for a reload is told with the place.
    project.write(file({ web: checked(marks('newer')), more: tunnel() }));
    const reload = await project.run(['reload']);
    expect(reload.stderr).toMatch(/tunnels\.yaml:\d+:\d+ warning: tunnel web: left as before/);
    await trust(project);
    await until(() => ran(project).includes('newer'), { what: 'the new check' });
    expect(ran(project)).not.toContain('new');
    expect(
      up
        .events()
        .filter((event) => event.subject?.name === 'web' && event.to !== undefined)
        .at(-1)?.to,
    ).toBe('open');
  });

  it('trust that is taken back ends the check, and the tunnel stays open', async () => {
    const project = each.project({ yaml: file({ web: checked() }) });
    await trust(project);
    const up = project.up();
    await healthy(up, 'web');
    expect((await project.run(['trust', '--revoke'])).stderr).toContain('not trusted any more');
    await up.untilEvent((event) => event.type === 'health' && event['verdict'] === 'unhealthy');
    const before = ran(project).length;
    await sleep(500);
    expect([ran(project).length - before, up.state('web')]).toEqual([0, 'open']);
    expect(JSON.parse((await project.run(['ps', '--format', 'json', 'web'])).stdout)).toMatchObject({
      state: 'unhealthy',
      error: { code: 'untrusted' },
    });
    await echoes(up.port('web'));
  });
});

it('a store that somebody planted is not believed, and that is said', async () => {
  const project = each.project({ yaml: file({ web: checked() }) });
  await trust(project);
  const store = join(project.stateDir, 'trust');
  renameSync(store, join(project.home, 'planted'));
  symlinkSync(join(project.home, 'planted'), store);
  const up = project.up([], { progress: 'plain' });
  await up.untilLine(/web: its healthcheck runs a command that you have not allowed/);
  await up.untilLine(/trust is a symbolic link, so nothing in it is trusted/);
  const again = await project.run(['trust', '--yes']);
  expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('is a symbolic link')]);
  expect(ran(project)).toEqual([]);
});
