import { Duplex, Writable } from 'node:stream';
import type { Channel } from 'ssh2';
import { expect, test } from 'vitest';
import { ChannelStream, lostError } from '../../src/ssh/channel-stream.ts';
import { ClosingChannels } from '../../src/ssh/closing-channels.ts';
import { Congestion } from '../../src/ssh/congestion.ts';
import { flush } from '../helpers/clock.ts';

/** A channel of ssh2 under which the connection is gone, though nobody has said so: with compression everything throws. */
class ThrowingChannel extends Duplex {
  override _read(): void {}
  override write(): boolean {
    throw new Error('Invalid Zlib instance');
  }
  close(): void {
    throw new Error('Invalid Zlib instance');
  }
}

const nowhere = (): Writable => new Writable({ write: (_chunk, _encoding, done) => done() });
const parts = () => ({ congestion: new Congestion(nowhere()), closing: new ClosingChannels() });

test('a write to a connection that is gone waits to be told so, and throws nothing', async () => {
  const stream = new ChannelStream(new ThrowingChannel() as unknown as Channel, parts());
  const outcomes: unknown[] = [];
  for (const word of ['one', 'two']) stream.write(word, (error) => outcomes.push((error as NodeJS.ErrnoException | null)?.code));
  await flush();
  expect(outcomes).toEqual([]);
  stream.lose(lostError('gone'));
  await flush();
  expect(outcomes).toEqual(['ECONNRESET', expect.anything()]);
  expect(stream.closed).toBe(true);
});

test('destroy() on a connection that is gone closes the stream without an error, and answers what is written', async () => {
  const stream = new ChannelStream(new ThrowingChannel() as unknown as Channel, parts());
  const seen: string[] = [];
  stream.on('error', ({ message }) => seen.push(message)).on('close', () => seen.push('close'));
  const outcome = new Promise((resolve) => stream.write('x', (error) => resolve((error as NodeJS.ErrnoException | null)?.code)));
  stream.destroy();
  expect(await outcome).toBe('EPIPE');
  await flush();
  expect(seen).toEqual(['close']);
});
