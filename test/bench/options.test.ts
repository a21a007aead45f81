import { describe, expect, test } from 'vitest';
import { help } from '../../bench/help.ts';
import { parseOptions } from '../../bench/options.ts';

const NAMES = ['idle', 'memory', 'cpu'];
const parsed = (...args: string[]) => {
  const result = parseOptions(args, NAMES);
  return result.ok ? result.options : result.message;
};

describe('the arguments of the bench', () => {
  test('without any, everything is measured five times, and nothing is written', () => {
    expect(parsed()).toEqual({ json: false, only: [], runs: 5, quick: false, save: false, writeUp: false, help: false });
  });

  test('--only may be repeated, and may hold several names', () => {
    expect(parsed('--only', 'idle', '--only', 'cpu,memory')).toMatchObject({ only: ['idle', 'cpu', 'memory'] });
  });

  test('a name that there is not is refused with those that there are', () => {
    expect(parsed('--only', 'idel')).toBe('--only idel: there is idle, memory, cpu');
  });

  test('--quick is once, unless --runs says otherwise', () => {
    expect(parsed('--quick')).toMatchObject({ quick: true, runs: 1 });
    expect(parsed('--quick', '--runs', '3')).toMatchObject({ quick: true, runs: 3 });
  });

  test.each(['0', '-1', '2.5', 'many'])('--runs=%s is refused', (runs) => {
    expect(parsed(`--runs=${runs}`)).toBe(`--runs ${runs} is no whole number from 1 on`);
  });

  test('what is not known is refused', () => {
    expect(parsed('--fast')).toMatch(/--fast/);
    expect(parsed('idle')).toMatch(/idle/);
  });

  test('the help names every measure', () => {
    const text = help([
      { name: 'idle', about: 'round trips' },
      { name: 'cold-start', about: 'until all answer' },
    ]);
    expect(text).toMatch(/^ {2}idle {10}round trips$/m);
    expect(text).toMatch(/^ {2}cold-start {4}until all answer$/m);
  });
});
