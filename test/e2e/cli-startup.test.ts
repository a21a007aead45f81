/** How long a command takes to say something: the best of several runs, against node doing nothing. */
import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { background } from '../helpers/background.ts';
import { createProject, hostEntry, programFile, type Project } from '../helpers/project.ts';
import { scene } from '../helpers/scene.ts';

const all = scene(afterAll);
const project = createProject({
  yaml: { hosts: { bastion: { hostname: 'bastion.example.com', ssh_config: false } }, tunnels: { web: '-L 8080:web:80 bastion' } },
});
afterAll(() => project.remove());

/** Milliseconds. The best run is the program's own time; the others are the machine's. */
function best(args: readonly string[], { dir, env }: Project = project): number {
  let fastest = Number.POSITIVE_INFINITY;
  for (let run = 0; run < 10; run += 1) {
    const start = performance.now();
    const { status, stderr } = spawnSync(process.execPath, args, { cwd: dir, env, encoding: 'utf8', maxBuffer: 1 << 26 });
    fastest = Math.min(fastest, performance.now() - start);
    if (status !== 0) throw new Error(stderr);
  }
  return fastest;
}

it.each([
  ['--version', 60],
  ['config -q', 150],
])('tunnels %s answers within %d ms of node -e 0', (words, limit) => {
  expect(best([programFile(), ...words.split(' ')]) - best(['-e', '0'])).toBeLessThan(limit);
});

describe('with 1,000 tunnels up', () => {
  let many: Project;
  beforeAll(async () => {
    const bastion = await all.sshd({ name: 'bastion' });
    const tunnel = { type: 'local', host: 'bastion', ingress: 0, egress: '127.0.0.1:9' };
    const tunnels = Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`t${index}`, tunnel]));
    many = background(all, { yaml: { hosts: { bastion: hostEntry(bastion) }, tunnels } });
    const { code, stderr } = await many.run(['up', '-d', '--wait', '--progress', 'quiet'], { ms: 60_000 });
    if (code !== 0) throw new Error(stderr);
  });

  it.each(['ps', 'ps --format json', 'port t7', 'env'])('tunnels %s answers within 150 ms of node -e 0', (words) => {
    expect(best([programFile(), ...words.split(' ')], many) - best(['-e', '0'])).toBeLessThan(150);
  });
});
