import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { endText, type CommandEnd, type CommandRequest } from '../../src/engine/command.ts';
import { runLocalCommand } from '../../src/engine/local-command.ts';
import { processTable } from '../helpers/process-table.ts';
import { remove, scratch } from '../helpers/scratch.ts';
import { until, within } from '../helpers/wait.ts';

let directory: string;
beforeEach(() => {
  directory = scratch('command');
});
afterEach(() => remove(directory));

const never = new AbortController().signal;
const run = (argv: readonly string[], part: Partial<CommandRequest> = {}): Promise<CommandEnd> =>
  within(runLocalCommand({ argv, cwd: directory, env: {}, keep: 'end', signal: never, ...part }), {
    what: 'the command to end',
    ms: 20_000,
  });
const shell = (script: string, part: Partial<CommandRequest> = {}): Promise<CommandEnd> => run(['sh', '-c', script], part);

const isAlive = (pid: number): boolean => processTable().some((row) => row.pid === pid);
/** What a script has written into a file of the directory, as a number. */
const pidIn = (file: string): Promise<number> =>
  until(() => existsSync(join(directory, file)) && Number(readFileSync(join(directory, file), 'utf8')), { what: `a pid in ${file}` });

it('runs the words as they are: no shell reads them', async () => {
  const end = await run(['printf', '%s|', '$HOME', '*', ';', 'a b']);
  expect(end).toEqual({ how: { ended: 'exit', code: 0 }, stdout: '$HOME|*|;|a b|', stderr: '', overflow: false });
});

it('in the directory, with the variables over those of this process, and nothing to read', async () => {
  const end = await shell('pwd; echo $GIVEN; test -n "$PATH" && echo path; wc -c; tty', { env: { GIVEN: 'value' } });
  expect(end.stdout.split('\n').slice(0, 5)).toEqual([directory, 'value', 'path', '0', 'not a tty']);
});

it('a program of the directory by a relative path', async () => {
  writeFileSync(join(directory, 'check'), '#!/bin/sh\nexit 7\n');
  chmodSync(join(directory, 'check'), 0o755);
  expect((await run(['./check'])).how).toEqual({ ended: 'exit', code: 7 });
});

it.each<[string, readonly string[], string]>([
  ['a code', ['sh', '-c', 'exit 3'], 'exited with 3'],
  ['a signal', ['sh', '-c', 'kill -9 $$'], 'was ended by SIGKILL'],
  ['no such program', ['there-is-none-of-this-name'], 'was not found'],
  ['a file that may not be run', ['./plain'], 'may not be run by you'],
  ['a directory', ['/'], 'may not be run by you'],
  ['a word with a NUL', ['echo', 'a\0b'], 'could not be started (ERR_INVALID_ARG_VALUE)'],
  [
    'no program that the shell finds',
    ['sh', '-c', 'there-is-none-of-this-name'],
    'exited with 127, as a shell does that does not find a program',
  ],
])('%s is told', async (_, argv, words) => {
  writeFileSync(join(directory, 'plain'), 'text');
  expect(endText(await run(argv))).toBe(words);
});

it('the signal ends it with all it has started, also what will not hear of SIGTERM', async () => {
  const stop = new AbortController();
  const script = `trap '' TERM; (trap '' TERM; echo $$ >/dev/null; sh -c 'echo $$ >child; exec sleep 300') & echo $$ >leader; wait; sleep 300`;
  const ended = shell(script, { signal: stop.signal });
  const [leader, child] = await Promise.all([pidIn('leader'), pidIn('child')]);
  expect([isAlive(leader), isAlive(child)]).toEqual([true, true]);
  stop.abort();
  expect((await ended).how).toEqual({ ended: 'signal', signal: 'SIGKILL' });
  await until(() => !isAlive(child), { what: 'the child to be gone' });
  expect(isAlive(leader)).toBe(false);
});

it('what heeds SIGTERM may clean up', async () => {
  const stop = new AbortController();
  const ended = shell(`trap 'echo cleaned; exit 0' TERM; echo $$ >leader; while :; do sleep 0.05; done`, { signal: stop.signal });
  await pidIn('leader');
  stop.abort();
  expect((await ended).stdout).toBe('cleaned\n');
});

it('what it leaves in the background ends with it, and is not waited for', async () => {
  const end = await shell('sleep 300 & echo $! >child; echo done');
  expect(end).toMatchObject({ how: { ended: 'exit', code: 0 }, stdout: 'done\n' });
  const child = await pidIn('child');
  await until(() => !isAlive(child), { what: 'the child to be gone' });
});

it('a signal from before starts nothing', async () => {
  expect((await shell('echo >started', { signal: AbortSignal.abort() })).how.ended).toBe('not-started');
  expect(existsSync(join(directory, 'started'))).toBe(false);
});

it('of a long output the end is kept', async () => {
  const end = await shell('i=0; while [ $i -lt 20000 ]; do echo "line $i"; i=$((i+1)); done; echo last >&2');
  expect([end.stdout.length, end.stdout.slice(-11), end.stderr, end.overflow]).toEqual([64 * 1024, 'line 19999\n', 'last\n', false]);
});

it('or its start, and then one that prints without end is ended', async () => {
  const end = await run(['yes'], { keep: 'start' });
  expect([end.stdout.length, end.overflow, endText(end)]).toEqual([64 * 1024, true, 'printed too much']);
});

it('many at once are no leak of listeners', async () => {
  const warnings: string[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning.name);
  process.on('warning', onWarning);
  const before = process.listenerCount('exit');
  await Promise.all(Array.from({ length: 20 }, () => run(['true'], { signal: new AbortController().signal })));
  await new Promise((resolve) => setImmediate(resolve));
  process.off('warning', onWarning);
  expect([warnings, process.listenerCount('exit') - before]).toEqual([[], 0]);
});
