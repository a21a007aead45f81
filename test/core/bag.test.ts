import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Bag, type BagEntry } from '../../src/core/bag.ts';

test('has what was added and not removed, whatever the order', () => {
  fc.assert(
    fc.property(fc.array(fc.nat()), (steps) => {
      const bag = new Bag<number>();
      const model: { value: number; entry: BagEntry<number> }[] = [];
      for (const [value, step] of steps.entries()) {
        const gone = step % 2 === 1 && model.length > 0 ? model.splice(step % model.length, 1)[0] : undefined;
        if (gone) bag.delete(gone.entry);
        else model.push({ value, entry: bag.add(value) });
        expect(bag.size).toBe(model.length);
        expect(bag.values().toSorted((a, b) => a - b)).toEqual(model.map((each) => each.value));
      }
    }),
  );
});

test('an entry is removed once', () => {
  const bag = new Bag<string>();
  const [a, b] = [bag.add('same'), bag.add('same')];
  bag.delete(a);
  bag.delete(a);
  expect(bag.values()).toEqual(['same']);
  bag.delete(b);
  bag.delete(a);
  expect(bag.size).toBe(0);
});

test('values() are of when it was called: what is removed meanwhile is still among them', () => {
  const bag = new Bag<number>();
  const entries = [1, 2, 3].map((each) => bag.add(each));
  const seen: number[] = [];
  for (const value of bag.values()) {
    seen.push(value);
    for (const entry of entries) bag.delete(entry);
  }
  expect(seen).toEqual([1, 2, 3]);
});

/** Megabytes that are left of what came and went, after collections of the young alone, though nobody has any of it. */
function leftOf(add: (value: object) => () => void): number {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as (options?: { type: 'minor' }) => void;
  gc();
  const before = getHeapStatistics().used_heap_size;
  const present: (() => void)[] = [];
  for (let each = 0; each < 2_000; each += 1) {
    present.push(add(Array.from({ length: 1_000 }, () => each)));
    if (present.length > 20) present.shift()?.();
    if (each % 50 === 0) gc({ type: 'minor' });
  }
  for (const remove of present.splice(0)) remove();
  gc({ type: 'minor' });
  return (getHeapStatistics().used_heap_size - before) / 1e6;
}

test('what was removed is collected while it is young, which it is not from a Set: else this file could go', () => {
  const bag = new Bag<object>();
  const fromBag = leftOf((value) => {
    const entry = bag.add(value);
    return () => bag.delete(entry);
  });
  const set = new Set<object>();
  const fromSet = leftOf((value) => {
    set.add(value);
    return () => void set.delete(value);
  });
  expect(fromBag).toBeLessThan(2);
  expect(fromSet).toBeGreaterThan(4);
});
