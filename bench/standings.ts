/** The sides of one case, open next to each other, and closed whatever happens. */
import type { Conditions } from './measure.ts';
import type { Runner } from './rounds.ts';
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

/** What says how far the machine goes needs no median of five. */
export const asRunner = ({ name }: Standing): Omit<Runner, 'run'> => (name === 'direct' ? { name, rounds: 2 } : { name });
