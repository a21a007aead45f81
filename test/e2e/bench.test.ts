import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { check, startChild } from '../helpers/child.ts';
import { childrenOf, descendantsOf, isAlive } from '../helpers/process-table.ts';
import { programFile } from '../helpers/project.ts';
import { until, within } from '../helpers/wait.ts';

const ROOT = resolve(import.meta.dirname, '../..');

const command = (...args: string[]) => [join(ROOT, 'bench', 'run.mjs'), '--quick', ...args];
const options = () => ({ cwd: ROOT, env: { ...process.env, TUNNELS_BENCH_PROGRAM: programFile() } });

/** Its standard output; rejects unless it ends with 0. */
const bench = (...args: string[]) => check(process.execPath, command(...args), { ...options(), ms: 120_000 });

describe('the bench', { timeout: 150_000 }, () => {
  test('measures this program and ssh through one sshd, and prints one table', async () => {
    const stdout = await bench('--only', 'idle', '--only', 'reload');
    expect(stdout).toMatch(/^tunnels \S+ \(.*\), ssh2 \S+ with(out)? its addon, node \S+$/m);
    expect(stdout).toMatch(/^ +unit +better +tunnels +ssh +ratio +quartiles +goal +met/m);
    expect(stdout).toMatch(/^ {2}64 bytes, p50 +µs +lower +[\d.,]+ +[\d.,]+ +[\d.]+× .*≤ 1×/m);
    expect(stdout).toMatch(/^ {2}an egress edited, 10 tunnels up +ms +lower +[\d.,]+ +- /m);
  });

  test('--json prints every run', async () => {
    const stdout = await bench('--only', 'cold-start', '--runs', '2', '--json');
    const { quick, rows } = JSON.parse(stdout) as { quick: boolean; rows: { id: string; runs: Record<string, number[]> }[] };
    expect(quick).toBe(true);
    const [row] = rows;
    expect(row?.id).toBe('cold-start.1.1');
    expect(row?.runs.tunnels).toHaveLength(2);
    expect(row?.runs.ssh).toHaveLength(2);
  });

  test('ends what it started when it is told to end', async () => {
    const child = startChild(process.execPath, command('--only', 'idle', '--runs', '1000'), options());
    try {
      const family = await until(
        () => {
          const all = descendantsOf(child.pid);
          // The bench, and of its children those that serve, sshd and both sides.
          return all.length >= 8 ? all : null;
        },
        { what: 'the bench to measure', ms: 60_000, detail: child.stderr },
      );
      process.kill(child.pid, 'SIGTERM');
      expect(await within(child.exited, { what: 'the bench to end', ms: 20_000, detail: child.stderr })).toMatchObject({ code: 143 });
      await until(() => !family.some(isAlive), { what: 'everything the bench started to end' });
    } finally {
      await child.stop('SIGKILL');
    }
    expect(childrenOf(child.pid)).toEqual([]);
  });

  test('keeps nothing in the tree', () => {
    const left = readdirSync(join(ROOT, '.cache')).filter((name) => name.startsWith('bench-'));
    // Another bench may be running: its directory is named for a process that lives.
    expect(left.filter((name) => !isRunning(Number(name.slice('bench-'.length))))).toEqual([]);
  });
});

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
