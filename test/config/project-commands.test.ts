import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ProjectCommands } from '../../src/config/project-commands.ts';
import { loadIn, loadText, projectOf, projectWith, type Options } from './loading.ts';

const MAIN = `include: hosts.yaml
tunnels:
  web: {type: local, host: a, ingress: 8080, egress: "web:80", healthcheck: {command: [check, "\${WHERE:-here}"]}}
`;
const FILES = { 'tunnels.yaml': MAIN, 'hosts.yaml': 'hosts:\n  a: {hostname: a.example.com}\n', '.env': 'UNUSED=1\n' };

const commandsIn = async (directory: string, options: Options = {}): Promise<ProjectCommands | null> => {
  const { loaded, messages } = await loadIn(directory, options);
  if (!loaded) throw new Error(messages.join('\n'));
  return loaded.commands;
};

test('a file that runs nothing has none', async () => {
  const text = 'hosts: {a: {password: {env: PW}}}\ntunnels: {web: -L 1:web:2 a}\n';
  expect((await loadText(text)).loaded?.commands).toBeNull();
});

test('each with its place, its words and its use, in the order of the file, of inactive tunnels too', async () => {
  const { loaded, messages } = await loadText(`defaults:
  host: {passphrase: {command: [pass, key]}}
hosts:
  a: {hostname: a.example.com, user: me, password: {command: [pass, a]}}
tunnels:
  range: {type: local, host: a, ingress: 9000-9002, egress: "web:80-82", healthcheck: {command: [nc]}}
  sleeping: {type: local, host: me@b.example.com:23, ingress: 1, egress: 2, profiles: [debug], healthcheck: {command: [t], interval: 2s}, env: {URL: "x{port}"}}
`);
  expect(messages).toEqual([]);
  expect(loaded?.commands?.list.map(({ range, ...each }) => [`${range.start.line}:${range.start.column}`, each])).toEqual([
    ['2:32', { name: 'a', argv: ['pass', 'key'], use: { of: 'passphrase', account: 'me@a.example.com:22' } }],
    ['2:32', { name: 'me@b.example.com:23', argv: ['pass', 'key'], use: { of: 'passphrase', account: 'me@b.example.com:23' } }],
    ['4:62', { name: 'a', argv: ['pass', 'a'], use: { of: 'password', account: 'me@a.example.com:22' } }],
    ['6:97', { name: 'range', argv: ['nc'], use: { of: 'healthcheck', intervalMs: 10_000, env: {} } }],
    ['7:119', { name: 'sleeping', argv: ['t'], use: { of: 'healthcheck', intervalMs: 2_000, env: { URL: 'x{port}' } } }],
  ]);
  expect([...(loaded?.project.tunnels.keys() ?? [])]).toEqual(['range-9000', 'range-9001', 'range-9002']);
});

test('loading allows nothing, and says where a command runs', async () => {
  const project = await projectOf(
    `hosts: {a: {}}\ntunnels: {web: {type: local, host: a, ingress: 1, egress: 2, healthcheck: {command: [~/bin/x, ~/y]}}}\n`,
  );
  expect(project.tunnels.get('web')?.healthcheck?.probe).toMatchObject({
    kind: 'command',
    command: { argv: ['/home/tester/bin/x', '~/y'], trusted: false, cwd: expect.stringMatching(/shop$/) },
  });
});

describe('the digest is another one when', () => {
  test.each<[string, Readonly<Record<string, string>>, Options?]>([
    ['the file changes', { 'tunnels.yaml': MAIN.replace('8080', '8081') }],
    ['a comment of it does', { 'tunnels.yaml': `${MAIN}# hello\n` }],
    ['an included file changes', { 'hosts.yaml': 'hosts:\n  a: {hostname: b.example.com}\n' }],
    ['an override comes to it', { 'tunnels.override.yaml': 'tunnels: {web: {healthcheck: {command: [other]}}}\n' }],
    ['an env file changes what is said', { '.env': 'WHERE=there\n' }],
    ['an env file changes otherwise', { '.env': 'UNUSED=2\n' }],
    ['a variable of the environment does', {}, { env: { WHERE: 'there' } }],
    ['another env file is named', { 'other.env': 'UNUSED=2\n' }, { envFiles: ['other.env'] }],
  ])('%s', async (_, change, options) => {
    const directory = projectWith(FILES);
    const before = await commandsIn(directory);
    for (const [file, text] of Object.entries(change)) writeFileSync(join(directory, file), text);
    const after = await commandsIn(directory, options);
    expect(after?.file).toBe(before?.file);
    expect(after?.digest).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(after?.digest).not.toBe(before?.digest);
  });

  test('a link to the file lies in another directory, where a relative path is another program', async () => {
    const directory = projectWith(FILES);
    const elsewhere = join(directory, '..', 'elsewhere');
    mkdirSync(elsewhere);
    symlinkSync(join(directory, 'tunnels.yaml'), join(elsewhere, 'tunnels.yaml'));
    for (const file of ['hosts.yaml', '.env'] as const) writeFileSync(join(elsewhere, file), FILES[file]);
    const [here, there] = [await commandsIn(directory), await commandsIn(elsewhere)];
    expect(there?.file).toBe(here?.file);
    expect(there?.digest).not.toBe(here?.digest);
  });
});

describe('the digest stays when', () => {
  test.each<[string, Options]>([
    ['nothing changes', {}],
    ['a variable that nothing uses does', { env: { ELSE: '1' } }],
    ['a profile is named', { profiles: ['debug'] }],
    ['the project is called otherwise', { projectName: 'other' }],
    ['it is named with -f', { files: ['tunnels.yaml'] }],
  ])('%s', async (_, options) => {
    const directory = projectWith(FILES);
    expect((await commandsIn(directory, options))?.digest).toBe((await commandsIn(directory))?.digest);
  });
});

test('from stdin it is bound to the directory', async () => {
  const directory = projectWith({});
  const stdin = 'hosts: {a: {password: {command: [x]}}}\ntunnels: {web: -L 1:web:2 a}\n';
  expect((await commandsIn(directory, { files: ['-'], stdin }))?.file).toBe(join(directory, '<stdin>'));
});
