import { describe, expect, test } from 'vitest';
import { meets, middle, ratio, ratioGoal, ratioSpread, type Row, valueGoal } from '../../bench/row.ts';

const row = (more: Partial<Row>): Row => ({
  id: 'a.b',
  group: 'a',
  title: 'b',
  unit: 'MB/s',
  better: 'higher',
  runs: { tunnels: [30, 10, 20], ssh: [40, 40, 10] },
  ...more,
});

describe('a row of the bench', () => {
  test('the ratio is tunnels to ssh, the median of the rounds', () => {
    expect(middle(row({}), 'tunnels')).toBe(20);
    expect(ratio(row({}))).toBe(0.75);
    expect(ratioSpread(row({}))).toEqual({ least: 0.5, most: 1.375 });
  });

  test('a machine that is slow for some rounds does not decide it', () => {
    expect(ratio(row({ runs: { tunnels: [90, 90, 9, 9, 9], ssh: [100, 100, 100, 10, 10] } }))).toBe(0.9);
  });

  test('where a side has no figure there is no ratio', () => {
    const alone = row({ runs: { tunnels: [1] } });
    expect(middle(alone, 'ssh')).toBeNull();
    expect(ratio(alone)).toBeNull();
    expect(ratioSpread(alone)).toBeNull();
    expect(ratio(row({ runs: { tunnels: [1], ssh: [0] } }))).toBeNull();
  });

  test('a goal is a floor where higher is better, a ceiling where lower is', () => {
    expect(meets(row({ goal: ratioGoal(0.75) }))).toBe(true);
    expect(meets(row({ goal: ratioGoal(0.76) }))).toBe(false);
    expect(meets(row({ goal: ratioGoal(0.75), better: 'lower' }))).toBe(true);
    expect(meets(row({ goal: ratioGoal(0.74), better: 'lower' }))).toBe(false);
  });

  test('a goal without a counterpart is held to the figure itself', () => {
    const alone = { better: 'lower', runs: { tunnels: [150, 180, 250] } } as const;
    expect(meets(row({ ...alone, goal: valueGoal(200) }))).toBe(true);
    expect(meets(row({ ...alone, goal: valueGoal(100) }))).toBe(false);
  });

  test('without a goal, or without a figure to hold to it, nothing is said', () => {
    expect(meets(row({}))).toBeNull();
    expect(meets(row({ goal: ratioGoal(1), runs: { tunnels: [1] } }))).toBeNull();
  });
});
