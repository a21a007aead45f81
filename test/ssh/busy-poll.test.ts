import { describe, expect, test } from 'vitest';
import { BusyPoll } from '../../src/ssh/busy-poll.ts';

/** An event loop whose rounds take so long, and a thousand turns of nothing a microsecond; `at` says what happens in a round, by its number. */
function scene({ roundMs = 0.01, processors = 2 } = {}) {
  let now = 0;
  let rounds = 0;
  let next: (() => void) | null = null;
  const poll = new BusyPoll({
    now: () => now,
    soon: (callback) => {
      next = callback;
    },
    spin: (turns) => {
      now += turns / 1e6;
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
  return { poll, run, pass, now: () => now };
}

describe('after something was moved the loop goes round without sleeping', () => {
  test.each<[string, (poll: BusyPoll) => void, number]>([
    ['somebody behind the server has the next word', (poll) => poll.went(64), 0.084],
    ['somebody here has it', (poll) => poll.came(64), 0.042],
    ['more of a transfer may come', (poll) => poll.came(32 * 1024), 0.025],
  ])('for a moment, where %s', (_, move, ms) => {
    const { poll, run, now } = scene({ roundMs: 0.001 });
    move(poll);
    run();
    expect(now()).toBeGreaterThan(ms);
    expect(now()).toBeLessThan(ms + 0.01);
    expect(run()).toBe(0);
  });

  describe('for almost half as long again as what is waited for usually takes', () => {
    type Say = (poll: BusyPoll) => void;
    const there: Say = (poll) => poll.went(64);
    const here: Say = (poll) => poll.came(64);
    const more: Say = (poll) => poll.came(32 * 1024);

    /** One comes so long after the other, whether it is looked for or not. */
    const talk = ({ poll, run, pass, now }: ReturnType<typeof scene>, say: Say, everyMs: number): void => {
      let left = 200;
      let due = now();
      const sayWhenDue = (): void => {
        if (left === 0 || now() < due) return;
        left -= 1;
        due = now() + everyMs;
        say(poll);
      };
      while (left > 0) {
        sayWhenDue();
        run(sayWhenDue);
        pass(Math.max(0, due - now()));
      }
    };
    /** How long it is looked then for what comes after such a one; milliseconds. */
    const moment = ({ poll, run, pass, now }: ReturnType<typeof scene>, say: Say): number => {
      for (;;) {
        pass(10);
        say(poll);
        const from = now();
        if (run() > 0) return now() - from;
      }
    };

    test.each<[string, Say, number, number]>([
      ['an answer from there', there, 0.12, 0.168],
      ['an answer from there, at most', there, 0.2, 0.21],
      ['the next word from here', here, 0.06, 0.084],
      ['more of a transfer', more, 0.01, 0.014],
      ['more of a transfer, on a slower machine', more, 0.04, 0.056],
      // No answer of this machine.
      ['an answer from there, not from afar', there, 0.25, 0.084],
      ['the next word from here, not of somebody who thinks', here, 0.12, 0.042],
      ['more of a transfer, not over a line that is what limits it', more, 0.15, 0.025],
    ])('%s', (_, say, everyMs, momentMs) => {
      const it = scene({ roundMs: 0.001 });
      talk(it, say, everyMs);
      expect(moment(it, say)).toBeGreaterThan(momentMs - 0.002);
      expect(moment(it, say)).toBeLessThan(momentMs + 0.012);
    });

    test('each of the three by itself', () => {
      const it = scene({ roundMs: 0.001 });
      talk(it, there, 0.14);
      expect(moment(it, here)).toBeLessThan(0.054);
      expect(moment(it, more)).toBeLessThan(0.037);
      expect(moment(it, there)).toBeGreaterThan(0.19);
    });

    test('and not what came along with something else', () => {
      const it = scene({ roundMs: 0.001 });
      for (let time = 0; time < 200; time += 1) {
        for (let client = 0; client < 4; client += 1) {
          there(it.poll);
          it.pass(0.015);
        }
        it.run();
        it.pass(10);
      }
      expect(moment(it, there)).toBeGreaterThan(0.083);
    });
  });

  describe('longer after three answers on end that came in their time', () => {
    const talk = ({ poll, run }: ReturnType<typeof scene>, everyRounds: number, times = 5): number =>
      run((round) => {
        if (round % everyRounds === 0 && round <= times * everyRounds) poll.went(64);
      });

    test('for who says the next word may have been given this processor', () => {
      const it = scene();
      it.poll.went(64);
      const rounds = talk(it, 4);
      expect(rounds).toBeGreaterThan(100);
      expect(rounds).toBeLessThan(130);
    });

    test('but not where they took longer, or many would keep it busy who say little', () => {
      const it = scene();
      it.poll.went(64);
      // Each comes in time to be waited for, and later than an answer would.
      const rounds = talk(it, 9, 50);
      expect(rounds).toBeGreaterThan(450);
      expect(rounds).toBeLessThan(480);
    });

    test('nor again and again where it is over after as many: the next one takes twice as many', () => {
      const it = scene();
      it.poll.went(64);
      talk(it, 4);
      it.pass(10);
      it.poll.went(64);
      expect(talk(it, 4)).toBeLessThan(60);
    });

    test('nor at the end of a transfer, which is small', () => {
      const { poll, run } = scene({ roundMs: 0.002 });
      poll.came(32 * 1024);
      const rounds = run((round) => {
        if (round % 5 === 0 && round <= 100) poll.came(round === 100 ? 900 : 32 * 1024);
      });
      expect(rounds).toBeLessThan(130);
    });

    test('nor in a transfer', () => {
      const { poll, run } = scene({ roundMs: 0.002 });
      poll.came(32 * 1024);
      const rounds = run((round) => {
        if (round % 5 === 0 && round <= 100) poll.came(32 * 1024);
      });
      expect(rounds).toBeLessThan(120);
    });
  });

  describe('not faster than it is worth, for each round leaves garbage', () => {
    /** How long a round takes by the end, where something comes every so many. Milliseconds. */
    const paceWhere = (everyRounds: number): number => {
      const { poll, run, now } = scene({ roundMs: 0.001 });
      const at: number[] = [];
      poll.went(64);
      run((round) => {
        at.push(now());
        if (round % everyRounds === 0 && round < 900) poll.went(64);
      });
      const [from = 0, to = 0] = [at[700], at[800]];
      return (to - from) / 100;
    };

    test('but every few microseconds', () => {
      expect(paceWhere(10)).toBeGreaterThan(0.003);
      expect(paceWhere(10)).toBeLessThan(0.006);
    });

    test('nor slower, where what comes next never takes two rounds', () => {
      expect(paceWhere(2)).toBeLessThan(0.006);
    });
  });

  test('but not after what is large and goes to the server: nobody waits for an answer to it', () => {
    const { poll, run } = scene();
    poll.went(32 * 1024);
    expect(run()).toBe(0);
  });

  test('and on, as long as more comes', () => {
    const { poll, run } = scene();
    poll.went(64);
    const rounds = run((round) => {
      if (round % 5 === 0 && round < 300) poll.went(64);
    });
    expect(rounds).toBeGreaterThan(300);
    expect(rounds).toBeLessThan(420);
  });

  test('but never where there is one processor: who is waited for could not work', () => {
    const { poll, run } = scene({ processors: 1 });
    poll.went(64);
    expect(run()).toBe(0);
  });

  test('and no longer once the processor was taken away', () => {
    const { poll, run, pass } = scene();
    poll.went(64);
    // In a conversation, whose moment is longer than that.
    const rounds = run((round) => {
      if (round <= 20 && round % 4 === 0) poll.went(64);
      if (round === 25) pass(0.6);
    });
    expect(rounds).toBe(25);
  });
});

describe('where it does not pay', () => {
  const tries = (times: number, { poll, run, pass }: ReturnType<typeof scene>): number => {
    let looked = 0;
    for (let time = 0; time < times; time += 1) {
      poll.went(64);
      if (run() > 0) looked += 1;
      pass(10);
    }
    return looked;
  };

  test('the next time is left out, then twice as many each time, up to 64', () => {
    const it = scene();
    // The 1st, 3rd, 6th, 11th, 20th, 37th and 70th.
    expect(tries(100, it)).toBe(7);
    expect(tries(650, it)).toBe(10);
  });

  test('it is back when it does', () => {
    const it = scene();
    const { poll, run } = it;
    tries(200, it);
    let answered = 0;
    for (let time = 0; time <= 64 && answered === 0; time += 1) {
      poll.went(64);
      answered = run((round) => void (round % 5 === 0 && round < 100 && poll.went(64)));
    }
    expect(answered).toBeGreaterThan(100);
    // The first of them is looked for, and the next is left out.
    expect(tries(3, it)).toBe(2);
  });
});
