/** How many short connections a second: open, 64 bytes there and back, close. */
import { cpus } from 'node:os';
import type { Conditions, Measure } from '../measure.ts';
import { cpuSeconds } from '../process-cost.ts';
import { ratioGoal, type Row, type RowSpec } from '../row.ts';
import { alternate, type Figures } from '../rounds.ts';
import type { Ground, Standing } from '../scene.ts';
import { asRunner, reportStarts } from '../standings.ts';

export interface ChurnRun {
  readonly id: string;
  readonly atOnce: number;
  readonly ms: number;
}

/** Milliseconds of all processors together since the machine was started. */
const machine = (): { readonly busy: number; readonly all: number } =>
  cpus().reduce(
    (sum, { times }) => {
      const all = Object.values(times).reduce((total, each) => total + each, 0);
      return { busy: sum.busy + all - times.idle, all: sum.all + all };
    },
    { busy: 0, all: 0 },
  );

/** Where the machine is what limits: the rate of a forwarder that needs no processor time. */
export const rateForNothing = (rate: number, cpuSecondsEach: number, processors: number): number =>
  1 / (1 / rate - cpuSecondsEach / processors);

export async function measureChurn(ground: Ground, standing: Standing, { id, atOnce, ms }: ChurnRun): Promise<Figures> {
  const pids = standing.pids();
  const from = cpuSeconds(pids);
  const before = machine();
  const { count, seconds } = await ground.client.call('churn', { ports: standing.ports, atOnce, ms }, ms + 30_000);
  const cpu = ((cpuSeconds(pids) - from) / count) * 1e6;
  const after = machine();
  const rate = count / seconds;
  return {
    [id]: rate,
    [`${id}.busy`]: (100 * (after.busy - before.busy)) / (after.all - before.all),
    ...(pids.length === 0 ? {} : { [`${id}.cpu`]: cpu, [`${id}.for-nothing`]: rateForNothing(rate, cpu / 1e6, cpus().length) }),
  };
}

export const churnRows = (row: Omit<RowSpec, 'unit' | 'better'>): RowSpec[] => [
  { ...row, unit: '1/s', better: 'higher' },
  { id: `${row.id}.cpu`, title: `${row.title}: CPU each`, unit: 'µs', better: 'lower' },
  { id: `${row.id}.busy`, title: `${row.title}: the machine is busy`, unit: '%', better: 'lower' },
  { id: `${row.id}.for-nothing`, title: `${row.title}: had its CPU been for nothing`, unit: '1/s', better: 'higher' },
];

export const connections: Measure = {
  name: 'connections',
  about: 'short connections a second, 32 at a time and one after the other',
  run: async (conditions: Conditions) => {
    const { ground, quick } = conditions;
    await reportStarts(conditions, { egress: [ground.targetPort], autossh: true }, async (standings, part) => {
      const found: Row[] = [];
      for (const { atOnce, title } of [
        { atOnce: 32, title: 'a second, 32 at a time' },
        { atOnce: 1, title: 'a second, one at a time' },
      ]) {
        const id = `connections.${atOnce}`;
        const rows = churnRows({ id, title, ...(atOnce === 1 ? {} : { goal: ratioGoal(1.5) }) });
        const runners = standings.map((standing) => ({
          ...asRunner(standing),
          run: () => measureChurn(ground, standing, { id, atOnce, ms: quick ? 100 : 1_500 }),
        }));
        found.push(...(await alternate({ group: 'connections', rows, runners, ...part })));
      }
      return found;
    });
  },
};
