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
    ['Match exec "touch x"\n', 'its line 1 is not a keyword'],
    ['\n\n  match host a exec "touch x"\n', 'its line 3 is not a keyword'],
    ['Match exec touch\n', 'its line 1 runs a command'],
    ['=Match exec "touch /tmp/x"\n', 'its line 1 is not a keyword'],
    [' = match originalhost mx exec "touch x"\n', 'its line 1 is not a keyword'],
    [' = match originalhost mx exec x\n', 'its line 1 is not a keyword'],
    ['=Include /abs/evil.conf\n', 'its line 1 is not a keyword'],
    ["Include '/abs/evil.conf'\n", 'its line 1 is not a keyword'],
    ["Include ''/abs/evil.conf\n", 'its line 1 is not a keyword'],
    ['Include \\/abs/evil.conf\n', 'its line 1 is not a keyword'],
    ['Host a\n"Match" host b\n', 'its line 2 is not a keyword'],
    ['Host a\rMatch exec x\n', 'its line 1 is not a keyword'],
    ['\u000bMatch exec x\n', 'its line 1 is not a keyword'],
    [`#${' '.repeat(1100)}Match exec x\n`, 'its line 1 is longer'],
    ['Match host exec exec x\n', 'its line 1 runs a command'],
    ['Match originalhost\n', 'its line 1 has no pattern'],
    ['Match localnetwork 10.0.0.0/8\n', 'its line 1 has Match localnetwork'],
    ['Host a\n  ProxyCommand nc %h %p\n', 'its line 2 has ProxyCommand'],
    ['KnownHostsCommand /tmp/x\n', 'its line 1 has KnownHostsCommand'],
    ['PKCS11Provider /tmp/x.so\n', 'its line 1 has PKCS11Provider'],
    ['Host a\n  HostKeyAlias a,b\n', 'its line 2 has a HostKeyAlias'],
    ['Host a\n  HostKeyAlias a b\n', 'its line 2 has a HostKeyAlias'],
    ['Match all\nMatch final host *.example.com,!b\nMatch !localuser root\nMatch canonical all\n', null],
    ['Host=a\n\tHostName = 10.0.0.1\r\n  Ciphers +aes128-ctr,aes256-ctr\n  IdentityFile ~/.ssh/%h-key\n  LocalForward 80 [::1]:80\n', null],
    ['MATCH !EXEC x\n', 'its line 1 runs a command'],
    ['Match=exec x\n', 'its line 1 runs a command'],
    ['"Match" exec x\n', 'its line 1 is not a keyword'],
    ['match\texec=x\n', 'its line 1 is not a keyword'],
    ['Include ./evil\n', null],
    ['Include /tmp/evil\n', 'its line 1 includes a file'],
    ['Include ~/code/evil/conf\n', 'its line 1 includes a file'],
    ['Include ~/.ssh/../code/evil\n', 'its line 1 includes a file'],
    ['Include ../code/evil\n', 'its line 1 includes a file'],
    ['Include ok "/tmp/e vil"\n', 'its line 1 is not a keyword'],
    ['include="/tmp/evil"\n', 'its line 1 is not a keyword'],
    ['include=/tmp/evil\n', 'its line 1 includes a file'],
    ['Include ${PWD}/evil\n', 'its line 1 is not a keyword'],
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
