/** A server that speaks first, as those of mail and databases: how long until its first word. */
import type { Conditions, Measure } from '../measure.ts';
import { ratioGoal, type RowSpec } from '../row.ts';
import { alternate } from '../rounds.ts';
import { asRunner, withStandings } from '../standings.ts';
import { quantile } from '../statistics.ts';

const ROWS: readonly RowSpec[] = [
  { id: 'greeting.p50', title: 'until its first word, p50', unit: 'ms', better: 'lower', goal: ratioGoal(0.5) },
  { id: 'greeting.p90', title: 'until its first word, p90', unit: 'ms', better: 'lower' },
];

export const greeting: Measure = {
  name: 'greeting',
  about: 'from a new connection to the first word of a server that speaks first',
  run: async (conditions: Conditions) => {
    const { ground, quick, runs, report } = conditions;
    await withStandings(
      conditions,
      { egress: [await ground.target.call('serveGreeting', undefined)], autossh: true },
      async (standings) => {
        const count = quick ? 5 : 30;
        const runners = standings.map((standing) => ({
          ...asRunner(standing),
          run: async () => {
            const times = await ground.client.call('greetings', { port: standing.ports[0] ?? 0, count, pause: 20 });
            return { 'greeting.p50': quantile(times, 0.5), 'greeting.p90': quantile(times, 0.9) };
          },
        }));
        report(await alternate({ group: 'greeting', rows: ROWS, runners, runs }));
      },
    );
  },
};
