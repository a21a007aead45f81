import { describe, expect, test } from 'vitest';
import { judgeHolder, watchMs, type EarlierBind, type Holder } from '../../src/forward/stale-bind.ts';

const lost: EarlierBind = { lostMsAgo: () => 4_000, addressChanged: false };
const again = { do: 'bind-again' } as const;
const tell = (holder: 'own' | 'other' | 'nobody' | 'unknown') => ({ do: 'tell', holder }) as const;

describe('who holds an address that is refused', () => {
  test.each([
    // What a connection there came to; held before or not; the verdict at the first refusal, and at the second.
    ['went', null, again, tell('other')],
    ['went', lost, again, tell('other')],
    ['speaks', null, tell('other'), tell('other')],
    ['speaks', lost, tell('other'), tell('other')],
    ['silent', null, tell('other'), tell('other')],
    ['silent', lost, tell('own'), tell('own')],
    ['nobody', null, tell('nobody'), tell('nobody')],
    ['nobody', lost, again, tell('nobody')],
    ['unknown', null, tell('unknown'), tell('unknown')],
    ['unknown', lost, tell('own'), tell('own')],
  ] as const)('%s, held before: %o', (holder: Holder, earlier, first, second) => {
    expect(judgeHolder(holder, earlier, false)).toEqual(first);
    expect(judgeHolder(holder, earlier, true)).toEqual(second);
  });

  test('a session of ours is given seconds to go, unless no packet of ours can reach it', () => {
    expect(watchMs(lost)).toBeGreaterThan(4_000);
    expect(watchMs({ ...lost, addressChanged: true })).toBeLessThan(1_000);
    expect(watchMs(null)).toBeLessThan(1_000);
  });
});
