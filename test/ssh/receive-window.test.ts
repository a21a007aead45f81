import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LinkEstimate } from '../../src/ssh/link-estimate.ts';
import { firstWindow, LEAST_WINDOW, ReceiveWindow } from '../../src/ssh/receive-window.ts';
import { OpenBudget } from '../helpers/fake-wire.ts';
import { timedLink, type LinkShape } from '../helpers/sent-over-link.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

const link = (rttMs: number): LinkEstimate => {
  const estimate = new LinkEstimate();
  if (rttMs > 0) estimate.sample(rttMs, 0);
  return estimate;
};

interface Transfer extends LinkShape {
  readonly forMs: number;
  readonly budget?: OpenBudget;
  /** What the reader takes in a millisecond. */
  readonly readsPerMs?: number;
  /** Somebody else on the connection waits for answers. */
  readonly beside?: boolean;
}

/** A server that sends all it may over a link. Gives the window at the end, and the bytes of the last round trips. */
function transfer({
  forMs,
  budget = new OpenBudget(256 * MIB),
  readsPerMs = Number.POSITIVE_INFINITY,
  stepMs = 1,
  beside = false,
  ...shape
}: Transfer): {
  size: number;
  lastBytes: number;
  lastMs: number;
} {
  const estimate = link(shape.rttMs);
  const window = new ReceiveWindow(estimate, budget, 0);
  const down = timedLink({ ...shape, stepMs });
  const up = timedLink({ ...shape, bytesPerMs: Number.POSITIVE_INFINITY, stepMs });
  down.send(window.open);
  const lastMs = Math.round(forMs / 4);
  let [unread, lastBytes] = [0, 0];
  for (let now = stepMs; now <= forMs; now += stepMs) {
    if (beside) estimate.sawInteractive(now);
    const came = down.tick();
    if (now > forMs - lastMs) lastBytes += came;
    if (came > 0) {
      expect(window.took(came)).toBe(true);
      unread += came;
    }
    unread -= Math.min(unread, readsPerMs * stepMs);
    up.send(window.read(came, unread, now));
    down.send(up.tick());
  }
  return { size: LEAST_WINDOW + budget.taken, lastBytes, lastMs };
}

describe('the window begins', () => {
  test.each([
    { rttMs: 0, bytes: 256 * KIB },
    { rttMs: 0.1, bytes: 256 * KIB },
    { rttMs: 10, bytes: 419_430 },
    { rttMs: 50, bytes: 2 * MIB },
    { rttMs: 100, bytes: 4 * MIB },
    { rttMs: 2_000, bytes: 4 * MIB },
  ])('with $bytes where the round trip is $rttMs ms', ({ rttMs, bytes }) => {
    expect(firstWindow(rttMs)).toBe(bytes);
    const budget = new OpenBudget(256 * MIB);
    expect(new ReceiveWindow(link(rttMs), budget, 0).open).toBe(bytes);
    expect(budget.taken).toBe(bytes - LEAST_WINDOW);
  });

  test('with the least where the budget has no more', () => {
    const budget = new OpenBudget(3 * MIB);
    expect(new ReceiveWindow(link(100), budget, 0).open).toBe(LEAST_WINDOW);
    expect(budget.taken).toBe(0);
  });
});

