/** What changes as tunnels become many: cold start, memory, connections a second, with 10, 100 and 1,000 of them over ten hosts. */
import type { Conditions, Measure } from '../measure.ts';
import { alternate, type Figures } from '../rounds.ts';
import type { RowSpec } from '../row.ts';
import { prepareSetup, start } from '../scene.ts';
import type { Side } from '../side.ts';
import { autosshScript, sshScript } from '../sides/ssh.ts';
import { churnRows, measureChurn } from './connections.ts';
import { countedConnections, holdMore, memoryRows } from './memory.ts';

const HOSTS = 10;

export const growth: Measure = {
  name: 'growth',
  about: `cold start, memory and connections a second with 10, 100 and 1,000 tunnels over ${HOSTS} hosts`,
  run: async (conditions: Conditions) => {
    const { ground, tunnels, autossh, quick, runs, report } = conditions;
    const held = quick ? [20, 40] : [1_000, 10_000];
    for (const count of quick ? [10] : [10, 100, 1_000]) {
      const id = `growth.${count}`;
      const what = `${count.toLocaleString('en-US')} tunnels`;
      const rows: RowSpec[] = [
        { id: `${id}.cold-start`, title: `${what}: cold start`, unit: 'ms', better: 'lower' },
        ...[0, ...held].flatMap((connections) =>
          memoryRows({ id: `${id}.memory.${connections}`, title: `${what}: ${countedConnections(connections)}` }),
        ),
        ...churnRows({ id: `${id}.connections`, title: `${what}: connections a second` }),
      ];
      const run = async (side: Side): Promise<Figures> => {
        const egress = Array.from({ length: count }, () => ground.targetPort);
        const started = await start(ground, side, await prepareSetup(ground, { egress, hosts: HOSTS }));
        try {
          const empty = await holdMore(ground, started, `${id}.memory`, [0]);
          // Before any is held: who has had ten thousand may look through that many places ever after.
          const run = { id: `${id}.connections`, atOnce: 32 };
          await measureChurn(ground, started, { ...run, ms: quick ? 100 : 2_000 });
          const churned = await measureChurn(ground, started, { ...run, ms: quick ? 100 : 1_000 });
          // autossh is ssh and a small process more, whatever ssh holds.
          const full = await holdMore(ground, started, `${id}.memory`, side === autosshScript ? held.slice(0, -1) : held);
          return { [`${id}.cold-start`]: started.tookMs, ...empty, ...full, ...churned };
        } finally {
          await ground.client.call('release', undefined, 60_000);
          await started.stop();
        }
      };
      const runners = (autossh === null ? [tunnels, sshScript] : [tunnels, sshScript, autosshScript]).map((side) => ({
        name: side.name,
        run: () => run(side),
      }));
      report(await alternate({ group: 'growth', rows, runners, runs, warmUps: 0 }));
    }
  },
};
