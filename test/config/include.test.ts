import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadIn, makePipe, projectWith } from './loading.ts';

const TUNNELS = 'tunnels:\n  web: -L 8080:web:80 bastion\n';

test('what a file includes lies under it, and is relative to it', async () => {
  const cwd = projectWith({
    'tunnels.yaml': `include: [parts/hosts.yaml, more.yaml]\n${TUNNELS}`,
    'parts/hosts.yaml': 'include: deeper/base.yaml\nhosts: {bastion: {user: from-hosts}}\n',
    'parts/deeper/base.yaml': 'hosts: {bastion: {user: from-base, port: 2222}}\n',
    'more.yaml': 'tunnels: {web: {park: 1s, egress: "other:81"}, db: "-L 5432:db:5432 bastion"}\n',
  });
  const { loaded, messages } = await loadIn(cwd);
  expect(messages).toEqual([]);
  const bastion = loaded?.project.hosts.get('bastion');
  expect([bastion?.user, bastion?.port]).toEqual(['from-hosts', 2222]);
  expect(loaded?.project.tunnels.get('web')?.egress).toEqual({ kind: 'tcp', host: 'web', port: 80 });
  expect([...(loaded?.project.tunnels.keys() ?? [])].sort()).toEqual(['db', 'web']);
  expect(loaded?.watch).toEqual(
    expect.arrayContaining(
      [
        'tunnels.yaml',
        'tunnels.override.yaml',
        'tunnels.override.yml',
        '.env',
        'parts/hosts.yaml',
        'parts/deeper/base.yaml',
        'more.yaml',
      ].map((name) => join(cwd, name)),
    ),
  );
  expect([...(loaded?.sources.keys() ?? [])]).toEqual(['tunnels.yaml', 'parts/hosts.yaml', 'parts/deeper/base.yaml', 'more.yaml']);
});

test('a file may be named by a variable, and by two files', async () => {
  const cwd = projectWith({
    'tunnels.yaml': `include: ["$STAGE.yaml", other.yaml]\n${TUNNELS}`,
    'staging.yaml': 'include: base.yaml\n',
    'other.yaml': 'include: base.yaml\n',
    'base.yaml': 'hosts: {bastion: {identity_file: [a]}}\n',
  });
  const { loaded, messages } = await loadIn(cwd, { env: { STAGE: 'staging' } });
  expect(messages).toEqual([]);
  expect(loaded?.project.hosts.get('bastion')?.identityFiles).toEqual([join(cwd, 'a')]);
});

test('nothing outside the project directory is included, whatever the way', async () => {
  const cwd = projectWith({ 'tunnels.yaml': '', 'parts/inner.yaml': 'include: ../../outside.yaml\n', '../outside.yaml': TUNNELS });
  symlinkSync('../outside.yaml', join(cwd, 'link.yaml'));
  symlinkSync('..', join(cwd, 'up'));
  symlinkSync('/dev/zero', join(cwd, 'zero.yaml'));
  const outside = [
    '../outside.yaml',
    'parts/../../outside.yaml',
    join(cwd, '..', 'outside.yaml'),
    'link.yaml',
    'up/outside.yaml',
    '/etc/passwd',
    'zero.yaml',
  ];
  const lines = [...outside, 'parts/inner.yaml'].map((file) => `  - ${file}\n`).join('');
  writeFileSync(join(cwd, 'tunnels.yaml'), `include:\n${lines}${TUNNELS}hosts: {bastion: {}}\n`);
  const { diagnostics, failure } = await loadIn(cwd);
  expect(diagnostics.map(({ code, range }) => `${code} ${range?.file}:${range?.start.line}`)).toEqual([
    ...outside.map((_, index) => `include-outside tunnels.yaml:${index + 2}`),
    'include-outside parts/inner.yaml:1',
  ]);
  expect([...(failure?.sources.keys() ?? [])]).not.toContain('outside.yaml');
});

test('what is inside by a symbolic link is included', async () => {
  const cwd = projectWith({ 'tunnels.yaml': `include: link.yaml\n${TUNNELS}`, 'hosts.yaml': 'hosts: {bastion: {}}\n' });
  symlinkSync('hosts.yaml', join(cwd, 'link.yaml'));
  expect((await loadIn(cwd)).messages).toEqual([]);
});

test('what is no file is never waited for', async () => {
  const cwd = projectWith({
    'tunnels.yaml': `include: [pipe.yaml, folder, missing.yaml, large.yaml]\n${TUNNELS}hosts: {bastion: {}}\n`,
    'large.yaml': 'x'.repeat(1024 * 1024 + 1),
  });
  makePipe(join(cwd, 'pipe.yaml'));
  mkdirSync(join(cwd, 'folder'));
  const { messages, failure } = await loadIn(cwd);
  expect(messages).toEqual([
    'tunnels.yaml:1:11 pipe.yaml is no regular file',
    'tunnels.yaml:1:22 folder is a directory',
    'tunnels.yaml:1:30 missing.yaml does not exist',
    'tunnels.yaml:1:44 large.yaml is larger than 1 MiB',
  ]);
  expect(failure?.watch).toContain(join(cwd, 'missing.yaml'));
});

test('files that include each other are told once, with the way', async () => {
  const cwd = projectWith({
    'tunnels.yaml': `include: a.yaml\n${TUNNELS}hosts: {bastion: {}}\n`,
    'a.yaml': 'include: b.yaml\n',
    'b.yaml': '\ninclude: [a.yaml, tunnels.yaml]\n',
  });
  const { messages } = await loadIn(cwd);
  expect(messages).toEqual([
    'b.yaml:2:11 the files include each other: a.yaml -> b.yaml -> a.yaml',
    'b.yaml:2:19 the files include each other: tunnels.yaml -> a.yaml -> b.yaml -> tunnels.yaml',
  ]);
});

test('problems of an included file are at its own lines', async () => {
  const cwd = projectWith({
    'tunnels.yaml': `include: parts/hosts.yaml\n${TUNNELS}`,
    'parts/hosts.yaml': '\n\nhosts: {bastion: {prt: 22}}\n',
  });
  expect((await loadIn(cwd)).messages).toEqual(['parts/hosts.yaml:3:19 unknown key "prt" in host "bastion", did you mean "port"?']);
});
