/** ssh2 writes each packet in three pieces, and each of them would be a system call, and with no-delay a segment. */
import type { Writable } from 'node:stream';

/**
 * From now on all that is written to `transport` while the event loop goes round once goes out as one write, in that same round: what
 * many clients said at one time is one system call, and what one said alone does not wait. `onWritten` is called whenever nothing waits
 * to be written any more.
 */
export function coalesceWrites(transport: Writable, onWritten: () => void = () => undefined): void {
  const write = transport.write.bind(transport);
  let corked = false;
  const tell = (): void => {
    if (transport.writableLength === 0 && !transport.destroyed) onWritten();
  };
  const uncork = (): void => {
    corked = false;
    transport.uncork();
    tell();
  };
  transport.on('drain', tell);
  const coalesced = (...args: Parameters<Writable['write']>): boolean => {
    if (!corked) {
      corked = true;
      transport.cork();
      setImmediate(uncork);
    }
    return write(...args);
  };
  transport.write = coalesced as Writable['write'];
}