describe('it follows what the link carries', () => {
  test.each([
    { rttMs: 100, bytesPerMs: 50 * KIB },
    { rttMs: 100, bytesPerMs: 100 * KIB },
    { rttMs: 50, bytesPerMs: 200 * KIB },
    { rttMs: 20, bytesPerMs: 10 * KIB },
    { rttMs: 1, bytesPerMs: 500 * KIB, stepMs: 0.05 },
    { rttMs: 0.2, bytesPerMs: 500 * KIB, stepMs: 0.05 },
    { rttMs: 1, bytesPerMs: 500 * KIB, stepMs: 0.05, beside: true },
    { rttMs: 0.2, bytesPerMs: 500 * KIB, stepMs: 0.05, beside: true },
  ])('a transfer over $rttMs ms and $bytesPerMs bytes a ms is never held back by it for long; beside somebody: $beside', (shape) => {
    const { lastBytes, lastMs, size } = transfer({ ...shape, forMs: 4_000 });
    expect(lastBytes).toBeGreaterThan(0.95 * lastMs * shape.bytesPerMs);
    expect(size).toBeLessThan(Math.max(4.5 * Math.max(shape.rttMs, 'beside' in shape ? 1 : 1.5) * shape.bytesPerMs, 2 * LEAST_WINDOW));
  });

  test.each([
    { rttMs: 0, most: 2 * MIB },
    { rttMs: 0.2, most: 2 * MIB },
    { rttMs: 1, most: 2 * MIB },
    { rttMs: 4, most: 2 * MIB },
    { rttMs: 10, most: 5 * MIB },
    { rttMs: 24, most: 12 * MIB },
    { rttMs: 100, most: 12 * MIB },
  ])('it is $most at most, however fast, where the round trip is $rttMs ms', ({ rttMs, most }) => {
    expect(transfer({ rttMs, bytesPerMs: 20 * MIB, stepMs: 0.05, forMs: 2_000 }).size).toBe(most);
  });

  test.each([0.1, 0.3, 0.6, 1])('where the link turns out to be short it comes down at once, with %d of it read in a trip', (share) => {
    const estimate = link(40);
    const budget = new OpenBudget(256 * MIB);
    const window = new ReceiveWindow(estimate, budget, 0);
    let now = 0;
    while (budget.taken < 9 * MIB) {
      window.took(MIB);
      window.read(MIB, 0, (now += 2));
    }
    const size = LEAST_WINDOW + budget.taken;
    estimate.atMost(0.2);
    for (let step = 0; step < 10; step += 1) window.read((share * size) / 4, 0, (now += 1));
    expect(LEAST_WINDOW + budget.taken).toBe(2 * MIB);
  });

  test('on a short link it is the least at once when somebody waits for answers, and grows again when nobody does', () => {
    const estimate = link(0.2);
    const budget = new OpenBudget(256 * MIB);
    const window = new ReceiveWindow(estimate, budget, 0);
    let now = 0;
    const carry = (beside: boolean): void => {
      for (let step = 0; step < 400; step += 1) {
        now += 0.5;
        if (beside) estimate.sawInteractive(now);
        window.took(128 * KIB);
        window.read(128 * KIB, 0, now);
      }
    };
    carry(false);
    expect(budget.taken).toBeGreaterThan(LEAST_WINDOW);
    estimate.sawInteractive(now);
    for (let step = 0; step < 21; step += 1) window.read(128 * KIB, 0, (now += 0.5));
    expect(budget.taken).toBe(0);
    carry(true);
    expect(budget.taken).toBe(0);
    now += 250;
    carry(false);
    expect(budget.taken).toBeGreaterThan(LEAST_WINDOW);
  });

  test('on a slow link it becomes small, so that nothing waits behind it for seconds', () => {
    // 10 Mbit/s and 100 ms: 125 KB are on their way; it began with 4 MiB, 3.4 s of queue.
    const { size, lastBytes, lastMs } = transfer({ rttMs: 100, bytesPerMs: 1_250, forMs: 20_000 });
    expect(size).toBeLessThanOrEqual(2 * LEAST_WINDOW);
    expect(lastBytes).toBeGreaterThan(0.95 * lastMs * 1_250);
  });

  test.each([0, 2 * KIB])(
    'a reader that takes %i bytes a ms does not make it grow: what nobody reads is twice what it began with at most',
    (readsPerMs) => {
      const { size } = transfer({ rttMs: 20, bytesPerMs: 100 * KIB, readsPerMs, forMs: 20_000 });
      expect(size).toBeLessThanOrEqual(2 * firstWindow(20));
    },
  );

  test('one trip that was held up by something else does not shrink it', () => {
    const budget = new OpenBudget(256 * MIB);
    const window = new ReceiveWindow(link(100), budget, 0);
    const trips = [4, 4, 1, 4, 4, 1, 1, 4];
    let now = 0;
    for (const mib of trips) {
      for (let at = 0; at < 10; at += 1) {
        now += 10.5;
        window.took((mib * MIB) / 10);
        window.read((mib * MIB) / 10, 0, now);
      }
    }
    expect(budget.taken).toBeGreaterThanOrEqual(4 * MIB - LEAST_WINDOW);
  });

  test('never beyond 12 MiB', () => {
    expect(transfer({ rttMs: 1_000, bytesPerMs: 1_000 * KIB, forMs: 20_000 }).size).toBe(12 * MIB);
  });

  test('a quiet channel keeps what it has: a pause is no measure', () => {
    const budget = new OpenBudget(256 * MIB);
    const window = new ReceiveWindow(link(100), budget, 0);
    for (let now = 1_000; now < 100_000; now += 1_000) {
      window.took(500);
      window.read(500, 0, now);
    }
    expect(budget.taken).toBe(4 * MIB - LEAST_WINDOW);
  });
});

