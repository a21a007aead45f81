/** The longest chain, encrypted by node's own crypto. */
import '../helpers/without-addon.ts';
import { expect, test } from 'vitest';
import { hasAddon } from '../helpers/ssh2-addon.ts';
import { nineTunnels } from './nine-tunnels.ts';

test('the addon is not there', () => {
  expect(hasAddon).toBe(false);
});

nineTunnels({ mebibytes: 16 });
