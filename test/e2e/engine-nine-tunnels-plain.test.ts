/** The longest chain, over channels of ssh2's own, encrypted by node's own crypto. */
import '../helpers/without-addon.ts';
import { expect, test, vi } from 'vitest';
import { hasAddon } from '../helpers/ssh2-addon.ts';
import { nineTunnels } from './nine-tunnels.ts';

// As with a version of ssh2 whose internals are others: its own channels must do.
vi.mock(import('../../src/ssh/flow.ts'), async (original) => ({ ...(await original()), takeChannels: () => null }));

test('the addon is not there, and channels are ssh2’s', async () => {
  expect(hasAddon).toBe(false);
  const { takeChannels } = await import('../../src/ssh/flow.ts');
  expect(takeChannels({} as never, {} as never)).toBeNull();
});

nineTunnels({ mebibytes: 16 });
