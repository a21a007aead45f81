/** What a side's processes hold in memory, with no connection and with many that are open and quiet. */
import { sleep } from '../../test/helpers/wait.ts';
import type { Conditions, Measure } from '../measure.ts';
import { memory as memoryOf } from '../process-cost.ts';
import { ratioGoal, type RowSpec } from '../row.ts';
import { alternate, type Figures } from '../rounds.ts';
import { type Ground, stand, type Standing } from '../scene.ts';
import type { Side } from '../side.ts';

/** ssh takes one connection a turn from each listener, and a turn looks at all that are open: one listener would take minutes to 10,000. */
const TUNNELS = 20;
const MEBIBYTE = 2 ** 20;
/** For buffers of the opening to go. */
const SETTLE_MS = 500;

/** In MiB: resident, and with shared pages divided by those who share them. */
export function memoryFigures(id: string, standing: Standing): Figures {
  const { residentBytes, proportionalBytes } = memoryOf(standing.pids());
  return { [id]: residentBytes / MEBIBYTE, ...(proportionalBytes === null ? {} : { [`${id}.pss`]: proportionalBytes / MEBIBYTE }) };
}

export const memoryRows = (row: Omit<RowSpec, 'unit' | 'better'>): RowSpec[] => [
  { ...row, title: `${row.title}, RSS`, unit: 'MiB', better: 'lower' },
  { id: `${row.id}.pss`, title: `${row.title}, PSS`, unit: 'MiB', better: 'lower' },
];

export const countedConnections = (count: number): string => `${count.toLocaleString('en-US')} held connection${count === 1 ? '' : 's'}`;

/** Figures under `${id}.${count}`, each count reached from the one before. */
export async function holdMore(ground: Ground, standing: Standing, id: string, counts: readonly number[]): Promise<Figures> {
  let figures: Figures = {};
  let held = 0;
  for (const count of counts) {
    if (count > held) held = await ground.client.call('hold', { ports: standing.ports, count: count - held }, 120_000);
    await sleep(SETTLE_MS);
    figures = { ...figures, ...memoryFigures(`${id}.${count}`, standing) };
  }
  return figures;
}

export const memory: Measure = {
  name: 'memory',
  about: `memory with 0, 1,000 and 10,000 held connections over ${TUNNELS} tunnels`,
  run: async (conditions: Conditions) => {
    const { ground, tunnels, ssh, autossh, quick, runs, report } = conditions;
    const counts = quick ? [0, 20] : [0, 1_000, 10_000];
    const rows = counts.flatMap((count) =>
      memoryRows({ id: `memory.${count}`, title: countedConnections(count), ...(count === 10_000 ? { goal: ratioGoal(1.5) } : {}) }),
    );
    const sides: readonly Side[] = autossh === null ? [tunnels, ssh] : [tunnels, ssh, autossh];
    const runners = sides.map((side) => ({
      name: side.name,
      // A process of its own each time: memory that was needed once is not given back.
      run: async () => {
        const standing = await stand(ground, side, { egress: Array.from({ length: TUNNELS }, () => ground.targetPort) });
        try {
          // autossh is ssh and a small process more, whatever ssh holds.
          return await holdMore(ground, standing, 'memory', side === autossh ? counts.slice(0, -1) : counts);
        } finally {
          await ground.client.call('release', undefined, 60_000);
          await standing.stop();
        }
      },
    }));
    // The first run is like the others: it starts a new process too.
    report(await alternate({ group: 'memory', rows, runners, runs, warmUps: 0 }));
  },
};
