import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { type Dump, dumpsOf } from '../../src/config/ssh-dumps.ts';
import { commandLine, processTable } from '../helpers/process-table.ts';
import { until } from '../helpers/wait.ts';
import { projectWith } from './loading.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

const fileWith = (config: string): string => join(projectWith({ config }), 'config');

const hostnameOf = (dump: Dump | undefined): unknown =>
  typeof dump === 'object' && 'dump' in dump ? dump.dump.get('hostname')?.[0] : dump;

/** The folder of an ssh that does this, and says the name it was asked for. */
function fakeSsh(does = ''): string {
  const bin = join(projectWith({}), 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'ssh'), `#!/bin/sh\n${does}\necho "hostname $3"\n`, { mode: 0o755 });
  return bin;
}

const names = Array.from({ length: 11 }, (_, index) => `h${index}`);

test('each name is answered, and in its place', async () => {
  const file = fileWith('Host h*\n  HostName %h.example.com\n');
  const questions = [...names.map((name) => ({ name, file })), { name: 'h3', file: '/dev/null' }, { name: 'it has blanks', file: null }];
  const dumps = await dumpsOf(questions);
  expect(dumps.map(hostnameOf).slice(0, 12)).toEqual([...names.map((name) => `${name}.example.com`), 'h3']);
  expect(dumps[12]).toEqual({ failed: expect.stringContaining('hostname contains invalid characters') });
});

test('one start from this process is enough for all', async () => {
  const log = join(projectWith({}), 'log');
  vi.stubEnv('PATH', `${fakeSsh(`echo "$PPID" >> '${log}'`)}:${process.env.PATH ?? ''}`);
  const dumps = await dumpsOf(names.map((name) => ({ name, file: null })));
  expect(dumps.map(hostnameOf)).toEqual(names);
  const parents = readFileSync(log, 'utf8').trim().split('\n').map(Number);
  expect(parents).toHaveLength(names.length);
  expect(parents).not.toContain(process.pid);
});

test('one that fails is told in ssh’s words, and the others are answered', async () => {
  const good = fileWith('Host h*\n  HostName %h.example.com\n');
  const bad = fileWith('Host h*\n  NoSuchOption yes\n');
  const dumps = await dumpsOf(names.map((name, index) => ({ name, file: index === 4 ? bad : good })));
  expect(dumps[4]).toEqual({ failed: expect.stringMatching(/line 2: Bad configuration option: nosuchoption/) });
  expect(dumps.map(hostnameOf).filter((hostname) => typeof hostname === 'string')).toHaveLength(10);
});

test('without a shell, as with one', async () => {
  vi.stubEnv('PATH', fakeSsh());
  expect((await dumpsOf(names.map((name) => ({ name, file: null })))).map(hostnameOf)).toEqual(names);
});

test('more names than a command line holds are asked one by one', async () => {
  vi.stubEnv('PATH', `${fakeSsh()}:${process.env.PATH ?? ''}`);
  // Linux takes words of up to 128 KiB.
  const long = 'h'.repeat(100_000);
  const dumps = await dumpsOf(Array.from({ length: 40 }, (_, index) => ({ name: `${long}${index}`, file: null })));
  expect(dumps.map((dump) => String(hostnameOf(dump)).slice(long.length))).toEqual(Array.from({ length: 40 }, (_, index) => `${index}`));
});

test('where a command that it calls hangs, that is told, the names after it are not asked, and nothing is left behind', async () => {
  const file = fileWith('Host h*\n  HostName %h.example.com\nMatch originalhost h2 exec "sleep 86397"\n');
  const dumps = await dumpsOf(
    ['h0', 'h1', 'h2', ...names].map((name) => ({ name, file })),
    2_000,
  );
  expect(dumps.slice(0, 3).map(hostnameOf)).toEqual([
    'h0.example.com',
    'h1.example.com',
    { failed: 'ssh -G h2 did not answer within 2 s' },
  ]);
  const failed = dumps.slice(3).flatMap((dump) => (typeof dump === 'object' && 'failed' in dump ? [dump.failed] : []));
  expect(failed.length).toBeGreaterThan(0);
  expect(failed.filter((each) => !/^ssh -G h2 did not answer within 2 s(?:, and h\d+ was not asked after it)?$/.test(each))).toEqual([]);
  const sleeps = (): boolean => processTable().some(({ pid }) => commandLine(pid).startsWith('sleep 86397'));
  await until(() => !sleeps(), { what: 'the command to end' });
});

test('of one that is asked alone nothing is left behind either', async () => {
  const began = join(projectWith({}), 'began');
  const file = fileWith(`Match originalhost h2 exec "touch ${began}; exec sleep 86396"\n`);
  expect(await dumpsOf([{ name: 'h2', file }], 2_000)).toEqual([{ failed: 'ssh -G h2 did not answer within 2 s' }]);
  expect(existsSync(began)).toBe(true);
  const sleeps = (): boolean => processTable().some(({ pid }) => commandLine(pid).startsWith('sleep 86396'));
  await until(() => !sleeps(), { what: 'the command to end' });
});

test('what ssh says before it fails is no answer', async () => {
  vi.stubEnv('PATH', `${fakeSsh('[ "$3" = h4 ] && { echo hostname half; echo "it broke" >&2; exit 1; }')}:${process.env.PATH ?? ''}`);
  const dumps = await dumpsOf(names.map((name) => ({ name, file: null })));
  expect(dumps.map(hostnameOf)).toEqual(names.map((name) => (name === 'h4' ? { failed: 'it broke' } : name)));
});

test('one that says more than a mebibyte fails, and the others are answered', async () => {
  vi.stubEnv('PATH', `${fakeSsh('[ "$3" = h4 ] && head -c 2097152 /dev/zero | tr "\\\\0" x')}:${process.env.PATH ?? ''}`);
  const dumps = await dumpsOf(names.map((name) => ({ name, file: null })));
  expect(dumps.map(hostnameOf)).toEqual(names.map((name) => (name === 'h4' ? { failed: expect.any(String) as string } : name)));
});
