/** Channels of ssh2's own, encrypted by node's own crypto. */
import '../helpers/without-addon.ts';
import { expect, test, vi } from 'vitest';
import { tcp } from '../../src/core/address.ts';
import { ChannelStream } from '../../src/ssh/channel-stream.ts';
import { startEcho } from '../helpers/services.ts';
import { hasAddon } from '../helpers/ssh2-addon.ts';
import { transferCases } from './channel-transfer-cases.ts';
import { started } from './far-end.ts';
import { open, server } from './ssh-connecting.ts';

// As with a version of ssh2 whose internals are others.
vi.mock(import('../../src/ssh/flow.ts'), async (original) => ({ ...(await original()), takeChannels: () => null }));

test('channels are ssh2’s, and the addon is not there', async () => {
  expect(hasAddon).toBe(false);
  const connection = await open(await server());
  const echo = await started(startEcho());
  expect(await connection.dial(tcp('127.0.0.1', echo.port))).toBeInstanceOf(ChannelStream);
});

// Dialling and listening are tested with either of the two.
transferCases();
