import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isInside } from '../../src/config/find.ts';
import { loadIn, makePipe, projectWith } from './loading.ts';

const FILE = 'tunnels:\n  web: -L 8080:web:80 bastion.example.com\n';

describe('the file', () => {
  test('is looked for upwards', async () => {
    const cwd = projectWith({ 'tunnels.yml': FILE, 'src/deep/keep': '' });
    const { loaded } = await loadIn(join(cwd, 'src/deep'));
    expect([loaded?.mainFile, loaded?.projectDirectory, loaded?.project.name]).toEqual([join(cwd, 'tunnels.yml'), cwd, 'shop']);
    expect([...(loaded?.sources.keys() ?? [])]).toEqual(['tunnels.yml']);
  });

  test('that is not there is told, with what to do', async () => {
    const { messages, failure } = await loadIn(projectWith({}));
    expect(messages).toEqual([
      expect.stringMatching(/^there is no tunnels\.yaml in .*shop or above it, write one \(tunnels init\), or name it with -f$/),
    ]);
    expect(failure?.diagnostics[0]).toMatchObject({ code: 'file-missing', range: null });
    expect(failure?.watch.length).toBe(2);
  });

  test('named .yml is passed over beside one named .yaml, and that is said', async () => {
    const { messages, loaded } = await loadIn(projectWith({ 'tunnels.yaml': FILE, 'tunnels.yml': FILE }));
    expect(messages).toEqual(['tunnels.yml is not read: there is a tunnels.yaml beside it']);
    expect(loaded?.diagnostics[0]?.severity).toBe('warning');
  });

  test('that is a folder, or a pipe, is told and not waited for', async () => {
    const cwd = projectWith({ 'pipe/keep': '' });
    mkdirSync(join(cwd, 'tunnels.yaml'));
    makePipe(join(cwd, 'pipe/tunnels.yaml'));
    expect((await loadIn(cwd)).messages).toEqual([`${cwd}/tunnels.yaml is a directory`]);
    expect((await loadIn(join(cwd, 'pipe'))).messages).toEqual([`${cwd}/pipe/tunnels.yaml is no regular file`]);
  });

  test('that is a symbolic link is the file it leads to, in the folder of the link', async () => {
    const cwd = projectWith({ 'real/shared.yaml': FILE, 'project/keep': '' });
    symlinkSync('../real/shared.yaml', join(cwd, 'project/tunnels.yaml'));
    const { loaded } = await loadIn(join(cwd, 'project'));
    expect([loaded?.mainFile, loaded?.projectDirectory]).toEqual([join(cwd, 'real/shared.yaml'), join(cwd, 'project')]);
    expect(loaded?.watch).toContain(join(cwd, 'project/tunnels.yaml'));
  });
});

describe('files that are named', () => {
  test('by -f are relative to the working directory, and called as they were named', async () => {
    const cwd = projectWith({ 'sub/other.yaml': 'tunnels: {web: 5}\n' });
    expect((await loadIn(cwd, { files: ['./sub/other.yaml'] })).messages[0]).toMatch(/^\.\/sub\/other\.yaml:1:16 tunnel "web" must be/);
  });

  test('by TUNNELS_FILE are used where there is no -f', async () => {
    const cwd = projectWith({ 'a.yaml': FILE, 'b.yaml': 'name: b\n', 'c.yaml': FILE });
    const env = { TUNNELS_FILE: 'a.yaml:b.yaml' };
    expect((await loadIn(cwd, { env })).loaded?.project.name).toBe('b');
    expect((await loadIn(cwd, { env, files: ['c.yaml'] })).loaded?.mainFile).toBe(join(cwd, 'c.yaml'));
  });

  test('and are not there are told, all of them', async () => {
    const { messages, failure } = await loadIn(projectWith({}), { files: ['a.yaml', 'b.yaml'] });
    expect(messages).toEqual(['a.yaml does not exist', 'b.yaml does not exist']);
    expect(failure?.watch).toHaveLength(2);
  });

  test('- is stdin, in the working directory', async () => {
    const cwd = projectWith({ 'base.yaml': 'hosts: {bastion: {}}\n' });
    const { loaded } = await loadIn(cwd, { files: ['-'], stdin: 'include: base.yaml\ntunnels: {web: "-L 8080:web:80 bastion"}\n' });
    expect([loaded?.mainFile, loaded?.projectDirectory]).toEqual(['<stdin>', cwd]);
    expect((await loadIn(cwd, { files: ['-'], stdin: 'x: 1' })).messages[0]).toMatch(/^<stdin>:1:1 unknown key "x"/);
  });
});

