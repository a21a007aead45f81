/** The processes around a project, with a played project in them: who holds it, and what is left when one is killed. */
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { connectProject, findProject } from '../../src/daemon/find-project.ts';
import { journalPaths } from '../../src/daemon/journal-file.ts';
import { listProjects } from '../../src/daemon/list-projects.ts';
import { projectFolder, projectIdentity } from '../../src/daemon/paths.ts';
import { spareRoots } from '../../src/daemon/spare-roots.ts';
import { startDaemon } from '../../src/daemon/spawn.ts';
import { buildProgram } from '../daemon/build-program.ts';
import { runChild, startChild, type Child } from '../helpers/child.ts';
import { isAlive } from '../helpers/process-table.ts';
import { removeInUse } from '../helpers/remove.ts';
import { remove, scratch } from '../helpers/scratch.ts';
import { sleep, until } from '../helpers/wait.ts';

let built = '';
let program = '';
beforeAll(async () => {
  built = scratch('played');
  program = await buildProgram('played', built);
});
afterAll(() => remove(built));

let dir = '';
let root = '';
let file = '';
const started = new Set<number>();
const children = new Set<Child>();
beforeEach(async () => {
  dir = scratch('daemon');
  root = join(dir, 's');
  mkdirSync(join(dir, 'shop'));
  writeFileSync(join(dir, 'shop', 'tunnels.yaml'), '');
  file = await projectIdentity(join(dir, 'shop', 'tunnels.yaml'));
});
afterEach(async () => {
  for (const pid of started) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
  for (const child of children) await child.stop('SIGKILL');
  started.clear();
  children.clear();
  remove(dir);
});

type Env = Readonly<Record<string, string>>;
const options = (env: Env) => ({ cwd: join(dir, 'shop'), env: { PATH: process.env['PATH'] ?? '', TUNNELS_STATE_DIR: root, ...env } });

interface Printed {
  readonly code: number | null;
  readonly lines: readonly Record<string, unknown>[];
  readonly stderr: string;
}

async function up(env: Env = {}, within: readonly string[] = []): Promise<Printed> {
  const [command = '', ...words] = [...within, process.execPath, program, 'up'];
  const { code, stdout, stderr } = await runChild(command, words, { ...options(env), ms: 50_000 });
  const lines = stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  for (const line of lines) if (typeof line['pid'] === 'number') started.add(line['pid']);
  return { code, lines, stderr };
}

function hold(env: Env = {}, within: readonly string[] = []): Child {
  const [command = '', ...words] = [...within, process.execPath, program, 'hold'];
  const child = startChild(command, words, options(env));
  children.add(child);
  return child;
}

const holdsProject = (child: Child): Promise<unknown> =>
  until(() => child.stdout().includes('"holds"'), {
    what: 'it to hold the project',
    ms: 20_000,
    detail: () => child.stdout() + child.stderr(),
  });

const place = () => ({ root, file });

