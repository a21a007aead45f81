/** A table that leaves out its less important columns before it cuts what is in the others. */
import { table, visibleWidth } from './table.ts';

export interface Column<Row> {
  readonly head: string;
  readonly cell: (row: Row) => string;
  /** 0 always stays; of the others the lowest come first, as far as there is room. */
  readonly spare: number;
}

const GAP = 2;

/** `width` null keeps all of it. */
export function fittedTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[], width: number | null): string[] {
  const cells = columns.map(({ head, cell, spare }) => ({ spare, texts: [head, ...rows.map(cell)] }));
  const widthOf = ({ texts }: (typeof cells)[number]): number => texts.reduce((most, text) => Math.max(most, visibleWidth(text)), 0);
  const sized = cells.map((column) => ({ ...column, width: widthOf(column) }));
  const kept = new Set(sized.filter(({ spare }) => width === null || spare === 0));
  let room = (width ?? 0) + GAP - [...kept].reduce((sum, column) => sum + column.width + GAP, 0);
  for (const column of sized.filter((each) => !kept.has(each)).sort((a, b) => a.spare - b.spare)) {
    if (column.width + GAP > room) continue;
    kept.add(column);
    room -= column.width + GAP;
  }
  return table(
    ['', ...rows].map((_, index) => sized.filter((column) => kept.has(column)).map((column) => column.texts[index] ?? '')),
    { width },
  );
}
