/** Says one last thing to a client and hangs up, without the reset that unread bytes would make of a plain close. */
import type { Duplex } from 'node:stream';
import { closeStream } from './reset-stream.ts';

/** How long the client may take to hang up, too. */
const LINGER_MS = 2_000;

export function endWith(stream: Duplex, words: Buffer | string): void {
  if (stream.destroyed) return;
  stream.end(words);
  const timer = setTimeout(() => closeStream(stream), LINGER_MS);
  timer.unref();
  stream.once('end', () => stream.destroy());
  stream.once('close', () => clearTimeout(timer));
  stream.resume();
}
