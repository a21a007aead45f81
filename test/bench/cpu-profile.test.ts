import { describe, expect, test } from 'vitest';
import { type CpuProfile, sharesOf } from '../../bench/cpu-profile.ts';

const FRAMES = [
  ['(idle)', ''],
  ['(garbage collector)', ''],
  ['(program)', ''],
  ['writev', ''],
  ['update', 'node:internal/crypto/cipher'],
  ['Readable.push', 'node:internal/streams/readable'],
  ['parse', 'file:///a/node_modules/ssh2/lib/protocol/Protocol.js'],
  ['pump', 'file:///a/dist/runner.js'],
  ['encrypt', ''],
] as const;

/** A sample of each frame a millisecond, in order. */
const profile: CpuProfile = {
  nodes: FRAMES.map(([functionName, url], id) => ({ id, callFrame: { functionName, url } })),
  startTime: 1_000_000,
  samples: FRAMES.map((_, id) => id),
  timeDeltas: FRAMES.map(() => 1_000),
};

describe('the shares of the time', () => {
  test('are of what was not idle, each frame in its part', () => {
    const shares = sharesOf(profile, 0, 2_000_000);
    const each = 1 / 8;
    expect(shares).toEqual({ kernel: each, native: each, gc: each, crypto: 2 * each, node: each, ssh2: each, ours: each });
  });

  test('leave out what was before and after', () => {
    expect(sharesOf(profile, 1_006_500, 2_000_000)).toMatchObject({ ssh2: 1 / 3, ours: 1 / 3, crypto: 1 / 3, gc: 0 });
    expect(sharesOf(profile, 0, 1_002_500)).toMatchObject({ gc: 1, ours: 0 });
  });

  test('of nothing are nothing', () => {
    expect(Object.values(sharesOf(profile, 0, 1)).every((share) => share === 0)).toBe(true);
  });
});
