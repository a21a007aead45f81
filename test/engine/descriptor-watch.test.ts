import { afterEach, expect, it } from 'vitest';
import { isOneLeft, watchDescriptors, type DescriptorWatch } from '../../src/engine/descriptor-watch.ts';
import { manualClock } from '../helpers/clock.ts';

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

it('looks at this process', () => {
  expect(isOneLeft()).toBe(true);
});
