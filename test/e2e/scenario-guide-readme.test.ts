/** What README shows works: its file, its short forms, its commands, its links, its error message. What the others name exists. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { createProject, type Project } from '../helpers/project.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const README = readFileSync(join(ROOT, 'README.md'), 'utf8');
const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: Record<string, string> };

const blocks = (language: string): string[] =>
  [...README.matchAll(/^```(\w*)\n([^]*?)^```$/gm)].filter((block) => block[1] === language).map((block) => block[2] ?? '');
/** Commands of the sh blocks, without comments, one each. */
const commands = blocks('sh')
  .flatMap((block) => block.split('\n'))
  .flatMap((line) => line.replace(/\s+#.*$/, '').split('&&'))
  .map((command) => command.trim())
  .filter((command) => command !== '');
const FILE = blocks('yaml')[0] ?? '';

let project: Project | undefined;
afterEach(async () => {
  await project?.remove();
});
const projectOf = (yaml: string): Project => (project = createProject({ yaml }));

test('every link to a file leads somewhere', () => {
  const links = [...README.matchAll(/\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)/g)].map((match) => match[1] ?? '');
  expect(links.length).toBeGreaterThan(20);
  expect(links.filter((link) => !existsSync(join(ROOT, link)))).toEqual([]);
});

const DOCUMENTS = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md'];
test.each(DOCUMENTS)('every file and npm script that %s names exists', (document) => {
  const text = readFileSync(join(ROOT, document), 'utf8');
  // Paths with a folder; `a/b.ts` stands for any. Most are given without the `src/` or `test/` before them.
  const paths = [...text.matchAll(/`((?:[\w.-]+\/)+[\w.-]+\.(?:ts|mjs|md|json|yaml))`/g)].map((match) => match[1] ?? '');
  const there = (path: string): boolean => ['', 'src', 'test'].some((folder) => existsSync(join(ROOT, folder, path)));
  expect(paths.filter((path) => !/\ba\/b\b/.test(path) && !there(path))).toEqual([]);
  const named = [...text.matchAll(/`npm (?:run ([\w:-]+)|(test))/g)].map((match) => match[1] ?? match[2] ?? '');
  expect(named.filter((script) => scripts[script] === undefined)).toEqual([]);
});

test('every example is named', () => {
  expect(readdirSync(join(ROOT, 'examples')).filter((example) => !README.includes(`(examples/${example}/tunnels.yaml)`))).toEqual([]);
});

test('its npm commands are there', () => {
  const named = commands.flatMap((command) => /^npm (?:run )?(test|demo|build)\b/.exec(command)?.[1] ?? []);
  expect(named).toEqual(expect.arrayContaining(['demo', 'test', 'build']));
  expect(named.filter((script) => scripts[script] === undefined)).toEqual([]);
});

test('the file is valid', async () => {
  expect(await projectOf(FILE).run(['config', '-q'])).toMatchObject({ code: 0, stdout: '', stderr: '' });
});

const ours = commands.filter((command) => command.startsWith('tunnels '));
test('there are commands to try', () => {
  expect(ours).toEqual(expect.arrayContaining(['tunnels up', 'tunnels config', 'tunnels plan', 'tunnels graph']));
});

test.each(ours)('%s', async (command) => {
  const [, ...words] = command.split(/\s+/);
  const { code, stdout, stderr } = await projectOf(FILE).run([...words, '--dry-run']);
  expect(stderr).toBe('');
  // 2 is a usage error too, but that would be told; of `plan` it says that there is something to do.
  expect(code).toBe(words[0] === 'plan' ? 2 : 0);
  expect(stdout).toContain('git-inner');
});

const shortForms = [...README.matchAll(/`(\w+: -[LRD] [^`]+)`/g)].map((match) => match[1] ?? '');
test.each(shortForms)('the short form %s is valid', async (form) => {
  expect(await projectOf(`tunnels:\n  ${form}\n`).run(['config', '-q'])).toMatchObject({ code: 0, stderr: '' });
});

test('a mistake in it is shown as README shows it', async () => {
  const [, line = '', column = '', message = ''] = /^tunnels\.yaml:(\d+):(\d+) (unknown host "bastoin".*)$/m.exec(README) ?? [];
  const lines = FILE.split('\n');
  lines[Number(line) - 1] = (lines[Number(line) - 1] ?? '').replace('bastion', 'bastoin');
  const { code, stderr } = await projectOf(lines.join('\n')).run(['config', '-q']);
  expect(code).toBe(3);
  expect(stderr).toContain(`tunnels.yaml:${line}:${column} ${message}`);
});
