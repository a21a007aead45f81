import { expect, test } from 'vitest';
import { ClosingChannels } from '../../src/ssh/closing-channels.ts';
import { flush } from '../helpers/clock.ts';

test('nobody waits where none is closing, else until the last one has closed', async () => {
  const closing = new ClosingChannels();
  await closing.none();
  closing.add();
  closing.add();
  let over = false;
  void closing.none().then(() => (over = true));
  closing.remove();
  await flush();
  expect(over).toBe(false);
  closing.remove();
  await flush();
  expect(over).toBe(true);
  await closing.none();
});
