import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LinkEstimate } from '../../src/ssh/link-estimate.ts';
import { SendWindow } from '../../src/ssh/send-window.ts';
import { timedLink, type LinkShape } from '../helpers/sent-over-link.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const PACKET = 32 * KIB;

const link = (rttMs: number): LinkEstimate => {
  const estimate = new LinkEstimate();
  if (rttMs > 0) estimate.sample(rttMs, 0);
  return estimate;
};

interface Transfer extends LinkShape {
  readonly forMs: number;
  readonly window?: number;
  /** A server says so when it has read so much: sshd three packets. */
  readonly adjustsEach?: number;
  /** Somebody else on the connection waits for answers. */
  readonly beside?: boolean;
}

/** We send all we may to a server that reads at once. */
function transfer({ forMs, window: allowed = 2 * MIB, adjustsEach = 3 * PACKET + 1, stepMs = 1, beside = false, ...shape }: Transfer): {
  arrivedLast: number;
  lastMs: number;
  queueMs: number;
  stalls: number;
} {
  const estimate = link(shape.rttMs);
  const window = new SendWindow(estimate, allowed, 0);
  const up = timedLink({ ...shape, stepMs });
  const down = timedLink({ ...shape, bytesPerMs: Number.POSITIVE_INFINITY, stepMs });
  const lastMs = Math.round(forMs / 4);
  let [held, quietMs, stalls, arrivedLast, queued] = [0, 0, 0, 0, 0];
  for (let now = stepMs; now <= forMs; now += stepMs) {
    if (beside) estimate.sawInteractive(now);
    for (let open = window.open; open > 0; open = window.open) {
      const bytes = Math.min(open, PACKET);
      window.sent(bytes, now);
      up.send(bytes);
    }
    held += up.tick();
    const last = now > forMs - lastMs;
    if (last) queued += up.queued * stepMs;
    while (held >= adjustsEach) {
      held -= adjustsEach;
      down.send(adjustsEach);
      if (last) arrivedLast += adjustsEach;
    }
    const adjusted = down.tick();
    if (adjusted > 0) window.adjusted(adjusted, now);
    quietMs = adjusted > 0 || !window.heldBack ? 0 : quietMs + stepMs;
    if (quietMs >= window.stallMs) {
      window.stall();
      stalls += 1;
      quietMs = 0;
    }
  }
  return { arrivedLast, lastMs, queueMs: queued / lastMs / shape.bytesPerMs, stalls };
}

describe('what is on its way', () => {
  test('is never more than the server allows', () => {
    const window = new SendWindow(link(0), 1_000, 0);
    expect(window.open).toBe(1_000);
    window.sent(1_000, 0);
    expect([window.open, window.heldBack]).toEqual([0, false]);
    window.adjusted(10, 1);
    expect(window.open).toBe(10);
  });

  test('is held back by ourselves where the server allows much', () => {
    const window = new SendWindow(link(0), 100 * MIB, 0);
    const first = window.open;
    expect(first).toBeLessThan(MIB);
    window.sent(first, 0);
    expect([window.open, window.heldBack]).toEqual([0, true]);
    window.stall();
    expect([window.open, window.heldBack]).toEqual([first, false]);
  });

  test.each([
    { rttMs: 0.2, bytesPerMs: 500 * KIB, stepMs: 0.05 },
    { rttMs: 1, bytesPerMs: 100 * KIB, stepMs: 0.05 },
    { rttMs: 20, bytesPerMs: 50 * KIB },
    { rttMs: 50, bytesPerMs: 20 * KIB },
    { rttMs: 100, bytesPerMs: 10 * KIB },
    { rttMs: 100, bytesPerMs: 1_250 },
    { rttMs: 20, bytesPerMs: 100 },
  ])('is enough for all that a link of $rttMs ms and $bytesPerMs bytes a ms carries', (shape) => {
    const { arrivedLast, lastMs } = transfer({ ...shape, forMs: 10_000 });
    const can = Math.min(shape.bytesPerMs, (2 * MIB - 3 * PACKET) / Math.max(shape.rttMs + 2, 1));
    expect(arrivedLast).toBeGreaterThan(0.9 * lastMs * can);
  });

  test.each([
    { rttMs: 20, bytesPerMs: 125 },
    { rttMs: 20, bytesPerMs: 400 },
    { rttMs: 20, bytesPerMs: 1_250 },
    { rttMs: 100, bytesPerMs: 1_250 },
    { rttMs: 100, bytesPerMs: 5_000 },
    { rttMs: 50, bytesPerMs: 10 * KIB },
  ])(
    'becomes little on a slow link, $rttMs ms and $bytesPerMs bytes a ms: what comes after waits two round trips and what sshd lets come in',
    (shape) => {
      // What was sent before it is known how slow the link is has to go first; it is as much as the server allows on a very slow one.
      const [forMs, window] = shape.bytesPerMs < 1_000 ? [100_000, 2 * MIB] : [20_000, 64 * MIB];
      const { queueMs } = transfer({ ...shape, forMs, window });
      expect(queueMs).toBeLessThan(2 * shape.rttMs + (2 * 3 * PACKET) / shape.bytesPerMs);
      // Where all packets are full sshd adjusts only after the fourth; on a line of 10 Mbit/s that is each 105 ms.
      const full = transfer({ ...shape, forMs, window, adjustsEach: 4 * PACKET });
      expect(full.queueMs).toBeLessThan(2 * shape.rttMs + (2 * 4 * PACKET) / shape.bytesPerMs);
    },
  );

  test.each([
    [500 * KIB, 384 * KIB],
    [2 * MIB, 384 * KIB],
  ])('is little on a short link beside somebody who waits for answers, however fast: %i bytes a ms', (bytesPerMs, most) => {
    const { queueMs } = transfer({ rttMs: 0.1, bytesPerMs, stepMs: 0.05, forMs: 1_000, beside: true });
    expect(queueMs * bytesPerMs).toBeLessThanOrEqual(most);
    const alone = transfer({ rttMs: 0.1, bytesPerMs, stepMs: 0.05, forMs: 1_000 });
    expect(alone.queueMs * bytesPerMs).toBeGreaterThan(2 * most);
  });

  test('is measured without the application’s pauses', () => {
    const window = new SendWindow(link(50), 100 * MIB, 0);
    let now = 0;
    const burst = (): void => {
      for (let trips = 0; trips < 8; trips += 1) {
        const bytes = window.open;
        window.sent(bytes, now);
        for (let piece = 0; piece < 8; piece += 1) window.adjusted(bytes / 8, (now += 50 / 8));
      }
    };
    burst();
    const before = window.open;
    now += 90_000;
    burst();
    expect(window.open).toBeGreaterThanOrEqual(before);
  });
});

