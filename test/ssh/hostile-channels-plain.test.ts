/** What a server may do to channels of ssh2's own, encrypted by node's own crypto. */
import '../helpers/without-addon.ts';
import { expect, test, vi } from 'vitest';
import { ChannelStream } from '../../src/ssh/channel-stream.ts';
import { hasAddon } from '../helpers/ssh2-addon.ts';
import { hostileChannelCases, meetRaw, openRaw } from './hostile-channel-cases.ts';

// As with a version of ssh2 whose internals are others.
vi.mock(import('../../src/ssh/flow.ts'), async (original) => ({ ...(await original()), takeChannels: () => null }));

test('channels are ssh2’s, and the addon is not there', async () => {
  expect(hasAddon).toBe(false);
  expect((await openRaw(await meetRaw())).stream).toBeInstanceOf(ChannelStream);
});

hostileChannelCases();
