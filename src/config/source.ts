/** A text that was read, and the places in it. */
import type { Position, SourceRange } from '../core/diagnostic.ts';

export interface Source {
  /** As diagnostics name it. */
  readonly name: string;
  readonly text: string;
  /** Offset of the first character of each line. */
  readonly lineStarts: readonly number[];
}

/** From `start` to before `end`, as offsets into a text. */
export interface Stretch {
  readonly start: number;
  readonly end: number;
}

export interface Span extends Stretch {
  readonly source: Source;
}

export function createSource(name: string, text: string): Source {
  const lineStarts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lineStarts.push(at + 1);
  return { name, text, lineStarts };
}

export function positionAt(source: Source, offset: number): Position {
  let low = 0;
  let high = source.lineStarts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((source.lineStarts[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return { line: low + 1, column: offset - (source.lineStarts[low] ?? 0) + 1 };
}

/** Line breaks and blanks at the end are no part of what the user would underline. */
export function rangeOf({ source, start, end }: Span): SourceRange {
  const trimmed = start + source.text.slice(start, Math.max(start, end)).trimEnd().length;
  return {
    file: source.name,
    start: positionAt(source, start),
    end: positionAt(source, Math.max(trimmed, Math.min(start + 1, source.text.length))),
  };
}
