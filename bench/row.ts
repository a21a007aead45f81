/** One line of the table: a figure of each side, what is better, and the goal it is held to; pure. */
import { median, pairedRatios, type Spread, spread } from './statistics.ts';

/** `tunnels` is this program; `direct` is without any tunnel, the most that the machine and the load generator give. */
export const SIDES = ['tunnels', 'ssh', 'autossh', 'direct'] as const;
export type SideName = (typeof SIDES)[number];

export type Better = 'higher' | 'lower';

export interface Goal {
  /** Of the ratio tunnels/ssh, or of the figure itself where ssh has none. */
  readonly of: 'ratio' | 'value';
  readonly value: number;
}

export interface RowSpec {
  /** Never changes: results of different days are compared by it. */
  readonly id: string;
  readonly title: string;
  readonly unit: string;
  readonly better: Better;
  readonly goal?: Goal;
}

export interface Row extends RowSpec {
  readonly group: string;
  /** Every run of every side, warm-ups left out. */
  readonly runs: Readonly<Partial<Record<SideName, readonly number[]>>>;
}

export const ratioGoal = (value: number): Goal => ({ of: 'ratio', value });
export const valueGoal = (value: number): Goal => ({ of: 'value', value });

export const middle = (row: Row, side: SideName): number | null => {
  const runs = row.runs[side];
  return runs === undefined || runs.length === 0 ? null : median(runs);
};

/** tunnels/ssh: the median of the ratios of the rounds. A machine that was slow for some rounds was so for both; the medians may be of different rounds. */
export function ratio(row: Row): number | null {
  const ratios = pairedRatios(row.runs.tunnels ?? [], row.runs.ssh ?? []);
  return ratios.length === 0 ? null : median(ratios);
}

/** How far the ratio moved from one round to the next. */
export const ratioSpread = (row: Row): Spread | null => spread(pairedRatios(row.runs.tunnels ?? [], row.runs.ssh ?? []));

/** null where there is no goal, or no figure to hold to it. */
export function meets(row: Row): boolean | null {
  if (row.goal === undefined) return null;
  const seen = row.goal.of === 'ratio' ? ratio(row) : middle(row, 'tunnels');
  if (seen === null) return null;
  return row.better === 'higher' ? seen >= row.goal.value : seen <= row.goal.value;
}
