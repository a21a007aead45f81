/** Bulk transfers to servers that are far away. */
import { measureBulk } from '../bulk.ts';
import type { Conditions, Measure } from '../measure.ts';
import { type Goal, ratioGoal, type Row, type RowSpec } from '../row.ts';
import { alternate, type Figures } from '../rounds.ts';
import type { Line } from '../lane.ts';
import { prepareSetup, standDirect } from '../scene.ts';
import { takesConnections } from '../sides/tunnels.ts';
import { asRunner, withStandings } from '../standings.ts';
import { SAME_CIPHER } from './throughput.ts';

const GROUP = 'distance';
/** With several connections this program spreads them over as many SSH connections. */
const SEVERAL = 4;

const GOALS: Readonly<Record<string, Goal>> = {
  'distance.100.down.1': ratioGoal(5),
  'distance.100.up.1': ratioGoal(1),
  // Next to ssh with one: sshd has a window a forwarded connection, so that with four of them ssh goes four times as far, too.
  'distance.100.up.4-to-1': ratioGoal(3),
};

const lineOf = (roundTrip: number): Line => ({ delayMs: roundTrip / 2, bytesPerSecond: Number.POSITIVE_INFINITY, queueBytes: 0 });

/** The most that the line itself carries: it is a process on this machine, too. */
const WITHOUT_DELAY: RowSpec = { id: 'distance.0.up.1', title: 'the line without delay, no tunnel, up', unit: 'MB/s', better: 'higher' };

async function withoutDelay({ ground, quick }: Conditions): Promise<Figures> {
  const standing = await standDirect(ground, { egress: [ground.bulkPort], line: lineOf(0) });
  const figures = await measureBulk(ground, standing, { direction: 'up', connections: 1, rampMs: 200, ms: quick ? 200 : 1_000 });
  return { [WITHOUT_DELAY.id]: figures.megabytesPerSecond };
}

interface Case {
  readonly roundTrip: number;
  readonly connections: number;
}

async function measureCase(conditions: Conditions, { roundTrip, connections }: Case, spreads: boolean): Promise<Row[]> {
  const { ground, quick, runs, report } = conditions;
  const options = {
    egress: [ground.bulkPort],
    autossh: true,
    cipher: SAME_CIPHER,
    line: lineOf(roundTrip),
    ...(connections === 1 || !spreads ? {} : { connections }),
  };
  // What goes in a round trip does not come evenly: over ten of them two runs differed by a twentieth.
  const times = quick ? { rampMs: 200, ms: 200 } : { rampMs: 1_000, ms: 20 * roundTrip };
  return withStandings(conditions, options, async (standings) => {
    const all: Row[] = [];
    for (const direction of ['up', 'down'] as const) {
      const id = `distance.${roundTrip}.${direction}.${connections}`;
      const title = `${roundTrip} ms, ${direction}, ${connections === 1 ? '1 connection' : `${connections} connections`}`;
      const goal = GOALS[id];
      const row: RowSpec = { id, title, unit: 'MB/s', better: 'higher', ...(goal === undefined ? {} : { goal }) };
      const runners = standings.map((standing) => ({
        ...asRunner(standing),
        run: async () => ({ [id]: (await measureBulk(ground, standing, { direction, connections, ...times })).megabytesPerSecond }),
      }));
      const rows = await alternate({ group: GROUP, rows: [row], runners, runs });
      report(rows);
      all.push(...rows);
    }
    return all;
  });
}

/** ssh has a window a forwarded connection: with as many of them it goes as far over one SSH connection. This is next to its one. */
function againstOne(rows: readonly Row[], id: string): Row[] {
  const several = rows.find((row) => row.id === `${id}.${SEVERAL}`);
  const one = rows.find((row) => row.id === `${id}.1`);
  if (several?.runs.tunnels === undefined || one?.runs.ssh === undefined) return [];
  const name = `${id}.${SEVERAL}-to-1`;
  const goal = GOALS[name];
  return [
    {
      ...several,
      ...(goal === undefined ? {} : { goal }),
      id: name,
      title: `${several.title}; ssh 1`,
      runs: { tunnels: several.runs.tunnels, ssh: one.runs.ssh },
    },
  ];
}

export const distance: Measure = {
  name: GROUP,
  about: `bulk transfers up and down on 50 and 100 ms round trips, one connection, and ${SEVERAL} with \`connections: ${SEVERAL}\``,
  run: async (conditions: Conditions) => {
    const { ground, program, quick, report } = conditions;
    const runners = [{ name: 'direct', run: () => withoutDelay(conditions) }] as const;
    report(await alternate({ group: GROUP, rows: [WITHOUT_DELAY], runners, runs: quick ? 1 : 2 }));
    const spreads = takesConnections(program, await prepareSetup(ground, { egress: [ground.bulkPort] }));
    for (const roundTrip of quick ? [50] : [50, 100]) {
      const rows: Row[] = [];
      for (const connections of [1, SEVERAL]) rows.push(...(await measureCase(conditions, { roundTrip, connections }, spreads)));
      for (const direction of ['up', 'down']) report(againstOne(rows, `${GROUP}.${roundTrip}.${direction}`));
    }
  },
};
