/** The sides of one case, open next to each other, and closed whatever happens. */
import type { Conditions } from './measure.ts';
import { cpuSeconds, helpersCpuSeconds } from './process-cost.ts';
import { type Part, type Rounds, type Runner, overStarts } from './rounds.ts';
import type { Row } from './row.ts';
import { stand, type Standing, type StandingOptions, standDirect } from './scene.ts';
import type { Side } from './side.ts';

export interface Together {
  /** Next to this program and ssh. */
  readonly autossh?: boolean;
  readonly direct?: boolean;
  /** For this program alone. */
  readonly connections?: number;
}

export async function withStandings<T>(
  { ground, tunnels, ssh, autossh }: Conditions,
  options: StandingOptions & Together,
  use: (standings: readonly Standing[]) => Promise<T>,
): Promise<T> {
  const { connections: _forTunnelsAlone, ...same } = options;
  const open: Standing[] = [];
  const sides: Side[] = [tunnels, ssh, ...(options.autossh === true && autossh !== null ? [autossh] : [])];
  try {
    for (const side of sides) open.push(await stand(ground, side, side === tunnels ? options : same));
    if (options.direct !== false) open.push(await standDirect(ground, same));
    return await use(open);
  } finally {
    await Promise.all(open.map((each) => each.stop()));
  }
}

/** More of a program's processor time for its engine's other threads than this, and it is still being compiled. */
const COMPILING = 0.01;

/** Seconds of a processor. */
interface Taken {
  readonly all: number;
  /** NaN where the system does not count them apart. */
  readonly helpers: number;
}

/** Whether a program is compiled, from what it took until two moments; always, where that cannot be told. */
export const isCompiled = (before: Taken, now: Taken): boolean => !((now.helpers - before.helpers) / (now.all - before.all) > COMPILING);

/** Whether this program is, from what it took since this was asked last. */
function compiled(standings: readonly Standing[]): () => boolean {
  const pids = (): readonly number[] => standings.find(({ name }) => name === 'tunnels')?.pids() ?? [];
  const taken = (): Taken => ({ all: cpuSeconds(pids()), helpers: helpersCpuSeconds(pids()) });
  let before = taken();
  return () => {
    const then = before;
    before = taken();
    return isCompiled(then, before);
  };
}

/** Several starts of the sides, one after the other; their rows are reported together. */
export async function reportStarts(
  conditions: Conditions,
  options: StandingOptions & Together,
  use: (standings: readonly Standing[], part: Part & Pick<Rounds, 'isWarm'>) => Promise<readonly Row[]>,
): Promise<void> {
  const { runs, quick, report } = conditions;
  const start = (part: Part): Promise<readonly Row[]> =>
    withStandings(conditions, options, (standings) => use(standings, quick ? part : { ...part, isWarm: compiled(standings) }));
  report(await overStarts(runs, start));
}

/** What says how far the machine goes needs no median of five. */
export const asRunner = ({ name }: Standing): Omit<Runner, 'run'> => (name === 'direct' ? { name, rounds: 2 } : { name });