describe('up -d', () => {
  test('leaves one process, which down ends with everything it had', async () => {
    const { code, lines } = await up();
    expect({ code, lines }).toEqual({ code: 0, lines: [{ how: 'started', pid: expect.any(Number) }] });
    const client = await connectProject(place());
    expect(client.found).toMatchObject({ phase: 'up', mode: 'background', pid: lines[0]?.['pid'] });
    await client.down({ drainMs: null });
    expect(isAlive(client.found.pid)).toBe(false);
    expect(readdirSync(root)).toEqual([]);
  });

  test('joins what is up', async () => {
    const first = await up();
    const second = await up();
    expect(second.lines).toEqual([{ how: 'joined', pid: first.lines[0]?.['pid'] }]);
  });

  test('twenty at once make one process and twenty successes', async () => {
    const results = await Promise.all(Array.from({ length: 20 }, () => up({ PLAY: 'slow' })));
    expect(results.map(({ code }) => code)).toEqual(Array.from({ length: 20 }, () => 0));
    const last = results.map(({ lines }) => lines.at(-1));
    expect(new Set(last.map((line) => line?.['pid'])).size).toBe(1);
    expect(last.filter((line) => line?.['how'] === 'started')).toHaveLength(1);
    expect(await listProjects(root)).toHaveLength(1);
    expect(readdirSync(projectFolder(root, file)).filter((name) => name.endsWith('.sock'))).toHaveLength(1);
  });

  test('says what is wrong with the file, and leaves nothing', async () => {
    expect(await up({ PLAY: 'invalid' })).toMatchObject({
      code: 3,
      lines: [{ how: 'invalid', diagnostics: [{ message: 'wrong' }], sources: { 'tunnels.yaml': 'text' } }],
    });
    expect(readdirSync(root)).toEqual([]);
  });

  test.each([
    { play: 'empty', message: /^no tunnel is active/ },
    { play: 'crash', message: /ended before it was up \(exit code 1\): cannot find the module that is missing$/ },
  ])('tells the first error of a process that does not come up: $play', async ({ play, message }) => {
    const { code, lines } = await up({ PLAY: play });
    expect({ code, lines }).toMatchObject({
      code: 1,
      lines: [{ failed: { code: 'start-failed', message: expect.stringMatching(message) } }],
    });
    expect(existsSync(root) ? readdirSync(root) : []).toEqual([]);
  });

  test('tells of a program that is not there, without a stack', async () => {
    await expect(startDaemon({ ...hanging(), program: join(dir, 'missing.js') })).rejects.toMatchObject({
      code: 'start-failed',
      message: `the background process ended before it was up (exit code 1): Error: Cannot find module '${join(dir, 'missing.js')}'`,
    });
  });

  test('tells what is wrong with the state directory', async () => {
    mkdirSync(join(dir, 'elsewhere'), { mode: 0o700 });
    symlinkSync(join(dir, 'elsewhere'), root);
    expect((await up()).lines).toMatchObject([{ failed: { code: 'state-directory', message: expect.stringContaining('symbolic link') } }]);
    expect(readdirSync(join(dir, 'elsewhere'))).toEqual([]);
  });

  test('answers the questions of the process as long as it is there', async () => {
    const { lines } = await up({ PLAY: 'ask', ASK: '1' });
    expect(lines).toMatchObject([{ how: 'started' }]);
    const client = await connectProject(place());
    const told: string[] = [];
    for await (const line of client.logs()) if (line.type === 'warning') told.push(line.message);
    expect(told).toEqual(['secret of 7 letters, yes']);
  });

  test('without anybody to ask, the answer is that nobody is there', async () => {
    await up({ PLAY: 'ask' });
    const client = await connectProject(place());
    const told = await until(
      async () => {
        for await (const line of client.logs()) if (line.type === 'warning') return line.message;
        return null;
      },
      { what: 'the answer' },
    );
    expect(told).toBe('secret of no letters, null');
  });

  test('brings a project of an older build over to this one, and what has happened with it', async () => {
    const old = await up({ PLAY: 'ask', PLAY_BUILD: '0.9.0+1' });
    const { lines, code } = await up({ PLAY_BUILD: '1.0.0+2' });
    expect({ code, lines }).toEqual({ code: 0, lines: [{ replacing: '0.9.0+1' }, { how: 'started', pid: expect.any(Number) }] });
    expect(isAlive(Number(old.lines[0]?.['pid']))).toBe(false);
    const client = await connectProject(place());
    const types: string[] = [];
    for await (const line of client.events()) types.push(line.type);
    expect(types).toEqual(['warning', 'stopped']);
  });

  test('does not replace a foreground project of another build', async () => {
    const holder = hold({ PLAY_BUILD: '0.9.0+1' });
    await holdsProject(holder);
    expect((await up({ PLAY_BUILD: '1.0.0+2' })).lines).toEqual([
      {
        failed: {
          code: 'other-version',
          message: `process ${holder.pid} has the project up in another build of tunnels (0.9.0+1), in the foreground`,
          hint: 'end it with Ctrl-C in its terminal, or tunnels down; then run tunnels up again',
        },
      },
    ]);
    expect(isAlive(holder.pid)).toBe(true);
  });

  const hanging = () => {
    const load = { cwd: join(dir, 'shop'), files: [], profiles: [], envFiles: [] };
    const request = { load, file, root, names: [], noDeps: false, watch: false, verbosity: 0 } as const;
    return { request, program, env: options({ PLAY: 'hang' }).env };
  };

  test('has a limit, after which nothing is left', async () => {
    await expect(startDaemon({ ...hanging(), limitMs: 700 })).rejects.toMatchObject({
      code: 'start-failed',
      message: expect.stringMatching(/^the background process \d+ was not up after 0.7 s$/),
    });
    expect(readdirSync(root)).toEqual([]);
  });

  test('can be given up with Ctrl-C, after which nothing is left', async () => {
    const giveUp = new AbortController();
    const starting = startDaemon({ ...hanging(), signal: giveUp.signal }).catch((error: unknown) => error);
    await until(() => findProject(place()).catch(() => null), { what: 'the process to have the project' });
    giveUp.abort();
    expect(await starting).toMatchObject({ code: 'gone' });
    expect(readdirSync(root)).toEqual([]);
  });

  test('that is ended in the middle leaves nothing, and says that it was', async () => {
    const parent = startChild(process.execPath, [program, 'up'], options({ PLAY: 'hang' }));
    children.add(parent);
    const client = await until(() => findProject(place()).catch(() => null), { what: 'the process to have the project' });
    started.add(client.found.pid);
    expect(client.found.phase).toBe('starting');
    process.kill(client.found.pid, 'SIGTERM');
    await until(() => !isAlive(client.found.pid), { what: 'the process to end' });
    await parent.exited;
    expect(parent.stdout()).toContain('"start-failed"');
    expect(readdirSync(root)).toEqual([]);
  });
});

