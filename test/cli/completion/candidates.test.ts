import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { complete, type NameSource } from '../../../src/cli/completion/candidates.ts';
import { addGlobalOptions } from '../../../src/cli/global-options.ts';
import { commandTable, option } from '../../../src/cli/define-command.ts';
import { fileCommands } from '../../../src/cli/table/file-commands.ts';
import { lifecycleCommands } from '../../../src/cli/table/lifecycle-commands.ts';
import { seeingCommands } from '../../../src/cli/table/seeing-commands.ts';
import { shellCommands } from '../../../src/cli/table/shell-commands.ts';
import { usingCommands } from '../../../src/cli/table/using-commands.ts';
import { FakeIo } from '../fake-runner.ts';

const program = addGlobalOptions(new Command('tunnels'), option);
const table = commandTable({ program, argv: [], io: new FakeIo(), ended: () => undefined });
for (const add of [lifecycleCommands, seeingCommands, usingCommands, fileCommands, shellCommands(program)]) add(table);

const asked: (readonly string[])[] = [];
const of =
  (...values: readonly string[]) =>
  async (what: { readonly files: readonly string[] }) => {
    asked.push(what.files);
    return values.map((value) => ({ value, description: '' }));
  };
const names: NameSource = {
  tunnels: of('git', 'git-inner', 'web'),
  hosts: of('bastion', 'deploy@gate:2222'),
  profiles: of('debug'),
  projects: async () => [{ value: 'shop', description: '' }],
};

/** The words of a line; one that ends in a blank has an empty word at the cursor. */
const at = (line: string) => complete(program, line.split(' '), names);
const values = async (line: string): Promise<string[]> => (await at(line)).candidates.map(({ value }) => value);

describe('at a word', () => {
  it.each<[string, readonly string[]]>([
    ['gr', ['graph']],
    ['re', ['restart', 'reload']],
    ['-p shop sch', ['schema']],
    ['help gr', ['graph']],
    ['up ', ['git', 'git-inner', 'web']],
    ['up gi', ['git', 'git-inner']],
    ['up git ', ['git-inner', 'web']],
    ['port ', ['git', 'git-inner', 'web']],
    ['port git ', []],
    ['logs -f ', ['git', 'git-inner', 'web', 'bastion', 'deploy@gate:2222']],
    ['logs deploy@gate:', ['deploy@gate:2222']],
    ['graph ', []],
    ['completion ', ['bash', 'zsh', 'fish']],
    ['nonsense ', expect.arrayContaining(['up', 'down']) as string[]],
  ])('tunnels %s', async (line, expected) => {
    expect(await values(line)).toEqual(expected);
  });

  it('offers every command that is no secret, each with what it does', async () => {
    const { candidates } = await at('');
    expect(candidates.map(({ value }) => value)).toEqual(expect.arrayContaining(['up', 'ps', 'run', 'completion', 'help']));
    expect(candidates.filter(({ value, description }) => value.startsWith('_') || description === '')).toEqual([]);
  });
});

describe('at a flag and its value', () => {
  it.each<[string, readonly string[]]>([
    ['up --no', ['--no-deps', '--no-watch']],
    ['graph --format ', ['ascii', 'mermaid', 'dot', 'svg', 'json']],
    ['graph --format=d', ['--format=dot']],
    ['--ansi a', ['always', 'auto']],
    ['graph --progress j', ['json']],
    ['--profile ', ['debug']],
    ['--profile=', ['--profile=debug']],
    ['-p ', ['shop']],
    ['ps --project-name=s', ['--project-name=shop']],
    ['ps --status o', ['opening', 'open']],
    ['ps --status open --status un', ['unhealthy']],
    ['up -t ', []],
    ['up -t 5 w', ['web']],
    ['up -t5 w', ['web']],
    ['up --wait w', ['web']],
    ['up --nonsense w', ['web']],
  ])('tunnels %s', async (line, expected) => {
    expect(await values(line)).toEqual(expected);
  });

  it.each(['-f ', '--file a', '--env-file ', 'graph -f x', '--file=x'])('tunnels %s is a path', async (line) => {
    expect(await at(line)).toMatchObject({ kind: 'files', candidates: [] });
  });

  it('each is offered once, and none that is hidden', async () => {
    const all = await values('logs --');
    expect(all).toEqual([...new Set(all)]);
    expect(all).toEqual(expect.arrayContaining(['--help', '--follow', '--file', '--since']));
  });
});

describe('the command of run', () => {
  it.each([
    ['run -- ', 2],
    ['run web -- np', 3],
    ['-f a run -- npm t', 4],
    ['-f -- run -- npm t', 4],
  ])('tunnels %s', async (line, from) => {
    expect(await at(line)).toEqual({ kind: 'command', from, candidates: [] });
  });

  it('is nothing after any other', async () => {
    expect(await at('up -- w')).toEqual({ kind: 'words', from: 0, candidates: [] });
  });
});

it('names are looked for in the files that the line names', async () => {
  asked.length = 0;
  await at('-f a.yaml up --file=b.yaml -f -- ');
  expect(asked).toEqual([['a.yaml', 'b.yaml', '--']]);
});
