/** A process that serves and loads tunnels, apart from the bench's own so that nothing else waits in its event loop. */
import type { Server, Socket } from 'node:net';
import { answerCalls } from './calls.ts';
import {
  allAnswer,
  type AnswerOptions,
  type Bulk,
  type BulkOptions,
  churn,
  type ChurnOptions,
  greetings,
  type GreetingOptions,
  hold,
  type PingOptions,
  pings,
  startBulk,
  trips,
} from './load.ts';
import { createGreeter, createTarget, type Target } from './target.ts';

let target: Target | undefined;
let bulk: Bulk | undefined;
let sockets: Socket[] = [];

const listening = (server: Server): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });

const handlers = {
  /** Serves on a free port, and gives it; echoes, or answers with this. */
  serve: (answer: string) => {
    const made = createTarget(answer);
    target ??= made;
    return listening(made.server);
  },
  serveGreeting: () => listening(createGreeter()),
  greetings: (options: GreetingOptions) => greetings(options),
  startBulk: (options: BulkOptions) => {
    bulk = startBulk(options);
  },
  stopBulk: () => {
    bulk?.stop();
    bulk = undefined;
  },
  /** Bytes that arrived here, and when that was. */
  count: () => ({ sunk: target?.sunk ?? 0, received: bulk?.received ?? 0, at: performance.now() }),
  pings: (options: PingOptions) => pings(options),
  trips: (options: PingOptions) => trips(options),
  churn: (options: ChurnOptions) => churn(options),
  hold: async ({ ports, count }: { readonly ports: readonly number[]; readonly count: number }) => {
    sockets.push(...(await hold(ports, count)));
    return sockets.length;
  },
  release: async () => {
    const closing = sockets;
    sockets = [];
    await Promise.all(
      closing.map(
        (socket) =>
          new Promise<void>((resolve) => {
            if (socket.destroyed) return resolve();
            socket.once('close', () => resolve());
            socket.destroy();
          }),
      ),
    );
  },
  allAnswer: (options: AnswerOptions) => allAnswer(options),
};

export type EndpointCalls = typeof handlers;

answerCalls(handlers);