describe('the process in the background', () => {
  test.each(['SIGTERM', 'SIGHUP'] as const)('drains at %s, and leaves nothing', async (signal) => {
    const { lines } = await up();
    process.kill(Number(lines[0]?.['pid']), signal);
    await until(() => !isAlive(Number(lines[0]?.['pid'])), { what: 'it to end' });
    expect(readdirSync(root)).toEqual([]);
  });

  test('does not care for SIGINT, and closes at once at the second SIGTERM', async () => {
    const { lines } = await up({ PLAY: 'drain' });
    const pid = Number(lines[0]?.['pid']);
    process.kill(pid, 'SIGINT');
    await sleep(100);
    const client = await connectProject(place());
    expect(await client.status()).toMatchObject({ phase: 'up' });
    process.kill(pid, 'SIGTERM');
    await until(async () => (await client.status()).phase === 'stopping', { what: 'the drain' });
    await sleep(100);
    expect(isAlive(pid)).toBe(true);
    process.kill(pid, 'SIGTERM');
    await until(() => !isAlive(pid), { what: 'it to end' });
  });

  test('outlives the one that started it, and its terminal', async () => {
    const { lines } = await up();
    await sleep(200);
    expect(await (await connectProject(place())).status()).toMatchObject({ pid: lines[0]?.['pid'] });
  });
});

test('a process that ends by a bug says so in the journal of the next one', async () => {
  const { lines } = await up({ PLAY: 'bug' });
  await until(() => !isAlive(Number(lines[0]?.['pid'])), { what: 'the bug' });
  await up();
  const told: string[] = [];
  for await (const line of (await connectProject(place())).logs()) if (line.type === 'warning') told.push(line.message);
  expect(told).toEqual(['the background process ended, this is a bug in tunnels: this cannot happen']);
});

