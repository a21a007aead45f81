import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { load } from '../../../src/config/load.ts';
import { cli } from '../../../src/cli/cli.ts';
import { trust } from '../../../src/cli/commands/trust.ts';
import { resolveGlobals } from '../../../src/cli/global-options.ts';
import { remove, scratch } from '../../helpers/scratch.ts';
import { FakeIo } from '../fake-runner.ts';

const FILE = `hosts: { a: { ssh_config: false } }
tunnels:
  web: { type: local, host: a, ingress: 1080, egress: "web:80", healthcheck: { command: [check] } }
`;
let directory: string;
let io: FakeIo;

const made = (isTTY: boolean): FakeIo => {
  const own = new FakeIo({ cwd: directory, isTTY, env: { HOME: directory } });
  own.load = load;
  if (isTTY) Object.assign(own.stdin, { isTTY: true });
  return own;
};
const run = (...args: string[]): Promise<number> => cli(['trust', ...args], io, '0');

beforeEach(() => {
  directory = scratch('trust-command');
  writeFileSync(join(directory, 'tunnels.yaml'), FILE);
  io = made(false);
});
afterEach(() => remove(directory));

it('--yes trusts, and says so once', async () => {
  expect(await run('--yes')).toBe(0);
  expect(io.stderr.text).toContain('trusted, as the file is now');
  io = made(false);
  expect(await run('-y')).toBe(0);
  expect(io.stderr.text).toContain('trusted already');
  expect(io.stdout.text).toBe('');
});

it('--show, and a dry run, give the list as a result and change nothing', async () => {
  for (const flag of ['--show', '--dry-run']) {
    io = made(false);
    expect(await run(flag)).toBe(0);
    expect(io.stdout.text).toMatch(/healthcheck of web[^]*\$ check[^]*not trusted\n$/);
    expect(io.stderr.text).toBe('');
  }
  await run('--yes');
  writeFileSync(join(directory, 'tunnels.yaml'), `${FILE}# another\n`);
  io = made(false);
  await run('--show');
  expect(io.stdout.text).toContain('not trusted: something has changed since it was');
});

describe('--revoke', () => {
  it('takes it back, also of a file that is broken, and says where there was nothing', async () => {
    await run('--yes');
    writeFileSync(join(directory, 'tunnels.yaml'), 'tunnels: [');
    expect(await run('--revoke', '--dry-run')).toBe(0);
    expect(await run('--revoke')).toBe(0);
    expect(await run('--revoke')).toBe(0);
    expect(io.stderr.text.split('\n').slice(-4)).toEqual([
      `would not be trusted any more: ${join(directory, 'tunnels.yaml')}`,
      `not trusted any more: ${join(directory, 'tunnels.yaml')}`,
      `${join(directory, 'tunnels.yaml')} was not trusted`,
      '',
    ]);
  });

  it('needs to know the file', async () => {
    remove(join(directory, 'tunnels.yaml'));
    expect(await run('--revoke')).toBe(1);
    expect(io.stderr.text).toContain('name the file with -f');
  });
});

it.each([
  ['nothing to trust', 'tunnels: { web: "-L 1:web:2 me@a.example.com" }\n', 0, 'runs no commands'],
  ['a file that is not valid', 'tunnels: { web: 1 }\n', 3, 'tunnels.yaml:1'],
])('%s', async (_, text, code, words) => {
  writeFileSync(join(directory, 'tunnels.yaml'), text);
  expect(await run('--yes')).toBe(code);
  expect(io.stderr.text).toContain(words);
});

it('flags that contradict each other are a mistake of usage', async () => {
  expect(await run('--yes', '--revoke')).toBe(2);
  expect(io.stderr.text).toContain('exclude each other');
});

it('a store that cannot be written is said, and nothing is trusted', async () => {
  writeFileSync(join(directory, '.local'), '');
  expect(await run('--yes')).toBe(1);
  expect(io.stderr.text).toMatch(/tunnels: cannot write in .*trust \(\w+\)\n$/);
});

it.each<[string, boolean | symbol, number]>([
  ['yes', true, 0],
  ['no', false, 1],
  ['Ctrl-C', Symbol('cancelled'), 130],
])('at a terminal it asks, with no as the answer of who only presses Enter: %s', async (_, answer, code) => {
  io = made(true);
  const asked: unknown[] = [];
  const prompts = async () => ({
    confirm: async (options: unknown) => {
      asked.push(options);
      return answer as never;
    },
  });
  expect(await trust(io, resolveGlobals({}, {}), { yes: false, show: false, revoke: false, prompts })).toBe(code);
  expect(asked).toMatchObject([{ message: 'Let the project run it with your rights?', initialValue: false }]);
  io = made(false);
  await run('--show');
  expect(io.stdout.text).toContain(code === 0 ? 'trusted already' : 'not trusted');
});
