import { expect, it } from 'vitest';
import { chooseHost, failBackIn, hostsWanted, type Candidate } from '../../src/core/failover.ts';

/** `u` up for long, `n` newly up (10 s), `d` down, `.` not tried yet. */
const candidates = (text: string): Candidate[] =>
  [...text].map((each) => ({
    up: each === 'u' || each === 'n',
    down: each === 'd',
    upForMs: each === 'u' ? 60_000 : each === 'n' ? 10_000 : 0,
  }));

it.each([
  ['..', 0, 0],
  ['u.', 0, 0],
  ['uu', 0, 0],
  ['d.', 0, 0],
  ['dn', 0, 1],
  ['.u', 0, 0],
  ['.du', 0, 0],
  ['n.', 1, 0],
  ['d.u', 1, 1],
  ['ddn', 1, 2],
  ['ddu', 0, 2],
  ['dd', 1, 1],
  ['nu', 1, 1],
  ['uu', 1, 0],
  ['nd', 1, 0],
  ['dnu', 2, 2],
  ['duu', 2, 1],
  ['u', 3, 0],
])('of %s, on %i: %i', (states, current, expected) => {
  expect(chooseHost(candidates(states), current)).toBe(expected);
});

it.each([
  ['..', 1],
  ['u.', 1],
  ['d.', 2],
  ['d..', 2],
  ['dd.', 3],
  ['dd', 2],
  ['.d', 1],
])('of %s the first %i are wanted', (states, expected) => {
  expect(hostsWanted(candidates(states))).toBe(expected);
});

it.each([
  ['nu', 1, 20_000],
  ['du', 1, null],
  ['u.', 0, null],
  ['uu', 1, 0],
])('of %s, on %i: back in %j ms', (states, current, expected) => {
  expect(failBackIn(candidates(states), current)).toBe(expected);
});
