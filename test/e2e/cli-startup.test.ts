/** How long a command takes to say something: the best of several runs, against node doing nothing. */
import { spawnSync } from 'node:child_process';
import { afterAll, expect, it } from 'vitest';
import { createProject, programFile } from '../helpers/project.ts';

const project = createProject({
  yaml: { hosts: { bastion: { hostname: 'bastion.example.com', ssh_config: false } }, tunnels: { web: '-L 8080:web:80 bastion' } },
});
afterAll(() => project.remove());

/** Milliseconds. The best run is the program's own time; the others are the machine's. */
function best(args: readonly string[]): number {
  let fastest = Number.POSITIVE_INFINITY;
  for (let run = 0; run < 10; run += 1) {
    const start = performance.now();
    const { status, stderr } = spawnSync(process.execPath, args, { cwd: project.dir, env: project.env, encoding: 'utf8' });
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
