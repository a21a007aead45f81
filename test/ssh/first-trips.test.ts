import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { FirstTrips } from '../../src/ssh/first-trips.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function scene({ short = false, answered = true } = {}): { trips: FirstTrips; askedAt: number[] } {
  const askedAt: number[] = [];
  const from = Date.now();
  const trips = new FirstTrips({
    ask: () => {
      askedAt.push(Date.now() - from);
      return answered ? Promise.resolve() : Promise.reject(new Error('the connection is gone'));
    },
    isShort: () => short,
  });
  return { trips, askedAt };
}

test('it is asked for twice at once, and when the work of starting is over', async () => {
  const { askedAt } = scene();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(askedAt).toEqual([0, 0, 250, 1_000]);
});

test('a short one was not mistaken for a longer one, and is not asked for again', async () => {
  const { askedAt } = scene({ short: true });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(askedAt).toEqual([0, 0]);
});

test('no answer is not the end of it', async () => {
  const { askedAt } = scene({ answered: false });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(askedAt).toEqual([0, 250, 1_000]);
});

test('of a connection that has ended nothing is asked', async () => {
  const { trips, askedAt } = scene();
  await vi.advanceTimersByTimeAsync(300);
  trips.stop();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(askedAt).toEqual([0, 0, 250]);
});
