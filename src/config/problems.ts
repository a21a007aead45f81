/** Collects diagnostics. A value that is refused by the schema, or for the same reason already, is not reported again. */
import type { Diagnostic, DiagnosticCode, SourceRange } from '../core/diagnostic.ts';
import { rangeOf, type Span } from './source.ts';

export interface Problem {
  readonly code: DiagnosticCode;
  readonly message: string;
  /** Null where no place is at fault. */
  readonly at: Span | null;
  readonly hint?: string | null | undefined;
  readonly severity?: Diagnostic['severity'];
  /** The whole value, where `at` is a part of it: nothing more is to be said of it. */
  readonly spoils?: Span;
}

/** After these a value means nothing: what else is wrong with it only repeats them. */
const SPOILING: readonly DiagnosticCode[] = ['schema', 'yaml-syntax', 'unset-variable', 'literal-secret'];

export class Problems {
  readonly #found: Diagnostic[] = [];
  readonly #places = new Set<string>();

  add({ code, message, at, hint, spoils, severity = 'error' }: Problem): void {
    const range = at ? rangeOf(at) : null;
    const place = range ? placeOf(range) : message;
    const [own, refused] = [`${code} ${place}`, `refused ${place}`];
    if (this.#places.has(own) || this.#places.has(refused)) return;
    this.#places.add(own);
    if (range && severity === 'error' && SPOILING.includes(code)) this.#places.add(refused);
    if (spoils) this.#places.add(`refused ${placeOf(rangeOf(spoils))}`);
    this.#found.push({ code, severity, message, range, hint: hint ?? null });
  }

  /** Whether the value there is refused already: not worth looking at any further. */
  refused(at: Span): boolean {
    return this.#places.size > 0 && this.#places.has(`refused ${placeOf(rangeOf(at))}`);
  }

  get failed(): boolean {
    return this.#found.some((each) => each.severity === 'error');
  }

  /** In order of file and line; `files` is the order of the files. */
  inOrder(files: readonly string[]): Diagnostic[] {
    const rank = (each: Diagnostic): number => (each.range ? files.indexOf(each.range.file) : -1);
    return this.#found.toSorted(
      (a, b) =>
        rank(a) - rank(b) ||
        (a.range?.start.line ?? 0) - (b.range?.start.line ?? 0) ||
        (a.range?.start.column ?? 0) - (b.range?.start.column ?? 0),
    );
  }
}

const placeOf = (range: SourceRange): string => `${range.file}\n${range.start.line}:${range.start.column}`;
