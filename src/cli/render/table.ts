/** Aligned columns, fitted to a width. Cells may hold colour. */
import { stripVTControlCharacters } from 'node:util';

const GAP = '  ';

let segments: Intl.Segmenter | null = null;

/** What a reader takes for characters, without colour. */
function characters(text: string): string[] {
  segments ??= new Intl.Segmenter();
  return Array.from(segments.segment(uncoloured(text)), ({ segment }) => segment);
}

const uncoloured = (text: string): string => (text.includes('\u001b') ? stripVTControlCharacters(text) : text);

/** Segmenting takes 30 µs a text, which a table of a thousand rows has not got: ASCII, and the arrow between two ends, need none. */
export function visibleWidth(text: string): number {
  const plain = uncoloured(text);
  return /^[\u0020-\u007e\u2192]*$/.test(plain) ? plain.length : characters(plain).length;
}

export const padEnd = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - visibleWidth(text)));

/** Cuts a text with an ellipsis; one that is cut loses its colour. */
export function fit(text: string, width: number): string {
  if (visibleWidth(text) <= width) return text;
  return width < 1
    ? ''
    : `${characters(text)
        .slice(0, width - 1)
        .join('')}…`;
}

export interface TableOptions {
  /** Columns of the terminal; null does not cut: what is piped is complete. */
  readonly width: number | null;
}

/** Lines without trailing spaces. The widest columns are narrowed first, never below 8. */
export function table(rows: readonly (readonly string[])[], { width }: TableOptions): string[] {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, index) => Math.max(...rows.map((row) => visibleWidth(row[index] ?? ''))));
  if (width !== null) narrow(widths, width - GAP.length * (columns - 1));
  return rows.map((row) =>
    widths
      .map((each, index) => padEnd(width === null ? (row[index] ?? '') : fit(row[index] ?? '', each), each))
      .join(GAP)
      .trimEnd(),
  );
}

function narrow(widths: number[], room: number): void {
  let over = widths.reduce((sum, each) => sum + each, 0) - room;
  while (over > 0) {
    const widest = widths.indexOf(Math.max(...widths));
    const now = widths[widest] ?? 0;
    if (now <= 8) return;
    widths[widest] = now - 1;
    over -= 1;
  }
}
