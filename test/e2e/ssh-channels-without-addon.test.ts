/** Channels, encrypted by node's own crypto. */
import '../helpers/without-addon.ts';
import { expect, test } from 'vitest';
import { hasAddon } from '../helpers/ssh2-addon.ts';
import { dialCases } from './channel-dial-cases.ts';
import { listenCases } from './channel-listen-cases.ts';
import { transferCases } from './channel-transfer-cases.ts';

test('the addon is not there', () => {
  expect(hasAddon).toBe(false);
});

dialCases();
listenCases();
transferCases();
