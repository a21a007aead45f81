/** What is wrong with a configuration: every problem in its place, then how many there are. */
import { formatDiagnostic, type Diagnostic, type SourceRange } from '../../core/diagnostic.ts';
import { counted, listed } from './quantity.ts';
import type { Style } from './style.ts';

/** The lines around a place with a mark under it; null where the text is not known. `among` are all that are told together. */
export type FrameOf = (range: SourceRange, among: readonly Diagnostic[]) => string | null;

export interface ProblemsView {
  readonly diagnostics: readonly Diagnostic[];
  readonly frameOf: FrameOf;
  readonly style: Style;
}

export function renderProblems({ diagnostics, frameOf, style }: ProblemsView): string[] {
  const lines: string[] = [];
  for (const diagnostic of diagnostics) {
    lines.push(headline(diagnostic, style));
    const frame = diagnostic.range ? frameOf(diagnostic.range, diagnostics) : null;
    if (frame !== null) lines.push(...frame.replace(/\n$/, '').split('\n'));
  }
  const total = problemCount(diagnostics);
  if (total !== '') lines.push(style('bold', total));
  return lines;
}

function headline(diagnostic: Diagnostic, style: Style): string {
  const text = formatDiagnostic(diagnostic);
  const { range, severity } = diagnostic;
  const place = range ? `${range.file}:${range.start.line}:${range.start.column} ` : '';
  const mark = severity === 'warning' ? style('yellow', 'warning: ') : '';
  return `${style('bold', place.trimEnd())}${place === '' ? '' : ' '}${mark}${style(severity === 'warning' ? 'yellow' : 'red', text.slice(place.length))}`;
}

/** `2 problems in tunnels.yaml`; warnings are counted apart. */
export function problemCount(diagnostics: readonly Diagnostic[]): string {
  const errors = diagnostics.filter((each) => each.severity === 'error').length;
  const warnings = diagnostics.length - errors;
  const parts = [errors > 0 ? counted(errors, 'problem') : '', warnings > 0 ? counted(warnings, 'warning') : ''].filter(Boolean);
  const files = [...new Set(diagnostics.map((each) => each.range?.file ?? '').filter(Boolean))];
  return parts.length === 0 ? '' : `${parts.join(' and ')}${files.length === 0 ? '' : ` in ${listed(files)}`}`;
}
