import { describe, expect, test } from 'vitest';
import { manualClock } from './clock.ts';

describe('manualClock', () => {
  test('runs timers in order of time, each at its own time', async () => {
    const clock = manualClock(0);
    const seen: string[] = [];
    clock.setTimeout(() => seen.push(`b at ${clock.now()}`), 20);
    clock.setTimeout(() => seen.push(`a at ${clock.now()}`), 10);
    clock.setTimeout(() => seen.push(`late at ${clock.now()}`), 31);
    await clock.advance(30);
    expect(seen).toEqual(['a at 10', 'b at 20']);
    expect(clock.now()).toBe(30);
    expect(clock.pending()).toEqual([1]);
  });

  test('runs a timer set by a timer, after promises had their turn', async () => {
    const clock = manualClock(0);
    let ran = 0;
    clock.setTimeout(() => void Promise.resolve().then(() => clock.setTimeout(() => (ran = clock.now()), 5)), 10);
    await clock.advance(20);
    expect(ran).toBe(15);
  });

  test('a cleared timer does not run, nor one on a jump of the wall clock', async () => {
    const clock = manualClock(0);
    let ran = 0;
    clock.clearTimeout(clock.setTimeout(() => (ran += 1), 5));
    clock.setTimeout(() => (ran += 10), 100);
    clock.jump(60_000);
    await clock.advance(99);
    expect(ran).toBe(0);
    await clock.advance(1);
    expect(ran).toBe(10);
  });
});