describe('a process that is killed', () => {
  test('is recovered from by the next one in well under two seconds, with what has happened', async () => {
    const { lines } = await up({ PLAY: 'ask' });
    const client = await connectProject(place());
    await until(() => statSync(journalPaths(projectFolder(root, file)).now, { throwIfNoEntry: false })?.size, {
      what: 'the journal to be written',
    });
    process.kill(client.found.pid, 'SIGKILL');
    await until(() => !isAlive(Number(lines[0]?.['pid'])), { what: 'it to be gone' });
    expect(await findProject(place())).toBeNull();
    const began = performance.now();
    const next = await up();
    expect(next.lines).toMatchObject([{ how: 'started' }]);
    expect(performance.now() - began).toBeLessThan(2_000);
    const types: string[] = [];
    for await (const line of (await connectProject(place())).events()) types.push(line.type);
    expect(types).toEqual(['warning']);
  });

  test('is swept by a look at all projects', async () => {
    const holder = hold();
    await holdsProject(holder);
    process.kill(Number(/"holds":(\d+)/.exec(holder.stdout())?.[1]), 'SIGKILL');
    await until(() => holder.hasExited(), { what: 'it to be gone' });
    expect(readdirSync(root)).toHaveLength(1);
    expect(await listProjects(root)).toEqual([]);
    expect(readdirSync(root)).toEqual([]);
  });

  test('again and again under twenty contenders: never two, and in the end one', { timeout: 120_000 }, async () => {
    for (let round = 0; round < 3; round += 1) {
      const contenders = Array.from({ length: 20 }, () => hold());
      const holders = () => contenders.filter((child) => child.stdout().includes('"holds"') && !child.hasExited());
      await until(() => holders().length > 0, { what: 'one to win', ms: 30_000 });
      const [first] = holders();
      process.kill(Number(/"holds":(\d+)/.exec(first?.stdout() ?? '')?.[1]), 'SIGKILL');
      // Those who have not joined the killed one by then decide it among themselves; a newcomer does if all have.
      const last = hold();
      await until(() => [...contenders, last].every((child) => child.hasExited() || child.stdout().includes('"holds"')), {
        what: 'everyone to have joined or to hold',
        ms: 40_000,
        detail: () => [...contenders, last].map((child) => child.stdout() + child.stderr()).join(''),
      });
      const alive = [...holders(), ...(last.hasExited() ? [] : [last])];
      expect(alive).toHaveLength(1);
      expect([...contenders, last].map((child) => child.stdout()).join('')).not.toContain('failed');
      const client = await connectProject(place());
      await client.down({ drainMs: 0 });
      expect(readdirSync(root)).toEqual([]);
      for (const child of [...contenders, last]) await child.stop('SIGKILL');
    }
  });

  test('one that is only stopped is not taken for dead', { timeout: 30_000 }, async () => {
    const { lines } = await up();
    const pid = Number(lines[0]?.['pid']);
    process.kill(pid, 'SIGSTOP');
    const second = await up();
    process.kill(pid, 'SIGCONT');
    expect(second.lines).toMatchObject([
      {
        failed: {
          code: 'no-answer',
          message: expect.stringContaining(`process ${pid} holds the project`),
          hint: expect.stringContaining('CONT'),
        },
      },
    ]);
    expect((await up()).lines).toEqual([{ how: 'joined', pid }]);
  });
});

const asRoot = process.geteuid?.() === 0;

describe.runIf(asRoot)('a state directory', () => {
  /** A mount namespace of its own, in which the state directory is what the test wants. */
  const mounted = (mount: string): readonly string[] => ['unshare', '-m', 'sh', '-c', `${mount} && exec "$@"`, 'sh'];

  test('that fills up leaves the project running, with one warning', async () => {
    mkdirSync(root, { mode: 0o700 });
    const holder = hold({ CHATTER: '1' }, mounted(`mount -t tmpfs -o size=200k,mode=0700 tmpfs ${root}`));
    await holdsProject(holder);
    await until(() => holder.stdout().includes('ENOSPC'), { what: 'the warning', ms: 20_000, detail: () => holder.stdout() });
    await sleep(1_000);
    expect(holder.hasExited()).toBe(false);
    expect(holder.stdout().match(/"warning"/g)).toHaveLength(1);
    process.kill(Number(/"holds":(\d+)/.exec(holder.stdout())?.[1]), 'SIGTERM');
    expect(await holder.exited).toMatchObject({ code: 0 });
  });

  const UNUSABLE = [
    { what: 'read-only', mount: (path: string) => `mount -t tmpfs -o ro,mode=0700 tmpfs ${path}`, code: 'EROFS' },
    { what: 'full from the start', mount: (path: string) => `mount -t tmpfs -o nr_inodes=1,mode=0700 tmpfs ${path}`, code: 'ENOSPC' },
  ];

  test.each(UNUSABLE)('that is $what is stood in for by a spare one, with one warning', async ({ mount, code }) => {
    mkdirSync(root, { mode: 0o700 });
    const holder = hold({ CHATTER: '1' }, mounted(mount(root)));
    await holdsProject(holder);
    const [spare = ''] = await spareRoots(root);
    // From a place where the state directory is another one: what is held in the spare one is found all the same.
    const client = await connectProject(place());
    expect(client.socket.startsWith(`${spare}/`)).toBe(true);
    expect(await listProjects(root)).toMatchObject([{ state: 'running', status: { file } }]);
    expect((await up()).lines).toEqual([{ how: 'joined', pid: client.found.pid }]);
    expect(holder.stdout().match(/"warning"/g)).toHaveLength(1);
    expect(holder.stdout()).toContain(`cannot write in the state directory ${projectFolder(root, file)} (${code}): ${spare}/`);
    await client.down({ drainMs: 0 });
    expect(await holder.exited).toMatchObject({ code: 0 });
    expect(await spareRoots(root)).toEqual([]);
  });

  test.each(UNUSABLE)('that is $what does not keep up -d from running, and its process from telling why', async ({ mount }) => {
    mkdirSync(root, { mode: 0o700 });
    const { lines } = await up({}, mounted(mount(root)));
    expect(lines).toMatchObject([{ how: 'started' }]);
    const client = await connectProject(place());
    const told: string[] = [];
    for await (const line of client.logs()) if (line.type === 'warning') told.push(line.message);
    expect(told).toEqual([expect.stringMatching(/^cannot write in the state directory .* is used instead$/)]);
    expect((await up({}, mounted(mount(root)))).lines).toEqual([{ how: 'joined', pid: client.found.pid }]);
    await client.down({ drainMs: 0 });
    expect(await spareRoots(root)).toEqual([]);
  });

  test('on a machine where nothing can be written: in the foreground it runs unreachable, in the background it does not start', async () => {
    mkdirSync(root, { mode: 0o700 });
    const readOnly = [root, '/tmp', '/dev/shm', tmpdir()].map((path) => `mount --bind ${path} ${path} && mount -o remount,bind,ro ${path}`);
    const within = mounted(readOnly.join(' && '));
    const holder = hold({ CHATTER: '1' }, within);
    await holdsProject(holder);
    expect(holder.stdout().match(/"warning"/g)).toHaveLength(1);
    expect(holder.stdout()).toContain('(EROFS): other commands cannot reach this project');
    expect((await up({}, within)).lines).toMatchObject([
      { failed: { code: 'state-unusable', message: expect.stringContaining(root) as string } },
    ]);
    process.kill(holder.pid, 'SIGTERM');
    expect(await holder.exited).toMatchObject({ code: 0 });
  });
});

