import { expect, it } from 'vitest';
import { DialSlots, type Turn } from '../../src/engine/dial-slots.ts';
import { flush } from '../helpers/clock.ts';

const signal = (): AbortSignal => new AbortController().signal;

/** What has a slot, in the order it got it; `end` gives it back. */
function taking(slots: DialSlots) {
  const begun: string[] = [];
  const giveBack = new Map<string, () => void>();
  const start = (name: string, turn?: Turn): void => {
    void slots.take(signal(), turn).then((end) => {
      begun.push(name);
      giveBack.set(name, end);
    });
  };
  const end = async (name: string): Promise<void> => {
    giveBack.get(name)?.();
    await flush();
  };
  return { begun, start, end };
}

it('no more than there are slots, the others in their order', async () => {
  const { begun, start, end } = taking(new DialSlots(2));
  for (const name of ['a', 'b', 'c', 'd']) start(name);
  await flush();
  expect(begun).toEqual(['a', 'b']);
  await end('b');
  await end('b');
  expect(begun).toEqual(['a', 'b', 'c']);
  await end('a');
  expect(begun).toEqual(['a', 'b', 'c', 'd']);
});

it('those who may come later wait until nobody else does', async () => {
  const { begun, start, end } = taking(new DialSlots(1));
  start('a');
  start('late 1', 'later');
  start('late 2', 'later');
  start('b');
  await flush();
  for (const name of ['a', 'b', 'late 1']) await end(name);
  expect(begun).toEqual(['a', 'b', 'late 1', 'late 2']);
});

it('one that gives up waiting takes no slot', async () => {
  const slots = new DialSlots(1);
  const { begun, start, end } = taking(slots);
  start('a');
  const impatient = new AbortController();
  const given = slots.take(impatient.signal);
  start('b');
  impatient.abort(new Error('enough'));
  await expect(given).rejects.toThrow('enough');
  await end('a');
  expect(begun).toEqual(['a', 'b']);
  await end('b');
  start('c');
  await flush();
  expect(begun).toEqual(['a', 'b', 'c']);
});

it('those who may come later never have more than half', async () => {
  const { begun, start, end } = taking(new DialSlots(4));
  for (const name of ['l1', 'l2', 'l3', 'l4']) start(name, 'later');
  await flush();
  expect(begun).toEqual(['l1', 'l2']);
  for (const name of ['a', 'b', 'c']) start(name);
  await flush();
  expect(begun).toEqual(['l1', 'l2', 'a', 'b']);
  await end('l1');
  expect(begun.slice(4)).toEqual(['c']);
  await end('a');
  expect(begun.slice(4)).toEqual(['c', 'l3']);
  await end('l2');
  expect(begun.slice(4)).toEqual(['c', 'l3', 'l4']);
});

it('the only slot is for everybody', async () => {
  const { begun, start, end } = taking(new DialSlots(1));
  start('l1', 'later');
  start('l2', 'later');
  await flush();
  await end('l1');
  expect(begun).toEqual(['l1', 'l2']);
});
