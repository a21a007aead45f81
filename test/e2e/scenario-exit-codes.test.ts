/** The exit codes of the contract, by the program as it is installed. No output holds a stack trace: every project checks that. */
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startFaultProxy } from '../helpers/fault-proxy.ts';
import { freePort } from '../helpers/free-port.ts';
import { hostEntry, type Project } from '../helpers/project.ts';
import { at, echoes, failureOf, scene } from '../helpers/scene.ts';
import { startEcho, type Service } from '../helpers/services.ts';
import { startSshd, type Sshd } from '../helpers/sshd.ts';
import { keyPair } from '../helpers/keys.ts';

const all = scene(afterAll);
const each = scene(afterEach);
let bastion: Sshd;
let echo: Service;

beforeAll(async () => {
  [bastion, echo] = await Promise.all([all.sshd({ name: 'bastion' }), all.add(startEcho())]);
});

const tunnel = (host = 'bastion', more: Record<string, unknown> = {}): Record<string, unknown> => ({
  type: 'local',
  host,
  ingress: 0,
  egress: at(echo),
  ...more,
});
const project = (host: Record<string, unknown> = {}, tunnels: Record<string, unknown> = { web: tunnel() }): Project =>
  each.project({ yaml: { hosts: { bastion: hostEntry(bastion, host) }, tunnels } });