describe('the name of the project', () => {
  test.each([
    [{}, '', 'shop'],
    [{}, 'name: from-file\n', 'from-file'],
    [{ projectName: 'from-flag' }, 'name: from-file\n', 'from-flag'],
  ])('%j and %j', async (options, line, name) => {
    expect((await loadIn(projectWith({ 'tunnels.yaml': line + FILE }), options)).loaded?.project.name).toBe(name);
  });

  test('of a folder with other letters has none of them', async () => {
    const cwd = projectWith({ 'My Tunnels (2)/tunnels.yaml': FILE, '…/tunnels.yaml': FILE });
    expect((await loadIn(join(cwd, 'My Tunnels (2)'))).loaded?.project.name).toBe('My-Tunnels-2');
    expect((await loadIn(join(cwd, '…'))).loaded?.project.name).toBe('tunnels');
  });

  test('that is none is refused', async () => {
    expect((await loadIn(projectWith({ 'tunnels.yaml': FILE }), { projectName: '../x' })).messages).toEqual([
      '"../x" is no project name, letters, digits, _ . and -',
    ]);
  });
});

describe('env files', () => {
  const file = 'tunnels:\n  web: {type: local, host: h.example.com, ingress: 1, egress: "web:80", env: {V: "${A}"}}\n';
  const value = async (cwd: string, options = {}): Promise<string | undefined> =>
    (await loadIn(cwd, options)).loaded?.project.tunnels.get('web')?.env['V'];

  test('.env of the project directory, --env-file instead, and the environment over both', async () => {
    const cwd = projectWith({
      'tunnels.yaml': file,
      '.env': '# note\nA="from .env"\nSECRET=s\n',
      'a.env': 'A=a\n',
      'b.env': 'export A=b\n',
    });
    expect(await value(cwd)).toBe('from .env');
    expect(await value(cwd, { envFiles: ['a.env'] })).toBe('a');
    expect(await value(cwd, { envFiles: ['a.env', 'b.env'] })).toBe('b');
    expect(await value(cwd, { env: { A: 'env' } })).toBe('env');
    const { loaded } = await loadIn(cwd, { env: { OTHER: 'o', GONE: undefined } });
    expect(loaded?.environment).toMatchObject({ A: 'from .env', SECRET: 's', OTHER: 'o' });
    expect(loaded?.watch).toContain(join(cwd, '.env'));
  });

  test('that are named and not there are told', async () => {
    const cwd = projectWith({ 'tunnels.yaml': FILE });
    expect((await loadIn(cwd, { envFiles: ['no.env'] })).messages).toEqual(['no.env does not exist']);
    mkdirSync(join(cwd, '.env'));
    expect((await loadIn(cwd)).messages).toEqual(['.env is a directory']);
  });
});

test.each([
  ['/a', '/a', true],
  ['/a', '/a/b', true],
  ['/a', '/a/..b', true],
  ['/a', '/ab', false],
  ['/a', '/', false],
  ['/a/b', '/a', false],
  ['/', '/a', true],
])('inside %s: %s is %s', (directory, path, inside) => {
  expect(isInside(directory, path)).toBe(inside);
});

test('an emptied file is an error, so that a reload of it changes nothing', async () => {
  const cwd = projectWith({ 'tunnels.yaml': '' });
  expect((await loadIn(cwd)).errors).toEqual(['schema 1']);
  writeFileSync(join(cwd, 'tunnels.yaml'), 'tunnels: {}\n');
  expect((await loadIn(cwd)).loaded?.project.tunnels.size).toBe(0);
});
