import { pbkdf2 } from 'node:crypto';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { cpuSeconds, helpersCpuSeconds, memory, secondsOf } from '../../bench/process-cost.ts';

describe('what a process costs', () => {
  test('reads the times that ps prints', () => {
    expect(secondsOf('00:01.50')).toBe(1.5);
    expect(secondsOf('01:02:03')).toBe(3_723);
    expect(secondsOf('2-00:00:01')).toBe(172_801);
  });

  test('agrees with what this process knows of itself', () => {
    const burn = performance.now() + 200;
    while (performance.now() < burn);
    const { user, system } = process.cpuUsage();
    const own = (user + system) / 1e6;
    // Threads that ended are in the one figure and not in the other.
    expect(cpuSeconds([process.pid])).toBeGreaterThan(own / 4);
    expect(cpuSeconds([process.pid])).toBeLessThan(own * 1.5 + 0.2);
    const { residentBytes, proportionalBytes } = memory([process.pid]);
    expect(residentBytes / process.memoryUsage.rss()).toBeCloseTo(1, 0);
    expect(proportionalBytes ?? 0).toBeLessThanOrEqual(residentBytes);
  });

  test.runIf(process.platform === 'linux')('tells what other threads than the first take', async () => {
    const before = helpersCpuSeconds([process.pid]);
    const first = performance.now() + 200;
    while (performance.now() < first);
    const burnt = helpersCpuSeconds([process.pid]) - before;
    expect(burnt).toBeLessThan(0.15);
    // On libuv's threads.
    await Promise.all([1, 2].map((salt) => promisify(pbkdf2)('x', String(salt), 200_000, 64, 'sha512')));
    expect(helpersCpuSeconds([process.pid]) - before - burnt).toBeGreaterThan(0.05);
  });

  test('of several processes is the sum', () => {
    const [one, two] = [memory([process.pid]), memory([process.pid, process.pid])];
    expect(two.residentBytes / one.residentBytes).toBeCloseTo(2, 0);
  });
});
