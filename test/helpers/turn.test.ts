import { expect, it } from 'vitest';
import { turn } from './turn.ts';

it('is for one at a time, and for the next as soon as it is given back', async () => {
  const give = await turn('the test of turns');
  await expect(turn('the test of turns', 60)).rejects.toThrow('another test to be done with the test of turns');
  const other = await turn('another thing', 60);
  other();
  const next = turn('the test of turns');
  give();
  (await next)();
});
