/** The sides of one case, open next to each other, and closed whatever happens. */
import type { Conditions } from './measure.ts';
import { type Part, type Runner, overStarts } from './rounds.ts';
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

/** Several starts of the sides, one after the other; their rows are reported together. */
export async function reportStarts(
  conditions: Conditions,
  options: StandingOptions & Together,
  use: (standings: readonly Standing[], part: Part) => Promise<readonly Row[]>,
): Promise<void> {
  const { runs, report } = conditions;
  report(await overStarts(runs, (part) => withStandings(conditions, options, (standings) => use(standings, part))));
}

/** What says how far the machine goes needs no median of five. */
export const asRunner = ({ name }: Standing): Omit<Runner, 'run'> => (name === 'direct' ? { name, rounds: 2 } : { name });