describe('a project whose folder is removed', () => {
  test('is there again at once, in the same process', async () => {
    const { lines } = await up();
    // It may be there again before the last of its files is removed.
    removeInUse(projectFolder(root, file));
    const client = await until(() => findProject(place()), { what: 'it to be there again' });
    expect(client.found.pid).toBe(lines[0]?.['pid']);
    expect((await up()).lines).toEqual([{ how: 'joined', pid: client.found.pid }]);
    await client.down({ drainMs: 0 });
    expect(readdirSync(root)).toEqual([]);
  });

  test.runIf(asRoot)('is there again also where that makes no event: the file system was unmounted', { timeout: 30_000 }, async () => {
    mkdirSync(root, { mode: 0o700 });
    const script = `mount -t tmpfs -o mode=0700 tmpfs ${root} && "$@" & while ! test -e ${dir}/go; do sleep 0.05; done; umount -l ${root}; wait`;
    const holder = hold({}, ['unshare', '-m', 'sh', '-c', script, 'sh']);
    await holdsProject(holder);
    expect(await findProject(place())).toBeNull();
    writeFileSync(join(dir, 'go'), '');
    const client = await until(() => findProject(place()), { what: 'it to be there again', ms: 10_000 });
    await client.down({ drainMs: 0 });
    await holder.exited;
  });

  test('and taken by another process meanwhile: the first one drains and ends, and leaves the other alone', async () => {
    const first = hold();
    await holdsProject(first);
    process.kill(first.pid, 'SIGSTOP');
    rmSync(projectFolder(root, file), { recursive: true });
    const { lines } = await up({ PLAY: 'ask' });
    expect(lines).toMatchObject([{ how: 'started' }]);
    const journal = journalPaths(projectFolder(root, file)).now;
    await until(() => existsSync(journal), { what: 'the journal of the other one' });
    process.kill(first.pid, 'SIGCONT');
    expect(await first.exited).toMatchObject({ code: 0 });
    expect(first.stdout()).toContain(`process ${String(lines[0]?.['pid'])} has taken the project: this one drains and ends`);
    expect(await (await connectProject(place())).status()).toMatchObject({ phase: 'up', pid: lines[0]?.['pid'] });
    expect(existsSync(journal)).toBe(true);
  });
});

test('a folder opened to others while the project is up is refused from then on', async () => {
  await up();
  chmodSync(projectFolder(root, file), 0o777);
  await expect(connectProject(place())).rejects.toMatchObject({ code: 'state-directory', hint: expect.stringContaining('chmod 700') });
  chmodSync(projectFolder(root, file), 0o700);
  await expect(connectProject(place())).resolves.toBeDefined();
});
