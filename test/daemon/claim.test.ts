import { chmodSync, existsSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { claimProject, type ClaimOutcome, type Standing } from '../../src/daemon/claim.ts';
import { projectFolder } from '../../src/daemon/paths.ts';
import { spareRoots } from '../../src/daemon/spare-roots.ts';
import type { Phase, Status } from '../../src/daemon/protocol.ts';
import { remove, scratch } from '../helpers/scratch.ts';
import { sleep, until } from '../helpers/wait.ts';

const FILE = '/p/tunnels.yaml';
let root = '';
let folder = '';
beforeEach(() => {
  root = scratch('claim');
  folder = projectFolder(root, FILE);
});
afterEach(() => remove(root));

const statusOf = (phase: Phase, part: Partial<Status> = {}): Status => ({
  program: 'tunnels',
  protocol: 1,
  build: 'test',
  pid: process.pid,
  phase,
  mode: 'background',
  file: FILE,
  project: 'p',
  since: '',
  events: { first: 1, next: 1 },
  ...part,
});

interface Contender {
  readonly standing: Standing;
  readonly claimed: Promise<ClaimOutcome>;
}

interface Options {
  readonly limitMs?: number;
  readonly signal?: AbortSignal;
  readonly onWaiting?: () => void;
  readonly again?: boolean;
  /** The state directory. */
  readonly at?: string;
}

function contend({ at = root, ...options }: Options = {}): Contender {
  const standing: Standing = { phase: 'claiming' };
  const server = createHttpServer((_, answer) => {
    answer.setHeader('connection', 'close');
    answer.end(JSON.stringify(statusOf(standing.phase)));
  });
  return { standing, claimed: claimProject({ place: { root: at, file: FILE }, server, standing, ...options }) };
}

async function win(contender: Contender): Promise<Extract<ClaimOutcome, { readonly won: true }>> {
  const outcome = await contender.claimed;
  if (!outcome.won) throw new Error('it did not win');
  return outcome;
}

const sockets = (): string[] => (existsSync(folder) ? readdirSync(folder) : []);

/** A listener under a name that claims have, which is none. */
async function squat(server: Server, name = `control-${process.pid}-0123abcd.sock`): Promise<() => Promise<void>> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  await new Promise<void>((resolve) => server.listen(join(folder, name), resolve));
  return () => new Promise((resolve) => server.close(() => resolve()));
}

test('the first one wins, in a private folder with a private socket, and leaves nothing', async () => {
  const first = contend();
  const { release } = await win(first);
  expect(first.standing.phase).toBe('starting');
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  expect(sockets()).toEqual([expect.stringMatching(/^control-\d+-[0-9a-f]{8}\.sock$/)]);
  expect(statSync(join(folder, sockets()[0] ?? '')).mode & 0o777).toBe(0o600);
  await release();
  expect(existsSync(folder)).toBe(false);
});

test('the second one waits while the first is starting, and joins it once it is up', async () => {
  const first = contend();
  const { release } = await win(first);
  let waited = 0;
  const second = contend({ onWaiting: () => (waited += 1) });
  await until(() => waited === 1, { what: 'the second one to wait' });
  first.standing.phase = 'up';
  expect(await second.claimed).toMatchObject({ won: false, holder: { status: { phase: 'up', pid: process.pid } } });
  expect(waited).toBe(1);
  await release();
});

test('one that is going down is waited for, and then taken over from', async () => {
  const first = contend();
  const { release } = await win(first);
  first.standing.phase = 'stopping';
  const second = contend();
  await sleep(100);
  await release();
  await (await win(second)).release();
  expect(existsSync(folder)).toBe(false);
});

test('the wait has a limit, and says for whom and what', async () => {
  const first = contend();
  const { release } = await win(first);
  first.standing.phase = 'stopping';
  await expect(contend({ limitMs: 100 }).claimed).rejects.toMatchObject({
    code: 'no-answer',
    message: `gave up waiting for process ${process.pid}, which is still going down`,
    hint: expect.stringContaining('tunnels down -t 0'),
  });
  await release();
});

test('the wait can be given up', async () => {
  const first = contend();
  const { release } = await win(first);
  const giveUp = new AbortController();
  const second = contend({ signal: giveUp.signal });
  setTimeout(() => giveUp.abort(), 50);
  await expect(second.claimed).rejects.toMatchObject({ code: 'gone' });
  await release();
});

test('there is never more than one holder, and everyone gets to be it', { timeout: 60_000 }, async () => {
  let holders = 0;
  let most = 0;
  let turns = 0;
  const takeTurns = async (count: number): Promise<void> => {
    for (let turn = 0; turn < count; ) {
      const contender = contend();
      const outcome = await contender.claimed;
      if (!outcome.won) {
        await sleep(Math.random() * 10);
        continue;
      }
      holders += 1;
      most = Math.max(most, holders);
      if (Math.random() < 0.5) contender.standing.phase = 'up';
      await sleep(Math.random() * 5);
      contender.standing.phase = 'stopping';
      holders -= 1;
      turns += 1;
      turn += 1;
      await outcome.release();
      // So that it is seldom alone, and the folder comes and goes under the others.
      await sleep(Math.random() * 20);
    }
  };
  await Promise.all(Array.from({ length: 12 }, () => takeTurns(6)));
  expect({ most, turns }).toEqual({ most: 1, turns: 72 });
  expect(existsSync(folder)).toBe(false);
});

