import { totalmem } from 'node:os';
import { expect, test } from 'vitest';
import { WindowBudget } from '../../src/ssh/window-budget.ts';

const MIB = 1 << 20;

test('what is promised is never more than there is, and can be promised again when it is given back', () => {
  const budget = new WindowBudget(100);
  expect([budget.take(60), budget.take(41), budget.take(40), budget.take(1)]).toEqual([true, false, true, false]);
  expect(budget.take(0)).toBe(true);
  budget.give(10);
  expect([budget.take(11), budget.take(10)]).toEqual([false, true]);
});

test('windows have to shrink when three quarters are promised', () => {
  const budget = new WindowBudget(100);
  budget.take(75);
  expect(budget.pressed).toBe(false);
  budget.take(1);
  expect(budget.pressed).toBe(true);
  budget.give(1);
  expect(budget.pressed).toBe(false);
});

test('by itself it is an eighth of the memory, 256 MiB at most', () => {
  const most = Math.min(256 * MIB, totalmem() / 8);
  expect(new WindowBudget().take(Math.floor(most))).toBe(true);
  expect(new WindowBudget().take(Math.floor(most) + 1)).toBe(false);
});
