import { expect, test } from 'vitest';
import { pad } from '../../src/ssh/padding.ts';

test('writes so many bytes, there and nowhere else', () => {
  for (const bytes of [0, 4, 19, 255]) {
    const packet = Buffer.alloc(300);
    pad(packet, 20, bytes);
    expect([packet.subarray(0, 20), packet.subarray(20 + bytes)]).toEqual([Buffer.alloc(20), Buffer.alloc(280 - bytes)]);
  }
});

test('no byte of the pool is used twice, across its refills', () => {
  const seen = new Set<string>();
  for (let round = 0; round < 5_000; round += 1) {
    const packet = Buffer.alloc(16);
    pad(packet, 0, 16);
    seen.add(packet.toString('hex'));
  }
  expect(seen.size).toBe(5_000);
});