describe('what else may be in the folder', () => {
  test('a private name that nobody listens on yet does not count', async () => {
    mkdirSync(folder, { mode: 0o700 });
    writeFileSync(join(folder, '.new-01234567.sock'), '');
    const { release } = await win(contend());
    await release();
    expect(sockets()).toEqual(['.new-01234567.sock']);
  });

  const SQUATTERS = [
    { what: 'accepts and says nothing', server: () => createServer(() => undefined), code: 'no-answer' },
    { what: 'speaks no HTTP', server: () => createServer((socket) => socket.end('220 smtp ready\r\n')), code: 'foreign-socket' },
    {
      what: 'speaks HTTP, but is another program',
      server: () => createHttpServer((_, answer) => answer.end('{}')),
      code: 'foreign-socket',
    },
    { what: 'answers no JSON', server: () => createHttpServer((_, answer) => answer.end('<html>')), code: 'foreign-socket' },
  ];

  test.each(SQUATTERS)('a squatter that $what is refused, not waited for', { timeout: 15_000 }, async ({ server, code }) => {
    const squatter = server();
    squatter.on('connection', (socket) => {
      socket.on('error', () => undefined);
      closing.push(() => void socket.destroy());
    });
    const closing: (() => void)[] = [];
    const close = await squat(squatter);
    await expect(contend().claimed).rejects.toMatchObject({ code, hint: expect.stringMatching(/\w/) });
    for (const each of closing) each();
    await close();
  });

  test.each([
    { what: 'a planted link', make: (path: string) => symlinkSync('/run/other.sock', path) },
    { what: 'a plain file', make: (path: string) => writeFileSync(path, '') },
  ])('$what in the place of a socket is refused and not touched', async ({ make }) => {
    mkdirSync(folder, { mode: 0o700 });
    make(join(folder, 'control-1-0123abcd.sock'));
    await expect(contend().claimed).rejects.toMatchObject({
      code: 'foreign-socket',
      message: expect.stringContaining('control-1-0123abcd.sock'),
    });
    expect(sockets()).toEqual(['control-1-0123abcd.sock']);
  });

  test('a folder that others can enter is refused', async () => {
    mkdirSync(folder);
    chmodSync(folder, 0o777);
    await expect(contend().claimed).rejects.toMatchObject({ code: 'state-directory' });
  });
});

/** A directory in which nobody can make one, root included. */
const UNUSABLE = '/sys/tunnels-state';

describe.runIf(process.platform === 'linux')('where the state directory cannot be used', () => {
  test('a spare one is, of which nothing is left', async () => {
    const first = contend({ at: UNUSABLE });
    const won = await win(first);
    expect(won.unusable).toMatchObject({ code: 'state-unusable', message: expect.stringContaining(UNUSABLE) as string });
    expect(dirname(dirname(dirname(won.socket)))).toBe(tmpdir());
    expect(statSync(dirname(won.socket)).mode & 0o777).toBe(0o700);
    first.standing.phase = 'up';
    expect(await contend({ at: UNUSABLE }).claimed).toMatchObject({ won: false, holder: { socket: won.socket } });
    await won.release();
    expect(await spareRoots(UNUSABLE)).toEqual([]);
  });

  test('twenty make one holder, though each of the first may have a spare one of its own', async () => {
    const contenders = Array.from({ length: 20 }, () => contend({ at: UNUSABLE }));
    const outcomes = await Promise.all(
      contenders.map(async ({ claimed, standing }) => {
        const outcome = await claimed;
        if (outcome.won) standing.phase = 'up';
        return outcome;
      }),
    );
    expect(outcomes.filter(({ won }) => won)).toHaveLength(1);
    for (const outcome of outcomes) if (outcome.won) await outcome.release();
    expect(await spareRoots(UNUSABLE)).toEqual([]);
  });
});

describe('one that comes back', () => {
  test('has its claim beside one that has not decided it yet, and before it; another one waits', async () => {
    const undecided = createHttpServer((_, answer) => answer.setHeader('connection', 'close').end(JSON.stringify(statusOf('claiming'))));
    const close = await squat(undecided, `control-${process.pid}-10000000.sock`);
    const giveUp = new AbortController();
    const newcomer = contend({ signal: giveUp.signal });
    await sleep(100);
    expect(sockets()).toHaveLength(1);
    giveUp.abort();
    await expect(newcomer.claimed).rejects.toMatchObject({ code: 'gone' });
    const back = contend({ again: true });
    await until(() => sockets().filter((name) => name.startsWith('control-')).length === 2, { what: 'its claim' });
    expect(sockets()[0]).toMatch(/^control-\d+-0[0-9a-f]{7}\.sock$/);
    await close();
    await (await win(back)).release();
  });

  test('gives way to one that has it', async () => {
    const other = contend();
    const { release } = await win(other);
    other.standing.phase = 'up';
    expect(await contend({ again: true }).claimed).toMatchObject({ won: false, holder: { status: { phase: 'up' } } });
    await release();
  });
});