describe('the budget', () => {
  test('is not exceeded: windows stay as they are', () => {
    const budget = new OpenBudget(6 * MIB);
    transfer({ rttMs: 100, bytesPerMs: 100 * KIB, forMs: 2_000, budget });
    expect(budget.taken).toBeLessThanOrEqual(6 * MIB);
  });

  test('under pressure a window is halved with each measure, down to the least', () => {
    const budget = new OpenBudget(16 * MIB);
    budget.take(12 * MIB);
    const { size } = transfer({ rttMs: 100, bytesPerMs: 100 * KIB, forMs: 3_000, budget });
    expect(size - 12 * MIB).toBe(LEAST_WINDOW);
  });

  test('has all back when the channel is gone, once', () => {
    const budget = new OpenBudget(64 * MIB);
    const window = new ReceiveWindow(link(100), budget, 0);
    window.release();
    expect(budget.taken).toBe(0);
    window.release();
    expect(budget.taken).toBe(0);
  });
});

test('a byte more than it allows is too much', () => {
  const window = new ReceiveWindow(link(0), new OpenBudget(MIB), 0);
  expect(window.took(LEAST_WINDOW)).toBe(true);
  expect(window.took(1)).toBe(false);
});

test('for any server that keeps to it, and any reader: what is open and unread is never more than the window was, and once all is read it may send', () => {
  const step = fc.record({
    came: fc.oneof(fc.nat(100), fc.nat(300 * KIB)),
    readShare: fc.constantFrom(0, 0.1, 0.5, 1, 1),
    ms: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 400 })),
    pressure: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.constantFrom(0, 1, 30, 100, 500), fc.array(step, { maxLength: 300 }), (rttMs, steps) => {
      const budget = new OpenBudget(64 * MIB);
      const window = new ReceiveWindow(link(rttMs), budget, 0);
      let largest = window.open;
      let allowed = window.open;
      let [sent, unread, now, squeezed] = [0, 0, 0, 0];
      const size = (): number => LEAST_WINDOW + budget.taken - squeezed;
      const grant = (came: number): void => {
        const more = window.read(came, unread, now);
        expect(Number.isInteger(more) && more >= 0 && more < 2 ** 32).toBe(true);
        allowed += more;
        largest = Math.max(largest, size());
        // A grant fills it to the brim, and without one less than a quarter is missing.
        if (more > 0) expect(window.open + unread).toBe(size());
        else expect(size() - window.open - unread).toBeLessThan(size() / 4);
      };
      for (const { came: wanted, readShare, ms, pressure } of steps) {
        now += ms;
        if (pressure && squeezed === 0 && budget.take(40 * MIB)) squeezed = 40 * MIB;
        else if (!pressure && squeezed > 0) {
          budget.give(squeezed);
          squeezed = 0;
        }
        const came = Math.min(wanted, allowed - sent);
        sent += came;
        expect(window.took(came)).toBe(true);
        expect(window.open).toBe(allowed - sent);
        unread += came;
        unread -= Math.floor(unread * readShare);
        grant(came);
        expect(window.open + unread).toBeLessThanOrEqual(largest);
      }
      unread = 0;
      grant(0);
      expect(window.open).toBeGreaterThan(0.75 * size());
      window.release();
      expect(budget.taken).toBe(squeezed);
    }),
    { numRuns: 300 },
  );
});

test('a large window is granted anew half a mebibyte at a time, so that the server of a long link always has nearly all of it', () => {
  const window = new ReceiveWindow(link(100), new OpenBudget(256 * MIB), 0);
  const size = window.open;
  expect(size).toBe(4 * MIB);
  expect(window.took(512 * KIB - 1)).toBe(true);
  expect(window.read(512 * KIB - 1, 0, 1)).toBe(0);
  window.took(1);
  expect(window.read(1, 0, 2)).toBe(512 * KIB);

  const large = new ReceiveWindow(link(100), new OpenBudget(256 * MIB), 0);
  // It grows while all of it is read in each round trip.
  let now = 0;
  let most = 0;
  for (let trip = 0; trip < 10; trip += 1) {
    const open = large.open;
    for (let piece = 0; piece < 16; piece += 1) {
      now += 100 / 16;
      const bytes = Math.floor(open / 16);
      large.took(bytes);
      large.read(bytes, 0, now);
    }
    most = Math.max(most, large.open);
  }
  expect(most).toBeGreaterThan(11 * MIB);
  large.took(512 * KIB);
  expect(large.read(512 * KIB, 0, now + 1)).toBeGreaterThanOrEqual(512 * KIB);
});
