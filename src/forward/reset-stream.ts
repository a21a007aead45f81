/** The two ways of dropping a stream: so that its peer knows that bytes are missing, and quietly. */
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** A TCP reset, at once. SSH channels and unix sockets have no reset, only a close. */
export function resetStream(stream: Duplex): void {
  if (stream instanceof Socket && !stream.destroyed && !isShuttingDown(stream)) {
    try {
      stream.resetAndDestroy();
      return;
    } catch {
      // not TCP (ERR_INVALID_HANDLE_TYPE)
    }
  }
  closeStream(stream);
}

/** Destroys, and reads on: a channel says 'close' only once its readable side is drained. */
export function closeStream(stream: Duplex): void {
  stream.destroy();
  stream.resume();
}

/** Between shutdown(2) being asked for and done libuv refuses to reset (EINVAL); the FIN is under way then anyway. */
const isShuttingDown = (socket: Socket): boolean => socket.writableEnded && !socket.writableFinished && socket.writableLength === 0;
