import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { nameSource } from '../../../src/cli/completion/names.ts';
import { remove, scratch } from '../../helpers/scratch.ts';
import { RunningScene } from '../running-scene.ts';

// Names are waited for a second, and the test runner may take longer to load this for the first time.
beforeAll(() => import('../../../src/config/load.ts'));

let cwd: string;
beforeEach(() => {
  cwd = scratch('names');
});
afterEach(() => remove(cwd));

const source = (env: Record<string, string> = {}) => nameSource({ cwd, env: { HOME: cwd, TUNNELS_STATE_DIR: join(cwd, 'state'), ...env } });
const nothing = { files: [] };
const values = async (found: Promise<readonly { value: string }[]>): Promise<string[]> => (await found).map(({ value }) => value);
const write = (text: string, file = 'tunnels.yaml'): void => writeFileSync(join(cwd, file), text);

const FILE = `
hosts: { bastion: { hostname: bastion.example.com } }
tunnels:
  web: -L 8080:web:80 bastion
  range: { type: local, host: alias-of-ssh-config, ingress: 9000-9001, egress: "db:1-2", profiles: [debug] }
`;

it('are those of the file: ranges too, hosts that are not listed, tunnels of any profile; with what they are', async () => {
  write(FILE);
  const names = source();
  expect(await names.tunnels(nothing)).toEqual([
    { value: 'web', description: 'local localhost:8080 → web:80 by bastion' },
    expect.objectContaining({ value: 'range-9000' }),
    expect.objectContaining({ value: 'range-9001' }),
  ]);
  expect(await values(names.hosts(nothing))).toEqual(['bastion', 'alias-of-ssh-config']);
  expect(await values(names.profiles(nothing))).toEqual(['debug']);
});

it('are those of the file the line names, or TUNNELS_FILE', async () => {
  write('tunnels: { other: -L 1:a:2 x }', 'other.yaml');
  expect(await values(source().tunnels({ files: ['other.yaml'] }))).toEqual(['other']);
  expect(await values(source({ TUNNELS_FILE: 'other.yaml' }).tunnels(nothing))).toEqual(['other']);
});

it.each([
  ['does not parse', `${FILE}\n  broken: [`],
  ['is not valid', `${FILE}\n  broken: { type: nonsense }\nnonsense: 1`],
  ['wants a variable that is not set', `${FILE}\nname: \${NOT_SET}`],
])('are the keys of one that %s', async (_, text) => {
  write(text);
  expect(await values(source().tunnels(nothing))).toEqual(expect.arrayContaining(['web', 'range']));
  expect(await values(source().hosts(nothing))).toEqual(['bastion']);
});

it('are none that would do something to the terminal', async () => {
  write('tunnels: { "a\\e[31m": 1, "b\\nc": 1, "\\u202Ed": 1, "$(touch x)": 1, web: 1 }');
  expect(await values(source().tunnels(nothing))).toEqual(['$(touch x)', 'web']);
});

it.each([
  ['there is no file', () => undefined],
  ['it is a list', () => write('- a')],
  ['it is a directory', () => mkdirSync(join(cwd, 'tunnels.yaml'))],
])('are none where %s', async (_, prepare) => {
  prepare();
  expect(await source().tunnels(nothing)).toEqual([]);
});

it('are not read from standard input', async () => {
  write(FILE);
  expect(await source().tunnels({ files: ['-'] })).toEqual([]);
});

it('of projects are those that are up, with their files; none where nothing is', async () => {
  expect(await source().projects()).toEqual([]);
  const scene = new RunningScene();
  try {
    await scene.up();
    const names = nameSource({ cwd, env: { HOME: cwd, TUNNELS_STATE_DIR: join(scene.dir, 's') } });
    expect(await names.projects()).toEqual([{ value: 'test', description: expect.stringMatching(/shop\/tunnels\.yaml$/) as string }]);
  } finally {
    await scene.end();
  }
});
