/** The texts that were read, for code frames, without the secrets that stand in them: a frame may end in a log. */
import type { Diagnostic, Position } from '../core/diagnostic.ts';
import type { Source } from './source.ts';

export function maskSecrets(sources: readonly Source[], diagnostics: readonly Diagnostic[]): ReadonlyMap<string, string> {
  const texts = new Map(sources.map((source) => [source.name, source.text]));
  for (const source of sources) {
    for (const { code, range } of diagnostics) {
      if (code !== 'literal-secret' || range?.file !== source.name) continue;
      const [start, end] = [offsetOf(source, range.start), offsetOf(source, range.end)];
      const text = texts.get(source.name) ?? '';
      texts.set(source.name, text.slice(0, start) + text.slice(start, end).replace(/[^\r\n]/g, '*') + text.slice(end));
    }
  }
  return texts;
}

const offsetOf = (source: Source, { line, column }: Position): number => (source.lineStarts[line - 1] ?? 0) + column - 1;
