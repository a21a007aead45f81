/** The rows as text; pure. */
import { meets, middle, ratio, ratioSpread, type Row, type SideName, SIDES } from './row.ts';

/** Three digits that mean something. */
export function short(value: number | null): string {
  if (value === null || !Number.isFinite(value)) return '-';
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 100) return Math.round(value).toLocaleString('en-US');
  return value.toFixed(size >= 10 ? 1 : size >= 1 ? 2 : 3);
}

const times = (value: number | null): string => (value === null ? '-' : `${value.toFixed(2)}×`);

function goalText({ goal, better }: Row): string {
  if (goal === undefined) return '';
  return `${better === 'higher' ? '≥' : '≤'} ${goal.of === 'ratio' ? `${goal.value}×` : short(goal.value)}`;
}

function mark(row: Row): string {
  const met = meets(row);
  return met === null ? '' : met ? 'yes' : 'NO';
}

function spreadText(row: Row): string {
  const seen = ratioSpread(row);
  return seen === null ? '' : `${seen.least.toFixed(2)}–${seen.most.toFixed(2)}`;
}

const HEAD = ['', 'unit', 'better', 'tunnels', 'ssh', 'ratio', 'quartiles', 'goal', 'met'];

export function table(rows: readonly Row[]): string {
  const extra = (['autossh', 'direct'] as const satisfies SideName[]).filter((side) => rows.some((row) => row.runs[side] !== undefined));
  const lines: (readonly string[] | string)[] = [[...HEAD, ...extra]];
  let group = '';
  for (const row of rows) {
    if (row.group !== group) lines.push((group = row.group));
    lines.push([
      `  ${row.title}`,
      row.unit,
      row.better,
      short(middle(row, 'tunnels')),
      short(middle(row, 'ssh')),
      times(ratio(row)),
      spreadText(row),
      goalText(row),
      mark(row),
      ...extra.map((side) => short(middle(row, side))),
    ]);
  }
  const widths = [...HEAD, ...extra].map((_, column) =>
    Math.max(...lines.map((line) => (typeof line === 'string' ? 0 : (line[column] ?? '').length))),
  );
  const text = ['', 'unit', 'better'].length;
  return lines
    .map((line) =>
      typeof line === 'string'
        ? line
        : line
            .map((cell, column) => (column < text ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
            .join('  ')
            .trimEnd(),
    )
    .join('\n');
}

/** One row, as soon as it is there. */
export function progressLine(row: Row): string {
  const sides = SIDES.filter((side) => row.runs[side] !== undefined).map((side) => `${side} ${short(middle(row, side))}`);
  const of = ratio(row);
  return `${row.group}: ${row.title.trim()}, ${row.unit}: ${sides.join(', ')}${of === null ? '' : `, ratio ${times(of)}`}`;
}
