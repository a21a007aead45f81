import { expect, test } from 'vitest';
import { Stop } from '../../src/core/stop.ts';

const told: string[] = [];
const listener = (name: string) => (): void => void told.push(name);

test('tells everybody once, in their order, and nobody who left or who comes later', () => {
  const stop = new Stop();
  const [a, b, c] = [listener('a'), listener('b'), listener('c')];
  for (const each of [a, b, c]) stop.addEventListener('abort', each);
  stop.removeEventListener('abort', b);
  expect([stop.aborted, told]).toEqual([false, []]);
  stop.abort();
  stop.abort();
  stop.addEventListener('abort', b);
  expect([stop.aborted, told]).toEqual([true, ['a', 'c']]);
});

test('who hears of it may leave, and so may who was never there', () => {
  const stop = new Stop();
  let times = 0;
  const once = (): void => {
    times += 1;
    stop.removeEventListener('abort', once);
  };
  stop.removeEventListener('abort', once);
  stop.addEventListener('abort', once);
  stop.removeEventListener('abort', listener('other'));
  stop.abort();
  expect(times).toBe(1);
});
