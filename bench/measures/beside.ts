/** The round trip of 64 bytes beside a bulk transfer on the same SSH connection, on an open link and on a slow one. */
import { sleep } from '../../test/helpers/wait.ts';
import { arrived, type Direction } from '../bulk.ts';
import type { Conditions, Measure } from '../measure.ts';
import { ratioGoal, type RowSpec } from '../row.ts';
import { alternate, type Figures } from '../rounds.ts';
import type { Line } from '../lane.ts';
import type { Ground, Standing } from '../scene.ts';
import { asRunner, withStandings } from '../standings.ts';
import { quantile } from '../statistics.ts';
import { SAME_CIPHER } from './throughput.ts';

/** 10 Mbit/s each way, 20 ms there and back, and a router's queue of 50 ms. */
const SLOW: Line = { delayMs: 10, bytesPerSecond: 1_250_000, queueBytes: 64 * 1024 };

interface Case {
  readonly link: 'open' | 'slow';
  readonly direction: Direction;
}

/** Milliseconds. */
interface Times {
  /** Until queues are as full as they get. */
  readonly rampMs: number;
  readonly ms: number;
  readonly every: number;
}

function timesOf(link: Case['link'], quick: boolean): Times {
  if (quick) return { rampMs: 100, ms: 300, every: 10 };
  return link === 'open' ? { rampMs: 500, ms: 2_000, every: 5 } : { rampMs: 2_000, ms: 3_000, every: 20 };
}

const rowsOf = ({ link, direction }: Case): RowSpec[] => {
  const id = `beside.${link}.${direction}`;
  const title = `64 bytes beside a bulk ${direction}, ${link === 'open' ? 'open link' : '10 Mbit/s'}`;
  const goal = ratioGoal(link === 'open' ? 1 : 0.5);
  return [
    { id: `${id}.p50`, title: `${title}, p50`, unit: 'ms', better: 'lower', goal },
    { id: `${id}.p99`, title: `${title}, p99`, unit: 'ms', better: 'lower', goal },
    // A quick answer is no feat where the transfer is held back for it.
    { id: `${id}.bulk`, title: `  the bulk ${direction} meanwhile`, unit: 'MB/s', better: 'higher' },
  ];
};

interface Run extends Case, Times {
  readonly ground: Ground;
  readonly standing: Standing;
}

async function measure({ ground, standing, link, direction, rampMs, ms, every }: Run): Promise<Figures> {
  const [bulkPort = 0, port = 0] = standing.ports;
  await ground.bulkClient.call('startBulk', { port: bulkPort, direction, connections: 1 });
  try {
    await sleep(rampMs);
    const from = await arrived(ground, direction);
    const times = await ground.client.call('pings', { port, count: Math.round(ms / every), every, ms: ms + 15_000 }, ms + 30_000);
    const to = await arrived(ground, direction);
    const id = `beside.${link}.${direction}`;
    return {
      [`${id}.p50`]: quantile(times, 0.5),
      [`${id}.p99`]: quantile(times, 0.99),
      [`${id}.bulk`]: (to.bytes - from.bytes) / 1e3 / (to.at - from.at),
    };
  } finally {
    await ground.bulkClient.call('stopBulk', undefined);
  }
}

export const beside: Measure = {
  name: 'beside',
  about: 'the same beside a bulk transfer in each direction, on an open link and on a 10 Mbit/s one',
  run: async (conditions: Conditions) => {
    const { ground, quick, runs, report } = conditions;
    for (const link of ['open', 'slow'] as const) {
      const options = { egress: [ground.bulkPort, ground.targetPort], cipher: SAME_CIPHER, ...(link === 'slow' ? { line: SLOW } : {}) };
      // Opened for each direction: what one has left in the queues of a slow line must not be in the way of the other.
      for (const direction of ['up', 'down'] as const)
        await withStandings(conditions, { ...options, autossh: true, direct: link === 'open' }, async (standings) => {
          const runners = standings.map((standing) => ({
            ...asRunner(standing),
            run: () => measure({ ground, standing, link, direction, ...timesOf(link, quick) }),
          }));
          report(await alternate({ group: 'beside', rows: rowsOf({ link, direction }), runners, runs }));
        });
    }
  },
};
