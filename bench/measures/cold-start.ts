/** From nothing to the last tunnel's first answer: `tunnels up` against a script with a line of `ssh -fN` for each host. */
import type { Conditions, Measure } from '../measure.ts';
import { ratioGoal, type RowSpec } from '../row.ts';
import { alternate } from '../rounds.ts';
import { prepareSetup, start } from '../scene.ts';
import type { Side } from '../side.ts';
import { autosshScript, sshScript } from '../sides/ssh.ts';
import { detachedTunnels } from '../sides/tunnels.ts';

interface Size {
  readonly tunnels: number;
  readonly hosts: number;
}

const SIZES: readonly Size[] = [
  { tunnels: 1, hosts: 1 },
  { tunnels: 10, hosts: 3 },
  { tunnels: 50, hosts: 10 },
];

const rowsOf = ({ tunnels, hosts }: Size): RowSpec[] => {
  const id = `cold-start.${tunnels}.${hosts}`;
  const title = `${tunnels} tunnel${tunnels === 1 ? '' : 's'} over ${hosts} host${hosts === 1 ? '' : 's'}`;
  return [
    { id, title, unit: 'ms', better: 'lower', ...(tunnels === 50 ? { goal: ratioGoal(0.5) } : {}) },
    { id: `${id}.detached`, title: `${title}, up -d`, unit: 'ms', better: 'lower' },
  ];
};

export const coldStart: Measure = {
  name: 'cold-start',
  about: 'until the last tunnel answers: 1 over 1 host, 10 over 3, 50 over 10; ssh as a script of `ssh -fN`, a line a host',
  run: async (conditions: Conditions) => {
    const { ground, tunnels, autossh, quick, runs, report } = conditions;
    for (const size of quick ? SIZES.slice(0, 1) : SIZES) {
      const [foreground, detached] = rowsOf(size) as [RowSpec, RowSpec];
      const time = async (side: Side): Promise<number> => {
        const egress = Array.from({ length: size.tunnels }, () => ground.targetPort);
        const started = await start(ground, side, await prepareSetup(ground, { egress, hosts: size.hosts }));
        await started.stop();
        return started.tookMs;
      };
      const script = async (side: Side) => {
        const took = await time(side);
        return { [foreground.id]: took, [detached.id]: took };
      };
      const background = detachedTunnels(conditions.program);
      const runners = [
        { name: 'tunnels', run: async () => ({ [foreground.id]: await time(tunnels), [detached.id]: await time(background) }) },
        { name: 'ssh', run: () => script(sshScript) },
        ...(autossh === null ? [] : [{ name: 'autossh', run: () => script(autosshScript) } as const]),
      ] as const;
      report(await alternate({ group: 'cold-start', rows: [foreground, detached], runners, runs }));
    }
  },
};
