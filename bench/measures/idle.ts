/** The round trip of 64 bytes when nothing else is under way. */
import type { Conditions, Measure } from '../measure.ts';
import { cpuSeconds } from '../process-cost.ts';
import { ratioGoal, type RowSpec } from '../row.ts';
import { alternate } from '../rounds.ts';
import { asRunner, reportStarts } from '../standings.ts';
import { quantile } from '../statistics.ts';

const ROWS: readonly RowSpec[] = [
  { id: 'idle.p50', title: '64 bytes, p50', unit: 'µs', better: 'lower', goal: ratioGoal(1) },
  { id: 'idle.p99', title: '64 bytes, p99', unit: 'µs', better: 'lower', goal: ratioGoal(1) },
  { id: 'idle.cpu', title: '64 bytes: CPU each', unit: 'µs', better: 'lower' },
];

export const idle: Measure = {
  name: 'idle',
  about: 'round trip of 64 bytes, p50 and p99, nothing else under way',
  run: async (conditions: Conditions) => {
    const { ground, quick } = conditions;
    await reportStarts(conditions, { egress: [ground.targetPort], autossh: true }, (standings, part) => {
      const count = quick ? 100 : 4_000;
      const runners = standings.map((standing) => ({
        ...asRunner(standing),
        run: async () => {
          const pids = standing.pids();
          const from = cpuSeconds(pids);
          const times = await ground.client.call('pings', { port: standing.ports[0] ?? 0, count, every: 0, ms: 15_000 });
          const cpu = pids.length === 0 ? Number.NaN : ((cpuSeconds(pids) - from) / count) * 1e6;
          return { 'idle.p50': quantile(times, 0.5) * 1e3, 'idle.p99': quantile(times, 0.99) * 1e3, 'idle.cpu': cpu };
        },
      }));
      return alternate({ group: 'idle', rows: ROWS, runners, ...part });
    });
  },
};
