import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkConfigFile } from '../../src/config/ssh-config-file.ts';
import { sshConfigLookup } from '../../src/config/ssh-config.ts';
import { loadIn, projectWith } from './loading.ts';

describe('an ssh_config of the project may not run anything', () => {
  test.each([
    ['Host a\n  User b\n', null],
    ['Match host a\n  User b\n', null],
    ['Match originalhost a user b\n', null],
    ['# Match exec "x"\n', null],
    ['Include ~/.ssh/extra\n', null],
    ['Include ~/.ssh/conf.d/*.conf /etc/ssh/extra\n', null],
    ['Include extra.conf\n', null],
    ['Match exec "touch x"\n', 'its line 1 runs a command'],
    ['\n\n  match host a exec "touch x"\n', 'its line 3 runs a command'],
    ['MATCH !EXEC x\n', 'its line 1 runs a command'],
    ['Match=exec x\n', 'its line 1 runs a command'],
    ['"Match" exec x\n', 'its line 1 runs a command'],
    ['match\texec=x\n', 'its line 1 runs a command'],
    ['Include ./evil\n', null],
    ['Include /tmp/evil\n', 'its line 1 includes a file'],
    ['Include ~/code/evil/conf\n', 'its line 1 includes a file'],
    ['Include ~/.ssh/../code/evil\n', 'its line 1 includes a file'],
    ['Include ../code/evil\n', 'its line 1 includes a file'],
    ['Include ok "/tmp/e vil"\n', 'its line 1 includes a file'],
    ['include="/tmp/evil"\n', 'its line 1 includes a file'],
    ['Include ${PWD}/evil\n', 'its line 1 includes a file'],
    ['Include %d/code/evil\n', 'its line 1 includes a file'],
  ])('%j', async (text, refused) => {
    const path = join(projectWith({ config: text }), 'config');
    const checked = await checkConfigFile(path, { shown: 'config', home: '/home/tester' });
    expect(checked.ok ? null : checked.error.message).toEqual(refused === null ? null : expect.stringContaining(refused));
  });

  test('but the user may have it in ~/.ssh', async () => {
    const home = projectWith({ '.ssh/config': 'Match exec "true"\n' });
    expect(await checkConfigFile(join(home, '.ssh/config'), { shown: '~/.ssh/config', home })).toEqual({ ok: true, value: true });
  });

  test('and ssh never sees it', async () => {
    const cwd = projectWith({});
    const ran = join(cwd, 'ran');
    const project = projectWith({
      'tunnels.yaml': 'hosts:\n  a: {ssh_config: ./config}\n  b: {ssh_config: config}\ntunnels:\n  web: -L 1:web:80 a\n',
      config: `Match exec "touch ${ran}"\n`,
    });
    const { errors } = await loadIn(project, { lookup: sshConfigLookup() });
    expect(errors).toEqual(['unsupported 2', 'unsupported 3']);
    expect(existsSync(ran)).toBe(false);
  });
});
