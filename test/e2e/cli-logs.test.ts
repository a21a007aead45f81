/** logs and events of a project in the background. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { background, portOf } from '../helpers/background.ts';
import { runChild, startChild, type Child } from '../helpers/child.ts';
import { hostEntry, programFile, type Project } from '../helpers/project.ts';
import { at, echoes, scene } from '../helpers/scene.ts';
import { startEcho, type Service } from '../helpers/services.ts';
import type { Sshd } from '../helpers/sshd.ts';
import { sleep, until } from '../helpers/wait.ts';

const all = scene(afterAll);
const each = scene(afterEach);
let bastion: Sshd;
let echo: Service;

beforeAll(async () => {
  [bastion, echo] = await Promise.all([all.sshd({ name: 'bastion' }), all.add(startEcho())]);
});

const tunnel = (): Record<string, unknown> => ({ type: 'local', host: 'bastion', ingress: 0, egress: at(echo) });
async function project(): Promise<Project> {
  const made = background(each, {
    yaml: { name: 'shop', hosts: { bastion: hostEntry(bastion) }, tunnels: { web: tunnel(), 'git-inner': tunnel() } },
  });
  expect((await made.run(['up', '-d', '--wait'])).code).toBe(0);
  return made;
}
const linesOf = (text: string): string[] => text.split('\n').filter(Boolean);
const start = (made: Project, ...words: readonly string[]): Child => {
  const child = startChild(process.execPath, [programFile(), ...words], { cwd: made.dir, env: made.env });
  each.onEnd(() => child.stop('SIGKILL'));
  return child;
};

describe('logs', () => {
  it('have a padded prefix, and only what was asked for', async () => {
    const made = await project();
    await echoes(await portOf(made, 'web'));
    await until(async () => (await made.run(['logs'])).stdout.includes('closed, '), { what: 'the connection in the logs' });
    const lines = linesOf((await made.run(['logs'])).stdout);
    expect(lines.length).toBeGreaterThan(6);
    for (const line of lines) expect(line).toMatch(/^(shop|host bastion|web|git-inner) +\| (\d\d:\d\d:\d\d| {8}) \S/);
    expect(new Set(lines.map((line) => line.indexOf('|')))).toEqual(new Set(['host bastion '.length]));
    expect(lines.some((line) => /^web +\| .* open 127\.0\.0\.1:\d+ · /.test(line))).toBe(true);

    expect((await made.run(['logs', '-n', '2'])).stdout).toBe(`${lines.slice(-2).join('\n')}\n`);
    expect((await made.run(['logs', '-n', 'all'])).stdout).toBe(`${lines.join('\n')}\n`);
    expect((await made.run(['logs', '--since', '1h'])).stdout).toBe(`${lines.join('\n')}\n`);
    expect((await made.run(['logs', '--since', '2099-01-01'])).stdout).toBe('');
    const ofWeb = linesOf((await made.run(['logs', 'web'])).stdout);
    expect(ofWeb.every((line) => /^(web|shop) +\| /.test(line))).toBe(true);
    expect(ofWeb.some((line) => line.startsWith('web '))).toBe(true);
    expect((await made.run(['logs', 'wbe'])).stderr).toContain('did you mean "web"?');
    expect((await made.run(['--ansi', 'always', 'logs', '-n', '1'])).stdout).toMatch(/^\u001b\[\d+m/);
  });

  it('-f of ten clients: each hears of what happens, and ends with the project', async () => {
    const made = await project();
    const clients = Array.from({ length: 10 }, () => start(made, 'logs', '-f', '-n', '0'));
    // One has to be there before something happens: each shows it once it is.
    const heard = async (): Promise<boolean> => {
      await made.run(['restart', 'web']);
      await sleep(200);
      return clients.every((client) => /web +\| .*open 127/.test(client.stdout()));
    };
    await until(heard, { what: 'all ten to hear of it', ms: 20_000, detail: () => clients.map((client) => client.stdout()).join('--\n') });
    expect((await made.run(['down'])).code).toBe(0);
    for (const client of clients) {
      expect(await client.exited).toMatchObject({ code: 0 });
      expect(client.stdout()).toMatch(/shop +\| .*stopped\n$/);
    }
  });

  it('-f ends with 130 on Ctrl-C, and when nobody reads it any more', async () => {
    const made = await project();
    const follower = start(made, 'logs', '-f');
    await until(() => follower.stdout() !== '', { what: 'the past', ms: 10_000 });
    process.kill(follower.pid, 'SIGINT');
    expect(await follower.exited).toMatchObject({ code: 130 });
    const piped = runChild('sh', ['-c', `${process.execPath} ${programFile()} logs -f | head -1; echo ended`], {
      cwd: made.dir,
      env: made.env,
    });
    const restarts = (async () => {
      for (let count = 0; count < 20; count += 1) {
        await made.run(['restart', 'web']);
        await sleep(100);
      }
    })();
    expect((await piped).stdout).toMatch(/\|.*\nended\n$/);
    await restarts;
  });
});

describe('events', () => {
  it('--json has each as it was published, as JSON; without it each is one line', async () => {
    const made = await project();
    const events = linesOf((await made.run(['events', '--json'])).stdout).map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(events.map((event) => event['seq'])).toEqual(events.map((_, index) => index + 1));
    expect(events.find((event) => event['type'] === 'tunnel-state' && event['to'] === 'open')).toMatchObject({
      subject: { kind: 'tunnel' },
      ingress: expect.stringMatching(/^127\.0\.0\.1:\d+$/) as string,
    });
    const text = linesOf((await made.run(['events'])).stdout);
    expect(text).toHaveLength(events.length);
    expect(text.some((line) => /^\d{4}-\d\d-\d\dT[\d:.]+Z tunnel-state tunnel web: open 127\.0\.0\.1:\d+ · /.test(line))).toBe(true);
    const last = linesOf((await made.run(['events', '--json', '-n', '1', 'git-inner'])).stdout);
    expect(last).toHaveLength(1);
  });

  it('-f --json goes on, with --since', async () => {
    const made = await project();
    const follower = start(made, 'events', '-f', '--json', '--since', '0s', 'web');
    await sleep(500);
    await made.run(['restart', 'web']);
    await until(() => follower.stdout().includes('"to":"open"'), { what: 'the restart', ms: 10_000, detail: follower.stderr });
    process.kill(follower.pid, 'SIGTERM');
    expect(await follower.exited).toMatchObject({ code: 0 });
    const names = linesOf(follower.stdout()).map((line) => (JSON.parse(line) as { subject: { name: string } }).subject.name);
    expect(new Set(names)).toEqual(new Set(['web']));
  });
});
