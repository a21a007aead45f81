import { openSync } from 'node:fs';
import { afterEach, expect, it } from 'vitest';
import { areSomeLeft, watchDescriptors, type DescriptorWatch } from '../../src/engine/descriptor-watch.ts';
import { manualClock } from '../helpers/clock.ts';
import { openDescriptors } from '../helpers/process-figures.ts';

const clock = manualClock();
let watch: DescriptorWatch;
afterEach(() => {
  watch.stop();
  expect(clock.pending()).toEqual([]);
});

it('says once that none is left, and again only after there were some for a while', async () => {
  let left = true;
  let told = 0;
  watch = watchDescriptors(
    clock,
    () => void (told += 1),
    () => left,
  );
  const seconds = (count: number): Promise<void> => clock.advance(count * 1_000);
  await seconds(5);
  expect(told).toBe(0);
  left = false;
  await seconds(1);
  expect(told).toBe(1);
  await seconds(60);
  left = true;
  await seconds(9);
  left = false;
  await seconds(1);
  expect(told).toBe(1);
  left = true;
  await seconds(10);
  left = false;
  await seconds(1);
  expect(told).toBe(2);
});

it.each([
  { free: 0, some: false },
  { free: 3, some: false },
  { free: 4, some: true },
  { free: 1_000, some: true },
])(
  '$free left count as some: $some, for one that was in use when clients were turned away may be free at the next look',
  ({ free, some }) => {
    const before = openDescriptors(process.pid);
    let left = free;
    const open = (): number => {
      if (left === 0) throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' });
      left -= 1;
      return openSync('/dev/null', 'r');
    };
    expect(areSomeLeft(open)).toBe(some);
    expect(openDescriptors(process.pid)).toBe(before);
  },
);

it('looks at this process', () => {
  expect(areSomeLeft()).toBe(true);
});
