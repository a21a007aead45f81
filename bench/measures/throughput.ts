/** Bulk transfers on an open link, and what they cost in CPU. */
import { type Direction, measureBulk } from '../bulk.ts';
import type { Conditions, Measure } from '../measure.ts';
import { ratioGoal, type Row, type RowSpec } from '../row.ts';
import { alternate, type Runner } from '../rounds.ts';
import { asRunner, reportStarts } from '../standings.ts';

/** What both sides are told, so that the ciphers do not decide. */
export const SAME_CIPHER = 'aes128-gcm@openssh.com';

interface Case {
  readonly direction: Direction;
  readonly connections: number;
  readonly ciphers: 'same' | 'defaults';
}

const cases = (ciphers: Case['ciphers'], counts: readonly number[]): Case[] =>
  counts.flatMap((connections) => (['up', 'down'] as const).map((direction) => ({ direction, connections, ciphers })));

const rowsOf = (group: string, { direction, connections, ciphers }: Case): readonly [RowSpec, RowSpec] => {
  const id = `${group}.${ciphers}.${direction}.${connections}`;
  const what = `${direction}, ${connections} connection${connections === 1 ? '' : 's'}, ${ciphers === 'same' ? 'aes128-gcm' : 'defaults'}`;
  const speed: RowSpec = { id, title: what, unit: 'MB/s', better: 'higher', goal: ratioGoal(ciphers === 'same' ? 1 : 1.2) };
  return [speed, { id: `${id}.cpu`, title: `${what}: CPU`, unit: 's/GiB', better: 'lower' }];
};

/** Before the engine has compiled what they need. */
const COLD = [
  { direction: 'down', connections: 1, ciphers: 'same', rampMs: 0 },
  { direction: 'up', connections: 1, ciphers: 'same', rampMs: 0 },
] as const satisfies readonly (Case & { readonly rampMs: number })[];

const coldRowOf = (group: string, each: Case): RowSpec => {
  const [{ id, title, unit, better }] = rowsOf(group, each);
  return {
    id: `${id}.first`,
    title: `${title}: ${each.direction === 'down' ? 'the first after a start' : 'the first, after that'}`,
    unit,
    better,
  };
};

interface Options {
  readonly name: string;
  readonly about: string;
  readonly cases: readonly Case[];
  /** Without the speed: the CPU alone, measured for longer. */
  readonly cpuOnly?: boolean;
}

const measureOf = ({ name, about, cases: all, cpuOnly = false }: Options): Measure => ({
  name,
  about,
  run: async (conditions: Conditions) => {
    const { ground, quick } = conditions;
    const times = quick ? { rampMs: 50, ms: 150 } : { rampMs: 300, ms: cpuOnly ? 1_500 : 1_000 };
    for (const ciphers of ['same', 'defaults'] as const) {
      const some = all.filter((each) => each.ciphers === ciphers);
      if (some.length === 0) continue;
      const options = {
        egress: [ground.bulkPort],
        autossh: true,
        direct: !cpuOnly,
        ...(ciphers === 'same' ? { cipher: SAME_CIPHER } : {}),
      };
      await reportStarts(conditions, options, async (standings, part) => {
        const runnersOf = (each: Case & { readonly rampMs?: number }, speed: string | null, cost: string | null): Runner[] =>
          standings.map((standing) => ({
            ...asRunner(standing),
            run: async () => {
              const figures = await measureBulk(ground, standing, { ...times, ...each });
              return {
                ...(speed === null ? {} : { [speed]: figures.megabytesPerSecond }),
                ...(cost === null ? {} : { [cost]: figures.cpuSecondsPerGibibyte }),
              };
            },
          }));
        const found: Row[] = [];
        for (const each of cpuOnly || ciphers === 'defaults' ? [] : COLD) {
          const cold = coldRowOf(name, each);
          found.push(
            ...(await alternate({ group: name, rows: [cold], runners: runnersOf(each, cold.id, null), ...part, runs: 1, warmUps: 0 })),
          );
        }
        for (const each of some) {
          const [speed, cost] = rowsOf(name, each);
          const runners = runnersOf(each, cpuOnly ? null : speed.id, cost.id);
          found.push(...(await alternate({ group: name, rows: [speed, cost], runners, ...part })));
        }
        return found;
      });
    }
  },
});

export const throughput = measureOf({
  name: 'throughput',
  about: 'bulk transfers up and down, one and eight connections, same cipher and defaults',
  cases: [...cases('same', [1, 8]), ...cases('defaults', [1, 8])],
});

export const cpu = measureOf({
  name: 'cpu',
  about: 'CPU seconds of the program for a GiB up and down, one connection, same cipher',
  cases: cases('same', [1]),
  cpuOnly: true,
});
