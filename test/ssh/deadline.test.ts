import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Deadline } from '../../src/ssh/deadline.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('it expires once, after its time, and can begin anew before that', () => {
  const expired = vi.fn();
  const deadline = new Deadline(expired);
  deadline.start(100);
  vi.advanceTimersByTime(99);
  deadline.start(100);
  vi.advanceTimersByTime(99);
  expect(expired).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1_000);
  expect(expired).toHaveBeenCalledTimes(1);
});

test('it does not count while somebody is asked, however often', async () => {
  const expired = vi.fn();
  const deadline = new Deadline(expired);
  deadline.start(100);
  vi.advanceTimersByTime(60);
  await deadline.without(async () => {
    await deadline.without(async () => void vi.advanceTimersByTime(10_000));
    vi.advanceTimersByTime(10_000);
  });
  expect(expired).not.toHaveBeenCalled();
  vi.advanceTimersByTime(39);
  expect(expired).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(expired).toHaveBeenCalledTimes(1);
});

test('a start while paused begins at the end of the pause, and a stop ends it for good', async () => {
  const expired = vi.fn();
  const deadline = new Deadline(expired);
  await deadline.without(async () => {
    deadline.start(100);
    vi.advanceTimersByTime(1_000);
  });
  vi.advanceTimersByTime(99);
  expect(expired).not.toHaveBeenCalled();
  deadline.stop();
  await deadline.without(async () => {});
  vi.advanceTimersByTime(1_000);
  expect(expired).not.toHaveBeenCalled();
});
