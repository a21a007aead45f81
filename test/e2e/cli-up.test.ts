/** The command line as a user has it: the built program, real sshd, signals, terminals. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runChild } from '../helpers/child.ts';
import { createProject, hostEntry, programFile, type Project } from '../helpers/project.ts';
import { startEcho, startWww, type Service } from '../helpers/services.ts';
import { startSshd, type Sshd } from '../helpers/sshd.ts';
import { sleep } from '../helpers/wait.ts';
import { connect } from 'node:net';

let bastion: Sshd;
let www: Service;
let echo: Service;
const projects: Project[] = [];

const project = (yaml: Record<string, unknown>): Project => {
  const made = createProject({ yaml });
  projects.push(made);
  return made;
};
const web = (): Project =>
  project({
    hosts: { bastion: hostEntry(bastion) },
    tunnels: { web: { type: 'local', host: 'bastion', ingress: 0, egress: `127.0.0.1:${www.port}` } },
  });

beforeAll(async () => {
  [bastion, www, echo] = await Promise.all([startSshd({ name: 'bastion' }), startWww({ page: 'hello' }), startEcho()]);
});

afterAll(async () => {
  await Promise.all(projects.map((each) => each.remove()));
  await Promise.all([bastion.stop(), www.stop(), echo.stop()]);
});

describe('up in the foreground', () => {
  it('shows lines and a table, carries bytes, and ends with 130 on SIGINT', async () => {
    const up = web().up([], { progress: 'plain' });
    await up.untilLine(/1 tunnel is open; Ctrl-C closes/);
    const [, port = ''] = await up.untilLine(/open 127\.0\.0\.1:(\d+) · \d+\.\d\ds/);
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toContain('hello');
    await up.untilLine(/^web +127\.0\.0\.1:\d+ +→ +127\.0\.0\.1:\d+ +bastion +open$/);
    expect(await up.stop('SIGINT')).toMatchObject({ code: 130 });
    expect(up.stdout()).toBe('');
    expect(up.stderr()).not.toContain('\u001b');
  });

  it('--progress json prints events and nothing else; SIGTERM ends with 0', async () => {
    const up = web().up();
    await up.untilOpen(['web']);
    expect(await up.stop('SIGTERM')).toMatchObject({ code: 0 });
    const lines = up.stderr().trimEnd().split('\n');
    expect(lines.map((line) => typeof JSON.parse(line))).toEqual(lines.map(() => 'object'));
    expect(up.events().at(-1)).toMatchObject({ type: 'stopped' });
  });

  it('drains, says so, and a second Ctrl-C closes at once', async () => {
    const made = project({
      hosts: { bastion: hostEntry(bastion) },
      tunnels: { echo: { type: 'local', host: 'bastion', ingress: 0, egress: `127.0.0.1:${echo.port}` } },
    });
    const up = made.up([], { progress: 'plain' });
    const [, port = ''] = await up.untilLine(/open 127\.0\.0\.1:(\d+)/);
    const client = connect(Number(port), '127.0.0.1').on('error', () => undefined);
    try {
      client.write('x');
      await new Promise((resolve) => client.once('data', resolve));
      up.signal('SIGINT');
      await up.untilLine(/draining 1 open connection, up to 10s; Ctrl-C again closes at once/);
      await sleep(100);
      up.signal('SIGINT');
      expect(await up.exited).toMatchObject({ code: 130 });
    } finally {
      client.destroy();
    }
  });

  it('reloads, shows the plan, and tells what is wrong with a broken file', async () => {
    const made = web();
    const up = made.up([], { progress: 'plain' });
    await up.untilLine(/1 tunnel is open/);
    const tunnels = { web: { type: 'local', host: 'bastion', ingress: 0, egress: `127.0.0.1:${echo.port}` } };
    made.write({ hosts: { bastion: hostEntry(bastion) }, tunnels });
    await up.untilLine(/reloaded: 1 change/);
    await up.untilLine(/~ tunnel web: egress .* \(retarget\)/);
    made.write('tunnels:\n  web: -L 1:a:2 bastoin\n  web: nonsense\n');
    await up.untilLine(/nothing was changed/);
    await up.untilLine(/^tunnels\.yaml:3:3 /);
    expect(await up.stop()).toMatchObject({ code: 0 });
  });

  it('ends with 1 when nothing can come up', async () => {
    const made = project({
      hosts: { bastion: hostEntry(bastion, { host_key: 'SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' }) },
      tunnels: { web: { type: 'local', host: 'bastion', ingress: 0, egress: '127.0.0.1:1' } },
    });
    const result = await made.run(['up']);
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.stderr).toContain('[host-key-changed]');
    expect(result.stderr).toContain('no tunnel is open: bastion failed');
  });
});

it('a reader that goes away is no crash', async () => {
  const made = web();
  const result = await runChild('sh', ['-c', `${process.execPath} ${programFile()} graph --format json | true; echo done`], {
    cwd: made.dir,
    env: made.env,
  });
  expect(result).toMatchObject({ stdout: 'done\n', stderr: '' });
});
