import { expect, test } from 'vitest';
import { PacketPool } from '../../src/ssh/packet-pool.ts';

const KIB = 1024;
const memoryOf = ({ buffer }: Buffer): ArrayBufferLike => buffer;

test('packets of bulk transfers lie in memory of packets that were written, of whatever connection, and no two in the same', () => {
  const [one, other] = [new PacketPool(), new PacketPool()];
  const first = [one.take(32 * KIB), one.take(32 * KIB + 32), one.take(20 * KIB)];
  expect(first.map(({ length }) => length)).toEqual([32 * KIB, 32 * KIB + 32, 20 * KIB]);
  expect(new Set(first.map(memoryOf)).size).toBe(3);
  const meanwhile = other.take(32 * KIB);
  expect(first.map(memoryOf)).not.toContain(memoryOf(meanwhile));
  one.written();
  const second = [other.take(32 * KIB), one.take(32 * KIB), other.take(32 * KIB)];
  expect(new Set(second.map(memoryOf))).toEqual(new Set(first.map(memoryOf)));
  one.written();
  other.written();
});

test('what was not written stays as it is', () => {
  const pool = new PacketPool();
  const waiting = pool.take(32 * KIB).fill(1);
  new PacketPool().written();
  for (let each = 0; each < 100; each += 1) new PacketPool().take(32 * KIB).fill(2);
  expect(waiting.every((byte) => byte === 1)).toBe(true);
});

test('small packets, and larger ones than there should be, have memory of their own', () => {
  const pool = new PacketPool();
  const sizes = [0, 100, 16 * KIB - 1, 64 * KIB];
  const made = sizes.map((bytes) => pool.take(bytes));
  expect(made.map(({ length }) => length)).toEqual(sizes);
  pool.written();
  made[3]?.fill(1);
  for (let each = 0; each < 10; each += 1) pool.take(32 * KIB).fill(2);
  expect(made[3]?.every((byte) => byte === 1)).toBe(true);
});

test('a megabyte is kept for later, and no more', () => {
  const pool = new PacketPool();
  const many = Array.from({ length: 100 }, () => memoryOf(pool.take(32 * KIB)));
  pool.written();
  const again = Array.from({ length: 100 }, () => memoryOf(pool.take(32 * KIB)));
  expect(again.filter((memory) => many.includes(memory))).toHaveLength(32);
});
