import { expect, test, vi } from 'vitest';
import { ChannelStream } from '../../src/ssh/channel-stream.ts';
import { hostileChannelCases, meetRaw, openRaw } from './hostile-channel-cases.ts';

// As with a version of ssh2 whose internals are others.
vi.mock(import('../../src/ssh/flow.ts'), async (original) => ({ ...(await original()), takeChannels: () => null }));

test('channels are ssh2’s', async () => {
  expect((await openRaw(await meetRaw())).stream).toBeInstanceOf(ChannelStream);
});

hostileChannelCases();
