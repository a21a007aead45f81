import { expect, it } from 'vitest';
import { failure } from '../../src/core/failure.ts';
import { asUnusedTimeout, seemsUnusedTimeout } from '../../src/core/unused-close.ts';

it.each<[beforeMs: number | null, nowMs: number | null, seems: boolean]>([
  [3_500, 3_400, true],
  [300_400, 300_900, true],
  [300_000, 325_000, true],
  [null, 3_500, false],
  [3_500, null, false],
  [200, 210, false],
  [3_500, 9_000, false],
  [60_000, 90_000, false],
])('after %j ms without a channel, and then after %j: %j', (beforeMs, nowMs, seems) => {
  expect(seemsUnusedTimeout(beforeMs, nowMs)).toBe(seems);
});

it('says what may do that, and what helps', () => {
  const lost = failure({ code: 'connection-lost', message: 'a: the server closed the connection', hint: 'it is tried again' });
  const told = asUnusedTimeout(lost, 'a', 3_400);
  expect(told).toEqual({ ...lost, hint: told.hint });
  expect(told.hint).toMatch(/^it is tried again\. .* for 3 s, like the one before: is UnusedConnectionTimeout set in sshd_config of a\?/);
});
