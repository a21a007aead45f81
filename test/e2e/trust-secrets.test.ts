/** Secrets that a command prints, over real sshd: they open it, each login asks anew, and they show up nowhere. */
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { accountsAvailable } from '../helpers/accounts.ts';
import { figure } from '../helpers/figure.ts';
import { keyPair } from '../helpers/keys.ts';
import { processTable } from '../helpers/process-table.ts';
import { hostEntry, type Project, type Up } from '../helpers/project.ts';
import { at, echoes, failureOf, scene } from '../helpers/scene.ts';
import { startEcho, type Service } from '../helpers/services.ts';
import type { Sshd } from '../helpers/sshd.ts';
import { until } from '../helpers/wait.ts';

const PASSWORD = 'correct horse battery';
const all = scene(afterAll);
const each = scene(afterEach);
let echo: Service;

beforeAll(async () => {
  echo = await all.add(startEcho());
});

/** `secret` beside the file is a program, and counts how often it is asked. */
function projectWith(sshd: Sshd, host: Record<string, unknown>, script: string): Project {
  const { identity_file: _, ...entry } = hostEntry(sshd, { agent: 'none', identity_file: [], reconnect: { min: '50ms' }, ...host });
  const tunnels = { web: { type: 'local', host: 'bastion', ingress: 0, egress: at(echo) } };
  const project = each.project({ yaml: { hosts: { bastion: { ...entry, ...host } }, tunnels } });
  writeFileSync(join(project.dir, 'secret'), `#!/bin/sh\necho asked >>asked\n${script}\n`);
  chmodSync(join(project.dir, 'secret'), 0o755);
  return project;
}
const asked = (project: Project): number =>
  existsSync(join(project.dir, 'asked')) ? readFileSync(join(project.dir, 'asked'), 'utf8').trim().split('\n').length : 0;
const trust = async (project: Project): Promise<void> => expect((await project.run(['trust', '--yes'])).code).toBe(0);
const failed = (up: Up): Promise<unknown> => up.untilEvent((event) => event.subject?.name === 'bastion' && event.to === 'failed');
const COMMAND = { command: ['./secret', 'show'] };

