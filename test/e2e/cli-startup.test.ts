/** Commands that only say something, through the built program: right and complete, with a thousand tunnels too. How fast is bench/'s. */
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { background, rows } from '../helpers/background.ts';
import { runChild, startChild } from '../helpers/child.ts';
import { hostEntry, programFile, type Project } from '../helpers/project.ts';
import { commandLine, processTable } from '../helpers/process-table.ts';
import { scene } from '../helpers/scene.ts';
import { until } from '../helpers/wait.ts';

const all = scene(afterAll);
const COUNT = 1_000;

it.each([
  ['--version', /^\d+\.\d+\.\d+\S*\n$/],
  ['config -q', /^$/],
])('tunnels %s', async (words, expected) => {
  const hosts = { bastion: { hostname: 'bastion.example.com', ssh_config: false } };
  const project = all.project({ yaml: { hosts, tunnels: { web: '-L 8080:web:80 bastion' } } });
  const { code, stdout, stderr } = await project.run(words.split(' '));
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(expected);
});

it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('a command that ssh_config calls ends with who waits for it: %s', async (signal) => {
  const project = all.project({
    yaml: { tunnels: { web: '-L 8080:web:80 bastion' } },
    sshConfig: 'Match originalhost bastion exec "exec sleep 86395"',
  });
  const sleeps = (): boolean => processTable().some(({ pid }) => commandLine(pid).startsWith('sleep 86395'));
  const child = startChild(process.execPath, [programFile(), 'config'], { cwd: project.dir, env: project.env });
  try {
    await until(sleeps, { what: 'the command to run' });
    process.kill(child.pid, signal);
    expect(await child.exited).toEqual({ code: null, signal });
    await until(() => !sleeps(), { what: 'the command to end' });
  } finally {
    await child.stop('SIGKILL');
  }
});

describe('results that cannot be written', () => {
  const project = () => all.project({ yaml: { hosts: { bastion: { ssh_config: false } }, tunnels: { web: '-L 8080:web:80 bastion' } } });
  const sh = (script: string) => {
    const made = project();
    return runChild('sh', ['-c', script, 'sh', process.execPath, '--', programFile()], { cwd: made.dir, env: made.env });
  };

  it
    .runIf(existsSync('/dev/full'))
    .each(['--version', '--help', 'config', 'graph', 'plan', 'ls --format json; "$@" schema', 'completion bash'])(
    '%s: 1, and why',
    async (words) => {
      const { code, stderr } = await sh(`exec >/dev/full; "$@" ${words}`);
      expect({ code, stderr }).toEqual({ code: 1, stderr: 'tunnels: cannot write the results: no space left on device (ENOSPC)\n' });
    },
  );

  it('but a reader that has seen enough is no failure', async () => {
    expect(await sh('{ "$@" schema; echo "ended with $?" >&2; } | true')).toMatchObject({ code: 0, stderr: 'ended with 0\n' });
  });
});

describe('with 1,000 tunnels up', () => {
  let many: Project;
  beforeAll(async () => {
    const bastion = await all.sshd({ name: 'bastion' });
    const tunnel = { type: 'local', host: 'bastion', ingress: 0, egress: '127.0.0.1:9' };
    const tunnels = Object.fromEntries(Array.from({ length: COUNT }, (_, index) => [`t${index}`, tunnel]));
    many = background(all, { yaml: { hosts: { bastion: hostEntry(bastion) }, tunnels } });
    const { code, stderr } = await many.run(['up', '-d', '--wait', '--progress', 'quiet'], { ms: 60_000 });
    if (code !== 0) throw new Error(stderr);
  });

  it('ps, port and env tell of all of them, each on a port of its own', async () => {
    const ports = (await rows(many)).map(({ name, state, ingress }) => ({ name, state, port: /:(\d+)$/.exec(ingress)?.[1] ?? '' }));
    expect(new Set(ports.map(({ port }) => port)).size).toBe(COUNT);
    expect(ports.filter(({ state }) => state !== 'open')).toEqual([]);
    const table = await many.run(['ps']);
    expect([table.code, table.stdout.trimEnd().split('\n').length]).toEqual([0, COUNT + 1]);
    const port = ports.find(({ name }) => name === 't7')?.port ?? '';
    expect((await many.run(['port', 't7'])).stdout).toMatch(new RegExp(`\\b${port}\\n$`));
    const { stdout } = await many.run(['env', '--format', 'json']);
    const exported = JSON.parse(stdout) as Record<string, string>;
    expect(ports.filter((each) => exported[`TUNNEL_${each.name.toUpperCase()}_PORT`] !== each.port)).toEqual([]);
  });
});
