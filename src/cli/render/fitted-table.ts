/** A table that gives up its least important columns before it cuts what is in the others. */
import { table, visibleWidth } from './table.ts';

export interface Column<Row> {
  readonly head: string;
  readonly cell: (row: Row) => string;
  /** 0 always stays; of the others the highest goes first. */
  readonly spare: number;
}

const GAP = 2;

/** `width` null keeps all of it. */
export function fittedTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[], width: number | null): string[] {
  const cells = columns.map(({ head, cell, spare }) => ({ spare, texts: [head, ...rows.map(cell)] }));
  const widthOf = ({ texts }: (typeof cells)[number]): number => texts.reduce((most, text) => Math.max(most, visibleWidth(text)), 0);
  const sized = cells.map((column) => ({ ...column, width: widthOf(column) }));
  const total = (): number => sized.reduce((sum, column) => sum + column.width + GAP, -GAP);
  while (width !== null && total() > width) {
    const most = Math.max(...sized.map((column) => column.spare));
    if (most === 0) break;
    sized.splice(
      sized.findLastIndex((column) => column.spare === most),
      1,
    );
  }
  return table(
    ['', ...rows].map((_, index) => sized.map((column) => column.texts[index] ?? '')),
    { width },
  );
}
