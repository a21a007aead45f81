/** A/B/A/B: each round runs each side once, in turning order, and the first rounds are thrown away. `overStarts` does that for several starts of them. */
import { type Row, type RowSpec, type SideName, SIDES } from './row.ts';

/** What one run of one side gave, by the ids of the rows it fills. */
export type Figures = Readonly<Record<string, number>>;

export interface Runner {
  readonly name: SideName;
  /** Of the measured rounds, only so many first ones, and no warm-up. */
  readonly rounds?: number;
  run(): Promise<Figures>;
}

export interface Rounds {
  readonly group: string;
  readonly rows: readonly RowSpec[];
  readonly runners: readonly Runner[];
  readonly runs: number;
  /** Rounds thrown away before; default 1. */
  readonly warmUps?: number;
  /** Asked after each of those: as long as the answer is no there are more of them, up to `MOST_WARM_UPS`. */
  readonly isWarm?: (() => boolean) | undefined;
  /** How many starts there were before: the first place goes on changing. Default 0. */
  readonly start?: number;
}

export const MOST_WARM_UPS = 10;

/** Rows in which no side has a figure are left out. */
export async function alternate({ group, rows, runners, runs, warmUps = 1, isWarm = () => true, start = 0 }: Rounds): Promise<Row[]> {
  const seen = new Map<string, Map<SideName, number[]>>(rows.map((row) => [row.id, new Map()]));
  const inTurn = (round: number): readonly Runner[] => {
    const turn = (start + round) % runners.length;
    return [...runners.slice(turn), ...runners.slice(0, turn)];
  };
  let warm = warmUps === 0;
  for (let before = 1; !warm; before += 1) {
    for (const runner of inTurn(before)) if (runner.rounds === undefined) await runner.run();
    const saysSo = isWarm();
    warm = before >= MOST_WARM_UPS || (before >= warmUps && saysSo);
    if (warm && !saysSo) process.stderr.write(`${group}: still not warm after ${before} rounds, and measured all the same\n`);
  }
  for (let round = 0; round < runs; round += 1) {
    for (const runner of inTurn(round)) {
      if (runner.rounds !== undefined && round >= runner.rounds) continue;
      const figures = await runner.run();
      for (const [id, figure] of Object.entries(figures)) {
        const sides = seen.get(id);
        if (sides === undefined) throw new Error(`${runner.name} gave a figure for ${id}, which has no row`);
        if (Number.isFinite(figure)) sides.set(runner.name, [...(sides.get(runner.name) ?? []), figure]);
      }
    }
  }
  return rows
    .map((row): Row => ({ ...row, group, runs: Object.fromEntries(seen.get(row.id) ?? []) }))
    .filter((row) => Object.keys(row.runs).length > 0);
}

/** Two starts of the same program differ by a tenth, in where its memory lies and what was compiled when: one alone says little. */
const STARTS = 3;
/** At least; who is up for days has all of them behind him. */
const WARM_UPS = 2;

/** Those of one start. */
export type Part = Required<Pick<Rounds, 'runs' | 'warmUps' | 'start'>>;

/** The runs, at least so many, spread over starts of the sides. */
export async function overStarts(runs: number, start: (part: Part) => Promise<readonly Row[]>): Promise<Row[]> {
  const starts = Math.min(STARTS, runs);
  const rows = new Map<string, Row>();
  for (let started = 0; started < starts; started += 1) {
    const part = { runs: Math.ceil(runs / starts), warmUps: runs === 1 ? 1 : WARM_UPS, start: started };
    for (const row of await start(part)) {
      const before = rows.get(row.id)?.runs ?? {};
      const joined = SIDES.map((side) => [side, [...(before[side] ?? []), ...(row.runs[side] ?? [])]] as const);
      rows.set(row.id, { ...row, runs: Object.fromEntries(joined.filter(([, all]) => all.length > 0)) });
    }
  }
  return [...rows.values()];
}
