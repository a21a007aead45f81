/**
 * Where the time of an idle round trip goes: in the forwarder, in sshd, at both ends, after a pause and later on. By perf, whose events make each
 * wake longer, by some microseconds; so what is compared are the legs, and the whole is measured by `idle`.
 */
import { join } from 'node:path';
import { EVENTS, FIELDS, type Legs, LEGS, type Leg, legsOf, parseTrace } from '../legs.ts';
import type { Conditions, Measure } from '../measure.ts';
import { eventsIn, traced, whyNotTraced } from '../perf.ts';
import type { RowSpec } from '../row.ts';
import { alternate } from '../rounds.ts';
import type { Ground, Standing } from '../scene.ts';
import { asRunner, reportStarts } from '../standings.ts';
import { median } from '../statistics.ts';

const TRIPS = 4_000;
const QUICK_TRIPS = 800;
/** perf has begun by then, and everybody sleeps. */
const PAUSE_MS = 700;
/** Round trips of each, by number. Between them it is the one or the other. */
const STRETCHES = {
  first: { from: 0, to: 100, title: 'the first 100 after a pause' },
  later: { from: 500, to: TRIPS, title: 'from the 500th on' },
} as const;
type Stretch = keyof typeof STRETCHES;
const EACH = Object.keys(STRETCHES) as Stretch[];

const ROWS: readonly RowSpec[] = EACH.flatMap((stretch) => [
  ...(Object.keys(LEGS) as Leg[]).map(
    (leg): RowSpec => ({
      id: `legs.${stretch}.${leg}`,
      title: `${STRETCHES[stretch].title}: ${LEGS[leg]}, p50`,
      unit: 'µs',
      better: 'lower',
    }),
  ),
  { id: `legs.${stretch}.preempted`, title: `${STRETCHES[stretch].title}: the forwarder is preempted`, unit: '1', better: 'lower' },
  { id: `legs.${stretch}.told`, title: `${STRETCHES[stretch].title}: so many could be told`, unit: '%', better: 'higher' },
]);

export function figuresOf(legs: readonly (Legs | null)[]): Record<string, number> {
  const figures: Record<string, number> = {};
  for (const stretch of EACH) {
    const all = legs.slice(STRETCHES[stretch].from, STRETCHES[stretch].to);
    const told = all.filter((each) => each !== null);
    for (const leg of Object.keys(LEGS) as Leg[]) figures[`legs.${stretch}.${leg}`] = 1e3 * median(told.map((each) => each[leg]));
    figures[`legs.${stretch}.preempted`] = told.reduce((sum, each) => sum + each.preempted, 0) / told.length;
    figures[`legs.${stretch}.told`] = (100 * told.length) / all.length;
  }
  return figures;
}

async function trace(ground: Ground, standing: Standing, file: string, count: number): Promise<Record<string, number>> {
  const options = { port: standing.ports[0] ?? 0, count, every: 0, ms: 15_000 };
  const trips = await traced(file, EVENTS, PAUSE_MS, () => ground.client.call('trips', options));
  const passed = { client: ground.client.pid, forwarder: standing.pids(), target: ground.target.pid };
  const seen = parseTrace(eventsIn(file, FIELDS));
  if (!(seen.from <= (trips[0]?.at ?? 0))) throw new Error('perf began after the first round trip');
  return figuresOf(legsOf(seen, trips, passed));
}

export const legs: Measure = {
  name: 'legs',
  about: 'where the time of an idle round trip goes, by perf (for root)',
  run: async (conditions: Conditions) => {
    const { ground, quick } = conditions;
    const file = join(ground.dir, 'trace');
    const why = whyNotTraced(file, EVENTS);
    const leaveOut = (reason: string): void => void process.stderr.write(`legs: left out, for perf cannot trace here: ${reason}\n`);
    if (why !== null) return leaveOut(why);
    const starts = reportStarts(conditions, { egress: [ground.targetPort], direct: false }, (standings, part) => {
      const runners = standings.map((standing) => ({
        ...asRunner(standing),
        run: () => trace(ground, standing, file, quick ? QUICK_TRIPS : TRIPS),
      }));
      return alternate({ group: 'legs', rows: ROWS, runners, ...part });
    });
    // What was measured before it is not lost for that.
    await starts.catch((error: unknown) => leaveOut(error instanceof Error ? error.message : String(error)));
  },
};
