/** What lost connections leave in memory: nothing. The slopes over a thousand of them are measured by `npm run soak`. */
import { Server, Socket } from 'node:net';
import { queryObjects } from 'node:v8';
import { Client } from 'ssh2';
import { expect, it } from 'vitest';
import { Forwarder } from '../../src/forward/forwarder.ts';
import { Visit } from '../../src/forward/visit.ts';
import { ChannelStream } from '../../src/ssh/channel-stream.ts';
import { ClientConnection } from '../../src/ssh/client-connection.ts';
import { ForwardStream } from '../../src/ssh/forward-stream.ts';
import { KeepaliveTimer } from '../../src/ssh/keepalive.ts';
import { setStage, type Stage } from '../helpers/fault-run.ts';
import { figure } from '../helpers/figure.ts';
import { dial } from '../helpers/services.ts';
import { sleep, until } from '../helpers/wait.ts';

const KINDS = [
  Client,
  ClientConnection,
  KeepaliveTimer,
  ChannelStream,
  ForwardStream,
  Visit,
  Forwarder,
  Socket,
  Server,
  AbortController,
  Promise,
];

/** What happens to be under way at the one look and not at the other; less than one each reconnect. */
const SLACK = 12;

/** After a collection, which counting them does. */
const counts = (): Readonly<Record<string, number>> =>
  Object.fromEntries(KINDS.map((kind) => [kind.name, queryObjects(kind, { format: 'count' })]));

async function lose(stage: Stage): Promise<void> {
  const { engine } = stage.running;
  const clients = await Promise.all(stage.names.map((name) => dial(stage.running.ingressPort(name))));
  for (const client of clients) client.on('error', () => undefined).write('hello');
  stage.proxy.reset();
  await until(() => engine.outcome() !== 'open', { what: 'the loss to be noticed', every: 1 });
  await until(() => engine.outcome() === 'open', { what: 'all to be open again', ms: 15_000, every: 2 });
  for (const client of clients) client.destroy();
  stage.running.events.length = 0;
}

it('reconnects leave no client, connection, channel, socket or promise behind', async () => {
  const stage = await setStage({ reconnect: { minMs: 1, maxMs: 2, attempts: null } });
  try {
    const rounds = async (count: number): Promise<void> => {
      for (let round = 0; round < count; round += 1) await lose(stage);
    };
    await rounds(5);
    // Timers hold what has ended for up to two seconds: the probe of a remote listener, the linger of a connection. Counting takes one.
    const settled = async (): Promise<Readonly<Record<string, number>>> => {
      await sleep(2_500);
      return counts();
    };
    const before = await settled();
    await rounds(20);
    const after = await settled();
    const more = Object.entries(after).map(([name, count]) => [name, count - (before[name] ?? 0)] as const);
    figure('20 reconnects, most objects more of one kind', Math.max(...more.map(([, count]) => count)), { unit: 'objects', limit: SLACK });
    expect(more.filter(([, count]) => count > SLACK)).toEqual([]);
  } finally {
    await stage.stop();
  }
});
