import { expect, test } from 'vitest';
import { ForwardStream } from '../../src/ssh/forward-stream.ts';
import { sleep, until } from '../helpers/wait.ts';
import { hostileChannelCases, meetRaw, openRaw } from './hostile-channel-cases.ts';

test('channels are our own', async () => {
  expect((await openRaw(await meetRaw())).stream).toBeInstanceOf(ForwardStream);
});

hostileChannelCases();

test('a server that never ends an exchange of keys: what is written waits with its writer, not in a queue without a bound', async () => {
  const met = await meetRaw();
  const { stream, theirs } = await openRaw(met, { window: 0xffff_ffff });
  let taken = 0;
  const fill = (): void => {
    const piece = Buffer.alloc(64 * 1024);
    while (!stream.destroyed && stream.write(piece, () => (taken += piece.length)));
  };
  stream.on('drain', fill);
  // It hears nothing from now on, not even our half of the exchange.
  met.server.socket.pause();
  met.server.rekey();
  await sleep(50);
  fill();
  const before = taken;
  // Each quarter of a second without an adjustment we would have let twice as much go.
  await sleep(1_500);
  expect(taken - before).toBe(0);
  expect(stream.writableLength).toBeLessThan(256 * 1024);
  met.server.socket.resume();
  await until(() => met.server.received(theirs).length > 0, { what: 'it to go on once keys are agreed' });
});
