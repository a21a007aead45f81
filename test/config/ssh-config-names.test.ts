import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { sshConfigNames } from '../../src/config/ssh-config-names.ts';
import { remove, scratch } from '../helpers/scratch.ts';

let home: string;
beforeEach(() => {
  home = scratch('ssh-names');
});
afterEach(() => remove(home));

function write(file: string, text: string): void {
  const path = join(home, '.ssh', file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

it.each<[string, string, readonly string[]]>([
  ['plain ones', 'Host a\n  HostName a.example.com\nHost b c\n', ['a', 'b', 'c']],
  ['each once', 'Host a b\nHost b\n', ['a', 'b']],
  ['no patterns', 'Host * !a *.example.com b? c\n', ['c']],
  ['keywords in any case, with = and quotes', 'host=a\nHOST "b"\n\tHost\t=\tc\n', ['a', 'b', 'c']],
  ['no comments', '# Host a\nHost b # c d\n', ['b']],
  ['none of Match', 'Match host a\nMatch all\n', []],
  ['none that could not stand in a file', 'Host -oProxyCommand=x a$b ok c;d\n', ['ok']],
  ['lines of Windows', 'Host a\r\nHost b\r\n', ['a', 'b']],
  ['nothing of an empty file', '', []],
])('%s', async (_, text, names) => {
  write('config', text);
  expect(await sshConfigNames(home)).toEqual(names);
});

it('follows Include: relative to ~/.ssh, with patterns, ~ and absolute, and no circles', async () => {
  write('config', `Include config.d/*.conf ~/.ssh/other ${home}/.ssh/third missing\nHost last\nInclude config\n`);
  write('config.d/b.conf', 'Host b\nInclude config');
  write('config.d/a.conf', 'Host a');
  write('config.d/.hidden.conf', 'Host hidden');
  write('config.d/a.txt', 'Host text');
  write('other', 'Host other');
  write('third', 'Host third');
  expect(await sshConfigNames(home)).toEqual(['a', 'b', 'other', 'third', 'last']);
});

it('is empty where there is no file, or none that can be read', async () => {
  expect(await sshConfigNames(home)).toEqual([]);
  mkdirSync(join(home, '.ssh', 'config'), { recursive: true });
  expect(await sshConfigNames(home)).toEqual([]);
});

it('does not wait for a device', async () => {
  mkdirSync(join(home, '.ssh'));
  symlinkSync('/dev/zero', join(home, '.ssh', 'config'));
  expect(await sshConfigNames(home)).toEqual([]);
});
