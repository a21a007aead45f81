/** A long or slow line between a client and a server: a TCP proxy in a process of its own. */
import { connect, createServer } from 'node:net';
import { answerCalls } from './calls.ts';
import { Lane, type Line } from './lane.ts';

export interface LinkOptions extends Line {
  readonly to: number;
}

const handlers = {
  open: (options: LinkOptions) =>
    new Promise<number>((resolve, reject) => {
      const lanes = [new Lane(options), new Lane(options)] as const;
      const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
        const onward = connect({ host: '127.0.0.1', port: options.to, allowHalfOpen: true, noDelay: true });
        for (const [one, other] of [
          [client, onward],
          [onward, client],
        ] as const) {
          one.on('error', () => other.destroy());
          one.once('close', () => setTimeout(() => other.destroy(), 10_000).unref());
        }
        lanes[0].carry(client, onward);
        lanes[1].carry(onward, client);
      });
      server.once('error', reject);
      server.listen({ port: 0, host: '127.0.0.1' }, () => {
        const address = server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    }),
};

export type LinkCalls = typeof handlers;

answerCalls(handlers);
