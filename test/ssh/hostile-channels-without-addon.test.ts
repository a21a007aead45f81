/** What a server may do to channels, encrypted by node's own crypto. */
import '../helpers/without-addon.ts';
import { expect, test } from 'vitest';
import { hasAddon } from '../helpers/ssh2-addon.ts';
import { hostileChannelCases } from './hostile-channel-cases.ts';

test('the addon is not there', () => {
  expect(hasAddon).toBe(false);
});

hostileChannelCases();
