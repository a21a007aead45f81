/** What changes as tunnels become many: cold start, memory, connections a second, with 10, 100 and 1,000 of them over ten hosts. */
import type { Conditions, Measure } from '../measure.ts';
import { alternate, type Figures } from '../rounds.ts';
import type { RowSpec } from '../row.ts';
import { prepareSetup, start } from '../scene.ts';
import type { Side } from '../side.ts';
import { sshScript } from '../sides/ssh.ts';
import { churnRows, measureChurn } from './connections.ts';
import { memoryFigures, memoryRows } from './memory.ts';

const HOSTS = 10;

export const growth: Measure = {
  name: 'growth',
  about: `cold start, memory and connections a second with 10, 100 and 1,000 tunnels over ${HOSTS} hosts`,
  run: async (conditions: Conditions) => {
    const { ground, tunnels, quick, runs, report } = conditions;
    const held = quick ? 20 : 1_000;
    for (const count of quick ? [10] : [10, 100, 1_000]) {
      const id = `growth.${count}`;
      const what = `${count.toLocaleString('en-US')} tunnels`;
      const rows: RowSpec[] = [
        { id: `${id}.cold-start`, title: `${what}: cold start`, unit: 'ms', better: 'lower' },
        ...memoryRows({ id: `${id}.memory.0`, title: `${what}: no connection` }),
        ...memoryRows({ id: `${id}.memory.${held}`, title: `${what}: ${held.toLocaleString('en-US')} connections` }),
        ...churnRows({ id: `${id}.connections`, title: `${what}: connections a second` }),
      ];
      const run = async (side: Side): Promise<Figures> => {
        const egress = Array.from({ length: count }, () => ground.targetPort);
        const started = await start(ground, side, await prepareSetup(ground, { egress, hosts: HOSTS }));
        try {
          const empty = memoryFigures(`${id}.memory.0`, started);
          await ground.client.call('hold', { ports: started.ports, count: held }, 60_000);
          const full = memoryFigures(`${id}.memory.${held}`, started);
          await ground.client.call('release', undefined, 30_000);
          const run = { id: `${id}.connections`, atOnce: 32 };
          // The first ones come while the held ones are still being closed.
          await measureChurn(ground, started, { ...run, ms: quick ? 100 : 700 });
          const churned = await measureChurn(ground, started, { ...run, ms: quick ? 100 : 1_000 });
          return { [`${id}.cold-start`]: started.tookMs, ...empty, ...full, ...churned };
        } finally {
          await ground.client.call('release', undefined, 30_000);
          await started.stop();
        }
      };
      const runners = [tunnels, sshScript].map((side) => ({ name: side.name, run: () => run(side) }));
      report(await alternate({ group: 'growth', rows, runners, runs, warmUps: 0 }));
    }
  },
};
