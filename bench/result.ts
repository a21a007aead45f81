/** A run as it is kept and as `--json` prints it: all rows with every run, and what follows from them; pure. */
import { meets, middle, ratio, type Row, type SideName } from './row.ts';
import type { Surroundings } from './surroundings.ts';

export interface ResultRow extends Row {
  readonly medians: Readonly<Partial<Record<SideName, number>>>;
  /** tunnels/ssh, the median of the rounds; null where one of them is missing. */
  readonly ratio: number | null;
  /** null without a goal. */
  readonly met: boolean | null;
}

export interface Result {
  readonly format: 1;
  readonly at: string;
  readonly seconds: number;
  readonly runs: number;
  /** A smoke run, whose figures mean nothing. */
  readonly quick: boolean;
  readonly surroundings: Surroundings;
  readonly rows: readonly ResultRow[];
}

/** What is below is noise, and makes the file long. */
const rounded = (value: number): number => Number(value.toPrecision(5));

export function resultRow(row: Row): ResultRow {
  const sides = Object.keys(row.runs) as SideName[];
  const of = ratio(row);
  return {
    ...row,
    runs: Object.fromEntries(sides.map((side) => [side, (row.runs[side] ?? []).map(rounded)])),
    medians: Object.fromEntries(sides.map((side) => [side, rounded(middle(row, side) ?? Number.NaN)])),
    ratio: of === null ? null : rounded(of),
    met: meets(row),
  };
}

/** A line a row: a change of one figure is a change of one line. */
export function resultText(result: Result): string {
  const { rows, ...head } = result;
  const lines = rows.map((row) => `  ${JSON.stringify(row)}`).join(',\n');
  return `${JSON.stringify(head, null, 1).slice(0, -2)},\n "rows": [\n${lines}\n ]\n}\n`;
}

/** Sorts by time. */
export const resultName = ({ at, surroundings }: Result): string =>
  `${at.slice(0, 16).replaceAll(':', '')}-${surroundings.commit.slice(0, 10)}.json`;
