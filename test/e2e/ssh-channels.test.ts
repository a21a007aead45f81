import { expect, test } from 'vitest';
import { tcp } from '../../src/core/address.ts';
import { ForwardStream } from '../../src/ssh/forward-stream.ts';
import { startEcho } from '../helpers/services.ts';
import { dialCases } from './channel-dial-cases.ts';
import { listenCases } from './channel-listen-cases.ts';
import { transferCases } from './channel-transfer-cases.ts';
import { started } from './far-end.ts';
import { open, server } from './ssh-connecting.ts';

test('channels are our own', async () => {
  const connection = await open(await server());
  const echo = await started(startEcho());
  expect(await connection.dial(tcp('127.0.0.1', echo.port))).toBeInstanceOf(ForwardStream);
});

dialCases();
listenCases();
transferCases();
