/** The lines around a place, with a mark under it. */
import type { SourceRange } from '../core/diagnostic.ts';

export interface FrameStyle {
  /** The line numbers and the bar. */
  readonly gutter: (text: string) => string;
  readonly mark: (text: string) => string;
}

const PLAIN: FrameStyle = { gutter: (text) => text, mark: (text) => text };
const WIDTH = 160;
const TAB = /\t/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: a file must not drive the terminal
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/** Three lines, the one at fault in the middle, and `^^^` under the range. Ends without a line break; `style` may colour it. */
export function codeFrame(text: string, range: SourceRange, style: FrameStyle = PLAIN): string {
  const lines = text.split(/\r?\n/);
  const { line, column } = range.start;
  const first = Math.max(1, line - 1);
  const last = Math.min(lines.length, line + 1);
  const gutterWidth = String(last).length;
  const out: string[] = [];
  for (let number = first; number <= last; number += 1) {
    const content = lines[number - 1] ?? '';
    if (number === last && number !== line && content === '') continue;
    const shown = clip(content, column);
    out.push(`${style.gutter(`${String(number).padStart(gutterWidth)} |`)} ${clean(shown.text)}`.trimEnd());
    if (number !== line) continue;
    const until = range.end.line === line ? range.end.column : content.length + 1;
    const width = Math.max(1, Math.min(until, content.length + 1) - column);
    const pad = ' '.repeat(Math.max(0, column - 1 - shown.cut));
    out.push(`${style.gutter(`${' '.repeat(gutterWidth)} |`)} ${pad}${style.mark('^'.repeat(Math.min(width, WIDTH)))}`);
  }
  return out.join('\n');
}

/** A line that is too long is shown from a little before the place. */
function clip(line: string, column: number): { text: string; cut: number } {
  if (line.length <= WIDTH) return { text: line, cut: 0 };
  const cut = Math.max(0, Math.min(column - 1 - 40, line.length - WIDTH));
  return { text: line.slice(cut, cut + WIDTH), cut };
}

const clean = (line: string): string => line.replace(TAB, ' ').replace(CONTROL, '\ufffd');