describe.runIf(accountsAvailable())('a password', () => {
  const accounts = [{ name: 'deploy', password: PASSWORD }];
  const ways = {
    password: { PasswordAuthentication: 'yes', KbdInteractiveAuthentication: 'no', UsePAM: 'no' },
    'keyboard-interactive': { PasswordAuthentication: 'no', KbdInteractiveAuthentication: 'yes', UsePAM: 'yes' },
  };
  const server = (way: keyof typeof ways = 'password'): Promise<Sshd> => each.sshd({ name: 'bastion', accounts, config: ways[way] });

  it.each(['password', 'keyboard-interactive'] as const)('opens the host by %s, and is asked for at each login', async (way) => {
    const sshd = await server(way);
    const project = projectWith(sshd, { password: COMMAND }, `echo '${PASSWORD}'; echo user: deploy`);
    await trust(project);
    const up = project.up();
    await up.untilOpen(['web']);
    await echoes(up.port('web'));
    expect(asked(project)).toBe(1);
    sshd.signalSessions('SIGKILL');
    await up.untilEvent((event) => event.subject?.name === 'bastion' && event.to === 'backoff');
    await until(() => asked(project) === 2, { what: 'the second login to ask' });
    await up.untilEvent((event) => event.type === 'tunnel-state' && event['from'] === 'reconnecting' && event.to === 'open');
    await echoes(up.port('web'));
  });

  it('is in no log, no argument, no file of the state and no output', async () => {
    const sshd = await server();
    const project = projectWith(sshd, { password: COMMAND }, `sleep 0.3; echo '${PASSWORD}'`);
    await trust(project);
    const detached = await project.run(['-vvv', 'up', '-d', '--wait']);
    expect(detached.code).toBe(0);
    const outputs = [detached.stderr, detached.stdout];
    for (const args of [
      ['logs', '-vvv'],
      ['events', '--json'],
      ['config'],
      ['ps', '--format', 'json'],
      ['trust', '--show'],
      ['graph', '--format', 'json'],
    ]) {
      const { stdout, stderr } = await project.run(args);
      outputs.push(stdout, stderr);
    }
    const { pid } = JSON.parse((await project.run(['ps', '--format', 'json'])).stdout) as { pid: number };
    for (const file of ['cmdline', 'environ']) outputs.push(readFileSync(`/proc/${pid}/${file}`, 'utf8'));
    for (const file of readdirSync(project.stateDir, { recursive: true, withFileTypes: true }))
      if (file.isFile()) outputs.push(readFileSync(join(file.parentPath, file.name), 'utf8'));
    expect((await project.run(['down'])).code).toBe(0);
    const leaks = outputs.filter((text) => text.includes(PASSWORD));
    expect(figure('a secret of a command, places it shows up in', leaks.length, { unit: 'places', limit: 0 })).toBe(0);
    expect(outputs.length).toBeGreaterThan(15);
  });

  it.each<[string, string, string]>([
    [
      'a command that fails, with what it said',
      'echo "no such entry" >&2; exit 4',
      'the command that prints the password, ./secret, exited with 4: no such entry',
    ],
    ['one that prints nothing', 'exit 0', 'the command that prints the password, ./secret, printed nothing'],
    ['one that prints without end', 'yes secret-text', 'the command that prints the password, ./secret, printed too much'],
    ['the wrong one', 'echo wrong-password', 'permission denied for deploy'],
  ])('%s is told, and not tried again', async (_, script, words) => {
    const sshd = await server();
    const project = projectWith(sshd, { password: COMMAND }, script);
    await trust(project);
    const up = project.up(['-v']);
    await failed(up);
    expect(failureOf(up, 'bastion')).toMatchObject({
      code: 'auth-rejected',
      message: expect.stringContaining(words),
      hint: expect.any(String),
    });
    expect(asked(project)).toBe(1);
    expect(up.stderr()).not.toMatch(/secret-text|wrong-password/);
  });

  it('one that is not trusted: the host is not even dialled', async () => {
    const sshd = await server();
    const project = projectWith(sshd, { password: COMMAND }, `echo '${PASSWORD}'`);
    const up = project.up();
    await failed(up);
    expect(failureOf(up, 'bastion')).toMatchObject({ code: 'untrusted', hint: expect.stringContaining('tunnels trust') });
    expect([asked(project), sshd.connections().accepted]).toEqual([0, 0]);
  });

  it('one that hangs is ended with the login, and by down', async () => {
    const sshd = await server();
    const project = projectWith(sshd, { password: COMMAND }, `trap '' TERM; echo $$ >pid; sleep 300`);
    await trust(project);
    const up = project.up();
    const pid = await until(() => existsSync(join(project.dir, 'pid')) && Number(readFileSync(join(project.dir, 'pid'), 'utf8')), {
      what: 'the command',
    });
    expect(processTable().some((row) => row.pid === pid)).toBe(true);
    await up.stop();
    expect(processTable().some((row) => row.pid === pid)).toBe(false);
  });
});

describe('a passphrase', () => {
  it('opens the key, once for as long as the process runs', async () => {
    const key = await keyPair({ name: 'locked', passphrase: 'open sesame' });
    const sshd = await each.sshd({ name: 'bastion', authorizedKeys: [key] });
    const project = projectWith(sshd, { identity_file: key.privateKeyFile, passphrase: COMMAND }, `echo 'open sesame'`);
    await trust(project);
    const up = project.up();
    await up.untilOpen(['web']);
    sshd.signalSessions('SIGKILL');
    await up.untilEvent((event) => event.type === 'tunnel-state' && event['from'] === 'reconnecting' && event.to === 'open');
    await echoes(up.port('web'));
    expect(asked(project)).toBe(1);
  });

  it.each<[string, string, string]>([
    [
      'that its command does not give',
      'echo locked >&2; exit 1',
      'the command that prints the passphrase, ./secret, exited with 1: locked',
    ],
    ['that is wrong', 'echo wrong', 'the passphrase given for the key'],
  ])('%s is asked for by name', async (_, script, words) => {
    const key = await keyPair({ name: 'locked', passphrase: 'open sesame' });
    const sshd = await each.sshd({ name: 'bastion', authorizedKeys: [key] });
    const project = projectWith(sshd, { identity_file: key.privateKeyFile, passphrase: COMMAND }, script);
    await trust(project);
    const up = project.up();
    await failed(up);
    expect(failureOf(up, 'bastion')).toMatchObject({ code: 'passphrase-required', message: expect.stringContaining(words) });
    expect(asked(project)).toBe(1);
  });
});
