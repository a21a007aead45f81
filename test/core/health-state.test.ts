import { expect, it } from 'vitest';
import { healthTransition, initialHealth } from '../../src/core/health-state.ts';

/** `+` is a probe that succeeds, `-` one that fails, `s` one that fails within the start period. */
const after = (probes: string, retries = 3): string =>
  [...probes].reduce((state, probe) => healthTransition(state, { ok: probe === '+', inStartPeriod: probe === 's', retries }), initialHealth)
    .verdict;

it.each([
  ['', 'starting'],
  ['+', 'healthy'],
  ['--', 'starting'],
  ['---', 'unhealthy'],
  ['+--', 'healthy'],
  ['+---', 'unhealthy'],
  ['+--+--', 'healthy'],
  ['---+', 'healthy'],
  ['ssssss', 'starting'],
  ['ssss--', 'starting'],
  ['ssss---', 'unhealthy'],
  ['+sss', 'unhealthy'],
])('%j is %s', (probes, expected) => {
  expect(after(probes)).toBe(expected);
});

it('one retry makes the first failure count', () => {
  expect(after('-', 1)).toBe('unhealthy');
});
