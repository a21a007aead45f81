import { expect, test } from 'vitest';
import { RoundTrip } from '../../src/engine/round-trip.ts';
import type { Connection } from '../../src/ssh/connection.ts';
import { flush, manualClock, type ManualClock } from '../helpers/clock.ts';

/** Answers pings after these, one after the other; null: not at all. */
function connection(...trips: (number | null)[]): Connection & { asked: number } {
  const fake = {
    asked: 0,
    ping: async (): Promise<number> => {
      fake.asked += 1;
      const ms = trips.shift() ?? null;
      if (ms === null) throw new Error('no answer');
      return ms;
    },
  };
  return fake as unknown as Connection & { asked: number };
}

async function begun(made: Connection): Promise<{ trip: RoundTrip; clock: ManualClock }> {
  const clock = manualClock();
  const trip = new RoundTrip(clock);
  trip.begin(made);
  expect(trip.of(made)).toBeNull();
  await flush();
  return { trip, clock };
}

test('it is measured when the connection comes up, and once more when the work of that is over', async () => {
  const made = connection(38, 0.4);
  const { trip, clock } = await begun(made);
  expect(trip.of(made)).toBe(38);
  await clock.advance(500);
  expect(trip.of(made)).toBe(0.4);
  await clock.advance(60_000);
  expect(made.asked).toBe(2);
});

test('the second time can only lower it: other hosts may be starting then', async () => {
  const made = connection(0.4, 38, 38);
  const { trip, clock } = await begun(made);
  await clock.advance(500);
  expect([made.asked, trip.of(made)]).toEqual([2, 0.4]);
  await clock.advance(2_000);
  trip.refresh(made);
  await flush();
  expect([made.asked, trip.of(made)]).toEqual([3, 38]);
});

test('the same connection does not begin again', async () => {
  const made = connection(38, 0.4);
  const { trip, clock } = await begun(made);
  trip.begin(made);
  await clock.advance(60_000);
  expect(made.asked).toBe(2);
});

test('who looks has it measured again, at most every two seconds', async () => {
  const made = connection(38, 0.4, 0.5);
  const { trip, clock } = await begun(made);
  await clock.advance(2_499);
  trip.refresh(made);
  expect(made.asked).toBe(2);
  await clock.advance(1);
  trip.refresh(made);
  trip.refresh(made);
  await flush();
  expect([made.asked, trip.of(made)]).toEqual([3, 0.5]);
});

test('where there is no answer the last one stands', async () => {
  const made = connection(38, null);
  const { trip, clock } = await begun(made);
  await clock.advance(500);
  expect([made.asked, trip.of(made)]).toEqual([2, 38]);
});

test('a new connection has none until it was measured, and the one before is not asked any more', async () => {
  const [before, after] = [connection(38, 0.4), connection(12, 3)];
  const { trip, clock } = await begun(before);
  trip.begin(after);
  expect([trip.of(before), trip.of(after)]).toEqual([null, null]);
  await clock.advance(60_000);
  expect([before.asked, after.asked, trip.of(after)]).toEqual([1, 2, 3]);
});

test('stopped, it asks no more', async () => {
  const made = connection(38, 0.4);
  const { trip, clock } = await begun(made);
  trip.stop();
  expect(clock.pending()).toEqual([]);
});
