import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { KeepaliveTimer } from '../../src/ssh/keepalive.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function timer(): { keepalive: KeepaliveTimer; pings: () => number; dead: ReturnType<typeof vi.fn> } {
  let pings = 0;
  const dead = vi.fn();
  const keepalive = new KeepaliveTimer({ ping: () => void (pings += 1), onDead: dead });
  return { keepalive, pings: () => pings, dead };
}

test.each([
  [1_000, 3],
  [5_000, 1],
  [200, 0],
])('every %i ms, %i times: a link that dies at any moment is noticed within interval × (count + 1)', (intervalMs, count) => {
  const limit = intervalMs * (Math.max(1, count) + 1);
  for (const diesAfter of [0, 0.3, 0.99, 1.5, 2.01]) {
    const { keepalive, dead } = timer();
    keepalive.set({ intervalMs, count });
    const heartbeat = setInterval(() => keepalive.heard(), intervalMs / 10);
    vi.advanceTimersByTime(diesAfter * intervalMs);
    clearInterval(heartbeat);
    vi.advanceTimersByTime(limit);
    expect(dead).toHaveBeenCalledTimes(1);
  }
});

test('a link that answers each ping lives, and is pinged each interval', () => {
  const { keepalive, pings, dead } = timer();
  keepalive.set({ intervalMs: 1_000, count: 1 });
  for (let second = 0; second < 60; second += 1) {
    vi.advanceTimersByTime(1_000);
    keepalive.heard();
  }
  expect(pings()).toBe(60);
  expect(dead).not.toHaveBeenCalled();
  keepalive.stop();
});

test('0 turns it off, and a new setting begins anew', () => {
  const { keepalive, pings, dead } = timer();
  keepalive.set({ intervalMs: 1_000, count: 3 });
  vi.advanceTimersByTime(2_500);
  keepalive.set({ intervalMs: 0, count: 3 });
  vi.advanceTimersByTime(100_000);
  expect(pings()).toBe(2);
  keepalive.set({ intervalMs: 100, count: 2 });
  vi.advanceTimersByTime(300);
  expect(dead).toHaveBeenCalledTimes(1);
});

test('after this process was asleep, the link is pinged, not given up', () => {
  const { keepalive, pings, dead } = timer();
  keepalive.set({ intervalMs: 1_000, count: 1 });
  vi.advanceTimersByTime(1_000);
  const now = performance.now();
  const clock = vi.spyOn(performance, 'now').mockReturnValue(now + 60_000);
  vi.advanceTimersByTime(1_000);
  expect(dead).not.toHaveBeenCalled();
  expect(pings()).toBe(2);
  clock.mockReturnValue(now + 61_000);
  vi.advanceTimersByTime(1_000);
  expect(dead).toHaveBeenCalledTimes(1);
});

describe('doubted, since what goes over it has fallen silent', () => {
  const after = (intervals: number): ReturnType<typeof timer> => {
    const made = timer();
    made.keepalive.set({ intervalMs: 1_000, count: 3 });
    vi.advanceTimersByTime(intervals * 1_000 + 500);
    return made;
  };

  test('a link that is silent, and would be given up at the next tick, is given up now', () => {
    const { keepalive, dead } = after(3);
    expect(keepalive.doubt()).toBe(true);
    expect(dead).toHaveBeenCalledExactlyOnceWith(2_000);
    expect(keepalive.doubt()).toBe(false);
    vi.advanceTimersByTime(10_000);
    expect(dead).toHaveBeenCalledTimes(1);
  });

  test.each<[string, number, (made: ReturnType<typeof timer>) => void]>([
    ['was heard of', 3, ({ keepalive }) => keepalive.heard()],
    ['has not been silent for long', 2, () => undefined],
    ['has no keepalive', 3, ({ keepalive }) => keepalive.set({ intervalMs: 0, count: 3 })],
  ])('one that %s lives on', (_, intervals, prepare) => {
    const made = after(intervals);
    prepare(made);
    expect(made.keepalive.doubt()).toBe(false);
    expect(made.dead).not.toHaveBeenCalled();
    made.keepalive.stop();
  });
});
