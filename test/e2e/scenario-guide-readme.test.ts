/** What README shows works: its file, its short forms, its commands, its links, its error message. What the others name exists. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { startChild } from '../helpers/child.ts';
import { createProject, programFile, type Project } from '../helpers/project.ts';
import { startTerminal } from '../helpers/terminal.ts';
import { turn } from '../helpers/turn.ts';
import { until } from '../helpers/wait.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const README = readFileSync(join(ROOT, 'README.md'), 'utf8');
const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: Record<string, string> };

const blocks = (language: string, text = README): string[] =>
  [...text.matchAll(/^```(\w*)\n([^]*?)^```$/gm)].filter((block) => block[1] === language).map((block) => block[2] ?? '');
/** Without comments. */
const linesOf = (block: string): string[] =>
  block
    .split('\n')
    .map((line) => line.replace(/\s+#.*$/, '').trim())
    .filter((line) => line !== '');
/** Commands of the sh blocks, one each. */
const commands = blocks('sh')
  .flatMap(linesOf)
  .flatMap((line) => line.split('&&'))
  .map((command) => command.trim());
const FILE = blocks('yaml')[0] ?? '';

let project: Project | undefined;
let give: (() => void) | undefined;
afterEach(async () => {
  give?.();
  give = undefined;
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

const [SERVERS = '', TOUR = ''] = blocks('sh', README.slice(README.indexOf('\n## A tour\n')));
const ours = commands.filter((command) => command.startsWith('tunnels ') && !SERVERS.includes(command) && !TOUR.includes(command));

test.each(ours)('%s', async (command) => {
  const [, ...words] = command.split(/\s+/);
  const { code, stdout, stderr } = await projectOf(FILE).run([...words, '--dry-run']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toContain('git-inner');
});

test('every command it names is one', async () => {
  const { stdout } = await projectOf(FILE).run(['--help']);
  const named = new Set([...README.matchAll(/(?:`|^|&& |"\$\()tunnels ([a-z]+)/gm)].map((match) => match[1] ?? ''));
  expect(named.size).toBeGreaterThan(20);
  expect([...named].filter((name) => !new RegExp(`^  ${name}\\b`, 'm').test(stdout))).toEqual([]);
});

/** What a line of the tour ends with, where that is not 0, and the keys that end it where nothing else does. */
const ENDS: Readonly<Record<string, { readonly code: number; readonly shows?: RegExp; readonly keys?: string }>> = {
  'tunnels plan': { code: 2 },
  'tunnels logs -f': { code: 130, shows: /^git +\| .* open 127/m, keys: '\u0003' },
  'tunnels top': { code: 0, shows: /q quit/, keys: 'q' },
};

test('the tour, line by line in two terminals, as it is written', { timeout: 180_000 }, async () => {
  // The tests of the demo have the same port.
  give = await turn('the port of the demo');
  const made = (project = createProject({}));
  const [demo = ''] = linesOf(SERVERS);
  const servers = startChild(process.execPath, [programFile(), ...demo.split(' ').slice(1)], { cwd: made.dir, env: made.env });
  await until(() => servers.stdout().includes('In another terminal'), { what: 'the servers', ms: 15_000, detail: servers.stderr });
  const shell = await startTerminal({
    command: ['bash', '--norc', '-i'],
    cwd: made.dir,
    env: { ...made.env, TERM: 'screen-256color', CI: '' },
    columns: 120,
    rows: 50,
  });
  try {
    const prompt = (count: number): RegExp => new RegExp(`^(?:\\^C)?<${count}:(\\d+)>$`, 'm');
    // Each prompt has a number of its own, and tells how the line before it has ended.
    shell.type(`n=0; PS1='<$((n++)):$?>\\n'; tunnels() { ${process.execPath} -- ${programFile()} "$@"; }; clear\r`);
    await shell.untilShows(prompt(0));
    const lines = linesOf(TOUR);
    expect(lines.length).toBeGreaterThan(15);
    for (const [index, line] of lines.entries()) {
      const { code, shows, keys } = { code: 0, ...ENDS[line] };
      shell.type(`clear\r`);
      await shell.untilShows(prompt(2 * index + 1));
      shell.type(`${line}\r`);
      if (shows && keys) {
        await shell.untilShows(shows);
        shell.type(keys);
      }
      const screen = await shell.untilShows(prompt(2 * index + 2), 30_000);
      expect({ line, code: Number(prompt(2 * index + 2).exec(screen)?.[1]), screen }).toEqual({ line, code, screen });
      if (line.includes('curl')) expect(screen).toContain('git-server: 1 repository, shop.git');
      if (line === 'tunnels ps') expect(screen).toMatch(/^git +open +127\.0\.0\.1:\d+ +→ +localhost:2999 +bastion/m);
      if (line.startsWith('tunnels events')) expect(screen).toMatch(/^\{"seq":\d+/m);
    }
    expect(await made.run(['ls', '-q'])).toMatchObject({ code: 0, stdout: '' });
    process.kill(servers.pid, 'SIGINT');
    expect(await servers.exited).toMatchObject({ code: 130 });
    expect(existsSync(join(made.dir, 'tunnels-demo'))).toBe(false);
  } finally {
    shell.stop();
    await servers.stop('SIGKILL');
  }
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
