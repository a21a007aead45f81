/**
 * Where this program's time goes, for the kinds of load in which ssh takes less. It runs under node's profiler, which costs something
 * itself, and counts what libuv reads before JavaScript is called as idle.
 */
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CpuProfile, type Part, PARTS, sharesOf } from '../cpu-profile.ts';
import { measureBulk } from '../bulk.ts';
import type { Conditions, Measure } from '../measure.ts';
import type { RowSpec } from '../row.ts';
import { alternate } from '../rounds.ts';
import { type Ground, prepareSetup, start, type Standing } from '../scene.ts';
import { tunnelsIn } from '../sides/tunnels.ts';
import { measureChurn } from './connections.ts';
import { SAME_CIPHER } from './throughput.ts';

interface Load {
  readonly id: string;
  readonly title: string;
  run(ground: Ground, standing: Standing, quick: boolean): Promise<unknown>;
}

const bulk =
  (direction: 'up' | 'down'): Load['run'] =>
  (ground, standing, quick) =>
    measureBulk(ground, standing, { direction, connections: 1, ...(quick ? { rampMs: 50, ms: 150 } : { rampMs: 300, ms: 1_500 }) });

const LOADS: readonly Load[] = [
  { id: 'up', title: 'a bulk up', run: bulk('up') },
  { id: 'down', title: 'a bulk down', run: bulk('down') },
  {
    id: 'connections',
    title: 'short connections, 32 at a time',
    run: (ground, standing, quick) => measureChurn(ground, standing, { id: 'profile', atOnce: 32, ms: quick ? 100 : 1_500 }),
  },
  {
    id: 'idle',
    title: '64 bytes, idle',
    run: (ground, standing, quick) =>
      ground.client.call('pings', { port: standing.ports[0] ?? 0, count: quick ? 100 : 4_000, every: 0, ms: 15_000 }),
  },
];

/** Microseconds of the clock that all processes share. */
const clock = (): number => Number(process.hrtime.bigint() / 1_000n);

export const profile: Measure = {
  name: 'profile',
  about: 'where the time of this program goes, idle time left out',
  run: async ({ ground, program, quick, runs, report }: Conditions) => {
    for (const load of LOADS) {
      const rows = (Object.keys(PARTS) as Part[]).map(
        (part): RowSpec => ({ id: `profile.${load.id}.${part}`, title: `${load.title}: ${PARTS[part]}`, unit: '%', better: 'lower' }),
      );
      const egress = load.id === 'up' || load.id === 'down' ? ground.bulkPort : ground.targetPort;
      const run = async (): Promise<Record<string, number>> => {
        const folder = mkdtempSync(join(ground.dir, 'profile-'));
        const side = tunnelsIn(program, ['--cpu-prof', '--cpu-prof-interval', '200', '--cpu-prof-dir', folder]);
        const standing = await start(ground, side, await prepareSetup(ground, { egress: [egress], cipher: SAME_CIPHER }));
        let from = 0;
        let to = 0;
        try {
          // Once for the compiler.
          await load.run(ground, standing, quick);
          from = clock();
          await load.run(ground, standing, quick);
          to = clock();
        } finally {
          await standing.stop();
        }
        const shares = sharesOf(profileIn(folder), from, to);
        return Object.fromEntries((Object.keys(PARTS) as Part[]).map((part) => [`profile.${load.id}.${part}`, 100 * shares[part]]));
      };
      report(await alternate({ group: 'profile', rows, runners: [{ name: 'tunnels', run }], runs: Math.min(runs, 3), warmUps: 0 }));
    }
  },
};

function profileIn(folder: string): CpuProfile {
  const name = readdirSync(folder).find((each) => each.endsWith('.cpuprofile'));
  if (name === undefined) throw new Error(`node wrote no profile to ${folder}`);
  return JSON.parse(readFileSync(join(folder, name), 'utf8')) as CpuProfile;
}
