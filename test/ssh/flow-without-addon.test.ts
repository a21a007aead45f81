/** What is asked of ssh2's internals where its native addon could not be built. */
import '../helpers/without-addon.ts';
import { expect, test } from 'vitest';
import { hasAddon } from '../helpers/ssh2-addon.ts';
import './flow.test.ts';

test('the addon is not there', () => {
  expect(hasAddon).toBe(false);
});