describe('2 is usage', () => {
  it.each([
    ['an unknown command', ['upp'], /unknown command 'upp'/],
    ['an unknown flag', ['up', '--frobnicate'], /unknown option '--frobnicate'/],
    ['a value that is none', ['graph', '--format', 'poem'], /'poem' is invalid/],
    ['a timeout that is no number', ['up', '-t', 'soon'], /'soon' is invalid/],
    ['what means nothing together', ['up', '-d', '-t', '3'], /-t means nothing to it/],
    ['too many words', ['graph', 'one', 'two'], /too many arguments/],
  ])('%s', async (_, args, message) => {
    const { code, stdout, stderr } = await project().run(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(message);
  });
});

describe('3 is an invalid configuration', () => {
  const invalid = 'hosts: {}\ntunnels:\n  web:\n    type: lokal\n    host: bastion\n';
  it.each(['up', 'config', 'config -q', 'graph', 'plan', 'up --dry-run'])('%s', async (words) => {
    const { code, stdout, stderr } = await each.project({ yaml: invalid }).run(words.split(' '));
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(stderr).toMatch(/^tunnels\.yaml:4:\d+ /m);
  });

  it.each([
    ['no file', {}, /tunnels\.yaml/],
    ['a file that is not there', { args: ['-f', 'other.yaml'] }, /other\.yaml/],
    ['a name that is none', { args: [], names: ['wbe'] }, /wbe.*web/s],
  ])('%s', async (_, { args = [], names }: { args?: string[]; names?: string[] }, message) => {
    const made = names ? project() : each.project();
    const { code, stderr } = await made.run([...args, 'up', ...(names ?? [])]);
    expect(code).toBe(3);
    expect(stderr).toMatch(message);
  });
});

describe('0 is done', () => {
  it.each(['--version', '--help', 'config', 'config -q', 'graph', 'schema', 'up --dry-run'])('%s', async (words) => {
    const { code, stderr } = await project().run(words.split(' '));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  it('and plan says 2 where there is something to do', async () => {
    const { code, stdout } = await project().run(['plan']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '+ host bastion\n+ tunnel web\n' });
  });
});

describe('1 is a failure at run time', () => {
  const fails = async (made: Project): Promise<string> => {
    const { code, stdout, stderr } = await made.run(['--progress', 'plain', 'up']);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('no tunnel is open');
    return stderr;
  };

  it('a pinned host key that is another one: nothing is authenticated', async () => {
    const before = bastion.connections();
    const stderr = await fails(project({ host_key: 'SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' }));
    expect(stderr).toContain('[host-key-changed]');
    expect(stderr).toContain(bastion.fingerprint);
    expect(bastion.connections().attempts).toBe(before.attempts);
  });

  it('a host key that changed since known_hosts: nothing is authenticated', async () => {
    const moved = await each.add(startSshd({ name: 'moved' }));
    await moved.restart({ hostKeyName: 'another' });
    const stderr = await fails(each.project({ yaml: { hosts: { bastion: hostEntry(moved) }, tunnels: { web: tunnel() } } }));
    expect(stderr).toContain('[host-key-changed]');
    expect(moved.connections().attempts).toBe(0);
  });

  it('a host key nobody knows, where nobody can be asked', async () => {
    const before = bastion.connections();
    const stderr = await fails(project({ known_hosts: './none', ssh_config: false }));
    expect(stderr).toContain('[host-key-unknown]');
    expect(stderr).toContain(bastion.fingerprint);
    expect(bastion.connections().attempts).toBe(before.attempts);
  });

  it('a key file that is not there', async () => {
    const before = bastion.connections();
    const stderr = await fails(project({ identity_file: '/nowhere/id_ed25519', ssh_config: false }));
    expect(stderr).toContain('[key-unreadable]');
    expect(stderr).toContain('/nowhere/id_ed25519');
    expect(bastion.connections().authenticated).toBe(before.authenticated);
  });

  it('a key the server does not take, tried at most twice', async () => {
    const before = bastion.connections().attempts;
    const stranger = await keyPair({ name: 'stranger' });
    const stderr = await fails(project({ identity_file: stranger.privateKeyFile, identities_only: true, agent: 'none' }));
    expect(stderr).toContain('[auth-rejected]');
    expect(bastion.connections().attempts - before).toBeLessThanOrEqual(2);
  });

  it('every tunnel failed, whatever the reason', async () => {
    const made = project(
      {},
      {
        taken: tunnel('bastion', { ingress: echo.port }),
        // Only what needs `taken`.
        second: { type: 'remote', host: 'bastion', ingress: 0, egress: `localhost:${echo.port}` },
      },
    );
    const stderr = await fails(made);
    expect(stderr).toContain('[bind-in-use]');
  });

  it('all went wrong later, and nothing is watched that could mend it', async () => {
    const moved = await each.add(startSshd({ name: 'moved' }));
    const up = each
      .project({ yaml: { hosts: { bastion: hostEntry(moved, { reconnect: { min: '50ms', max: '200ms' } }) }, tunnels: { web: tunnel() } } })
      .up(['--no-watch']);
    await up.untilOpen(['web']);
    await echoes(up.port('web'));
    const before = moved.connections().attempts;
    await moved.restart({ hostKeyName: 'another' });
    expect(await up.exited).toEqual({ code: 1, signal: null });
    expect(failureOf(up, 'bastion')?.code).toBe('host-key-changed');
    expect(moved.connections().attempts).toBe(before);
  });
});

describe('a failure that may pass', () => {
  it('a host that is down at first comes up; meanwhile the others work', async () => {
    // The server itself is up; the door in front of it opens later.
    const [port, server] = await Promise.all([freePort(), each.sshd({ name: 'later' })]);
    const later = hostEntry(server, { port, host_key: server.fingerprint, reconnect: { min: '100ms', max: '500ms' } });
    const up = each
      .project({
        yaml: {
          hosts: { bastion: hostEntry(bastion), later },
          tunnels: { web: tunnel(), late: tunnel('later') },
        },
      })
      .up();
    await up.untilOpen(['web']);
    await up.untilEvent((event) => event.subject?.name === 'later' && event.to === 'backoff');
    expect(failureOf(up, 'later')?.code).toBe('refused');
    expect(up.state('late')).toBe('waiting');
    await echoes(up.port('web'));
    await each.add(startFaultProxy(server.port, { port }));
    await up.untilOpen(['late'], 5_000);
    await echoes(up.port('late'));
    expect(await up.stop()).toMatchObject({ code: 0 });
  });

  it('one host that fails for good leaves the other tunnels alone; the way out is still 130 or 0', async () => {
    const made = each.project({
      yaml: {
        hosts: {
          bastion: hostEntry(bastion),
          wrong: hostEntry(bastion, { host_key: 'SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' }),
        },
        tunnels: { web: tunnel(), never: tunnel('wrong') },
      },
    });
    const up = made.up();
    await up.untilOpen(['web']);
    await up.untilEvent((event) => event.subject?.name === 'wrong' && event.to === 'failed');
    await echoes(up.port('web'));
    expect(await up.stop('SIGINT')).toMatchObject({ code: 130 });
  });

  it('a file that cannot be read is a matter of the configuration', async () => {
    const made = each.project({ yaml: 'include: secret.yaml\ntunnels: {}\n', files: { 'secret.yaml': 'tunnels: {}\n' } });
    const file = join(made.dir, 'secret.yaml');
    if (process.getuid?.() === 0) {
      // Root reads everything; a directory in its place nobody can.
      made.writeInPlace('include: .\ntunnels: {}\n');
    } else chmodSync(file, 0);
    const { code, stderr } = await made.run(['up']);
    expect(code).toBe(3);
    expect(stderr).toMatch(/^tunnels\.yaml:1:\d+ /m);
  });
});
