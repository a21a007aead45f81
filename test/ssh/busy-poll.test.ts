import { describe, expect, test } from 'vitest';
import { BusyPoll } from '../../src/ssh/busy-poll.ts';

/** An event loop whose rounds take so long; `at` says what happens in a round, by its number. */
function scene({ roundMs = 0.01, processors = 2 } = {}) {
  let now = 0;
  let rounds = 0;
  let next: (() => void) | null = null;
  const poll = new BusyPoll({
    now: () => now,
    soon: (callback) => {
      next = callback;
    },
    processors: () => processors,
  });
  /** Goes round until nobody wants it to, and tells how often that was. */
  const run = (at: (round: number) => void = () => undefined): number => {
    const from = rounds;
    while (next && rounds - from < 1_000) {
      const callback = next;
      next = null;
      now += roundMs;
      rounds += 1;
      at(rounds - from);
      callback();
    }
    return rounds - from;
  };
  const pass = (ms: number): void => {
    now += ms;
  };
  return { poll, run, pass };
}

describe('after something was moved the loop goes round without sleeping', () => {
  test('for a moment', () => {
    const { poll, run } = scene();
    poll.moved(64);
    expect(run()).toBeCloseTo(21, -1);
    expect(run()).toBe(0);
  });

  test('but not for what is large: nobody waits for an answer to it', () => {
    const { poll, run } = scene();
    poll.moved(32 * 1024);
    expect(run()).toBe(0);
  });

  test('and on, as long as more comes', () => {
    const { poll, run } = scene();
    poll.moved(64);
    const rounds = run((round) => {
      if (round % 15 === 0 && round < 300) poll.moved(64);
    });
    expect(rounds).toBeGreaterThan(300);
    expect(rounds).toBeLessThan(330);
  });

  test('but never where there is one processor: who is waited for could not work', () => {
    const { poll, run } = scene({ processors: 1 });
    poll.moved(64);
    expect(run()).toBe(0);
  });

  test('and no longer once the processor was taken away', () => {
    const { poll, run, pass } = scene();
    poll.moved(64);
    expect(run((round) => void (round === 3 && pass(0.6)))).toBe(3);
  });
});

describe('where it does not pay', () => {
  const tries = (times: number, { poll, run, pass }: ReturnType<typeof scene>): number => {
    let looked = 0;
    for (let time = 0; time < times; time += 1) {
      poll.moved(64);
      if (run() > 0) looked += 1;
      pass(10);
    }
    return looked;
  };

  test('it stops within some tries, and one of many is tried again', () => {
    const it = scene();
    expect(tries(100, it)).toBeLessThan(30);
    expect(tries(640, it)).toBe(10);
  });

  test('it is back when it does', () => {
    const it = scene();
    const { poll, run } = it;
    tries(200, it);
    let answered = 0;
    for (let time = 0; time < 64 && answered === 0; time += 1) {
      poll.moved(64);
      answered = run((round) => void (round % 5 === 0 && round < 100 && poll.moved(64)));
    }
    expect(answered).toBeGreaterThan(100);
    expect(tries(3, it)).toBe(3);
  });
});
