/** How fast a bulk transfer runs at the moment, counted where it arrives, and what the side's processes spend on it. */
import { cpuSeconds } from './process-cost.ts';
import type { Ground, Standing } from './scene.ts';
import { sleep } from '../test/helpers/wait.ts';

export type Direction = 'up' | 'down';

export interface BulkRun {
  readonly direction: Direction;
  readonly connections: number;
  /** Milliseconds that do not count, until it runs at its speed. */
  readonly rampMs: number;
  readonly ms: number;
}

export interface BulkFigures {
  readonly megabytesPerSecond: number;
  /** NaN for no process. */
  readonly cpuSecondsPerGibibyte: number;
}

/** Bytes of bulk transfers that arrived so far, and when that was on the clock of who counted. */
export const arrived = async (ground: Ground, direction: Direction): Promise<{ readonly bytes: number; readonly at: number }> => {
  const { sunk, received, at } = await (direction === 'up' ? ground.bulkTarget : ground.bulkClient).call('count', undefined);
  return { bytes: direction === 'up' ? sunk : received, at };
};

export async function measureBulk(ground: Ground, standing: Standing, run: BulkRun): Promise<BulkFigures> {
  const { direction, connections } = run;
  await ground.bulkClient.call('startBulk', { port: standing.ports[0] ?? 0, direction, connections });
  try {
    await sleep(run.rampMs);
    const pids = standing.pids();
    const [cpuFrom, from] = [cpuSeconds(pids), await arrived(ground, direction)];
    await sleep(run.ms);
    const [cpuTo, to] = [cpuSeconds(pids), await arrived(ground, direction)];
    const bytes = to.bytes - from.bytes;
    return {
      megabytesPerSecond: bytes / 1e6 / ((to.at - from.at) / 1000),
      cpuSecondsPerGibibyte: pids.length === 0 ? Number.NaN : (cpuTo - cpuFrom) / (bytes / 2 ** 30),
    };
  } finally {
    await ground.bulkClient.call('stopBulk', undefined);
  }
}
