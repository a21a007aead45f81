/** What the tunnels lead to: the first byte of a connection says whether it is an echo, a sink or a source. */
import { createServer, type Server, type Socket } from 'node:net';

export const SINK = 'S';
export const SOURCE = 'D';
export const ECHO = 'E';

/** Large enough that a system call carries much, small enough for the caches. */
const CHUNK = Buffer.alloc(256 * 1024, 'x');
const AHEAD_BYTES = 1024 * 1024;

/** Writes as fast as it is taken, until the connection is gone. */
export function pour(socket: Socket): void {
  const more = (): void => {
    while (!socket.destroyed && socket.writableLength < AHEAD_BYTES) socket.write(CHUNK);
  };
  socket.on('drain', more);
  more();
}

/** As mail and database servers do: speaks first. */
export function createGreeter(): Server {
  return createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => undefined);
    socket.resume();
    socket.write('220 ready\r\n');
  });
}

export interface Target {
  readonly server: Server;
  readonly sunk: number;
}

export function createTarget(answer: string): Target {
  let sunk = 0;
  const server = createServer({ noDelay: true, highWaterMark: AHEAD_BYTES }, (socket) => {
    // Clients go as they like.
    socket.on('error', () => undefined);
    socket.once('data', (first) => {
      switch (String.fromCharCode(first[0] ?? 0)) {
        case SINK:
          sunk += first.length;
          socket.on('data', (chunk) => {
            sunk += chunk.length;
          });
          break;
        case SOURCE:
          pour(socket);
          break;
        default:
          socket.write(answer === '' ? first : answer);
          socket.on('data', (chunk) => socket.write(chunk));
      }
    });
  });
  return {
    server,
    get sunk() {
      return sunk;
    },
  };
}