describe('a server that makes few adjustments', () => {
  test.each([1 * MIB, 1.5 * MIB, 2 * MIB])('each %i bytes only: it stalls at first, and no more', (adjustsEach) => {
    const { arrivedLast, lastMs, stalls } = transfer({ rttMs: 1, bytesPerMs: 100 * KIB, adjustsEach, forMs: 10_000 });
    expect(stalls).toBeLessThanOrEqual(4);
    expect(arrivedLast).toBeGreaterThan(0.5 * lastMs * 100 * KIB);
  });

  test('nor beside somebody who waits for answers on a short link', () => {
    const { arrivedLast, lastMs, stalls } = transfer({ rttMs: 0.5, bytesPerMs: 100 * KIB, adjustsEach: MIB, forMs: 10_000, beside: true });
    expect(stalls).toBeLessThanOrEqual(4);
    expect(arrivedLast).toBeGreaterThan(0.5 * lastMs * 100 * KIB);
  });
});

test('any server, any sender: it is never beyond what is allowed, and never stuck while it may send', () => {
  const step = fc.record({
    send: fc.oneof(fc.nat(100), fc.nat(400 * KIB)),
    adjust: fc.oneof(fc.constant(0), fc.nat(300 * KIB), fc.constant(0xffff_ffff)),
    ms: fc.oneof(fc.constant(0), fc.nat(10), fc.nat(1_000)),
    stall: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.constantFrom(0, 1, 100), fc.nat(4 * MIB), fc.array(step, { maxLength: 300 }), (rttMs, first, steps) => {
      const window = new SendWindow(link(rttMs), first, 0);
      let [allowed, now] = [first, 0];
      for (const { send, adjust, ms, stall } of steps) {
        now += ms;
        const bytes = Math.min(send, window.open);
        if (bytes > 0) {
          window.sent(bytes, now);
          allowed -= bytes;
        }
        if (adjust > 0) {
          window.adjusted(adjust, now);
          allowed += adjust;
        }
        expect(window.allowed).toBe(allowed);
        expect(window.open).toBeLessThanOrEqual(allowed);
        expect(Number.isInteger(window.open)).toBe(true);
        expect(window.heldBack).toBe(allowed > 0 && window.open <= 0);
        if (stall && window.heldBack) window.stall();
      }
      let stalls = 0;
      for (; window.heldBack; stalls += 1) window.stall();
      expect(stalls).toBeLessThan(12);
      expect(window.open > 0).toBe(allowed > 0);
    }),
    { numRuns: 300 },
  );
});
