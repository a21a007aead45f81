import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createProject, type Project, programFile } from './project.ts';
import { remove, scratch } from './scratch.ts';

/** Stands for the built program: says what it was given, plays two events, and ends on SIGTERM unless told to be deaf. */
const PLAYED = `
  const say = (event) => process.stderr.write(JSON.stringify(event) + '\\n');
  const state = (to, more) => say({ type: 'tunnel-state', subject: { kind: 'tunnel', name: 'web' }, to, ...more });
  console.log(JSON.stringify({ args: process.argv.slice(2), home: process.env.HOME, agent: process.env.SSH_AUTH_SOCK ?? null }));
  if (process.argv.includes('up')) {
    say('not an object');
    state('opening');
    setTimeout(() => state('open', { ingress: '127.0.0.1:8080' }), 30);
    process.on('SIGTERM', () => { if (!process.argv.includes('--deaf')) process.exit(0); });
    if (process.argv.includes('--short')) setTimeout(() => process.exit(3), 60);
    else setInterval(() => {}, 1000);
  } else process.exitCode = 2;
`;

let dir = '';
let project: Project;

beforeEach(() => {
  dir = scratch('played');
  writeFileSync(join(dir, 'main.cjs'), PLAYED);
  vi.stubEnv('TUNNELS_TEST_MAIN', join(dir, 'main.cjs'));
  vi.stubEnv('SSH_AUTH_SOCK', '/the/agent/of/the/user');
  project = createProject({ yaml: { tunnels: { web: '-L 8080:web:80 bastion' } } });
});

afterEach(async () => {
  await project.remove();
  remove(dir);
  vi.unstubAllEnvs();
});

test('runs the program in the project, with a home of its own and without the agent of the user', async () => {
  const result = await project.run(['config', '-q']);
  expect(result.code).toBe(2);
  expect(JSON.parse(result.stdout)).toEqual({ args: ['config', '-q'], home: project.home, agent: null });
});

test('follows up until a tunnel is open, and stops it', async () => {
  const up = project.up(['--no-watch']);
  await up.untilOpen(['web']);
  expect(up.port('web')).toBe(8080);
  expect(up.events().map((event) => event.to)).toEqual(['opening', 'open']);
  await up.untilLine(/"--progress","json","up","--no-watch"/);
  expect(await up.stop()).toEqual({ code: 0, signal: null });
});

test('fails at once with the output when the program ends before what is waited for', async () => {
  const up = project.up(['--short']);
  await expect(up.untilLine(/never said/, 10_000)).rejects.toThrow(/the program ended while the test waited for .*never said[^]*opening/);
  expect((await up.exited).code).toBe(3);
});

test('kills a program that does not stop, and says so', async () => {
  const up = project.up(['--deaf']);
  await up.untilOpen(['web']);
  await expect(up.stop('SIGTERM', 100)).rejects.toThrow('the program to end after SIGTERM');
  expect((await up.exited).signal).toBe('SIGKILL');
});

test('ends what runs and removes everything', async () => {
  const up = project.up();
  await up.untilOpen(['web']);
  await project.remove();
  expect((await up.exited).signal).toBe('SIGKILL');
  expect(existsSync(project.dir)).toBe(false);
});

test('says why when the program could not be built', () => {
  vi.stubEnv('TUNNELS_TEST_MAIN', 'failed: no such module');
  expect(() => programFile()).toThrow('no such module');
});
