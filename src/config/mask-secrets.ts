/** The texts that were read, for code frames, without the secrets that stand in them: a frame may end in a log. */
import type { Diagnostic, Position } from '../core/diagnostic.ts';
import type { Source } from './source.ts';

/** By name. Every text keeps its length and its lines, so that places in it stay right. */
export function maskSecrets(sources: readonly Source[], diagnostics: readonly Diagnostic[]): ReadonlyMap<string, string> {
  return new Map(sources.map((source) => [source.name, maskPlaces(source, diagnostics)]));
}

/** What was found to be one, wherever it stands: an anchor may be far from the key. */
function maskPlaces(source: Source, diagnostics: readonly Diagnostic[]): string {
  let text = maskKeys(source.text);
  for (const { code, range } of diagnostics) {
    if (code !== 'literal-secret' || range?.file !== source.name) continue;
    const [start, end] = [offsetOf(source, range.start), offsetOf(source, range.end)];
    text = text.slice(0, start) + stars(text.slice(start, end)) + text.slice(end);
  }
  return text;
}

/** The key of a secret and what follows it: on its line, unless that is a map, and below it where it is a block (`|`). */
const SECRET = /^([^#\n]*?(?<![\w-])(?:password|passphrase)["']?[ \t]*:[ \t]+)(?![{#])(\S[^]*)$/;

/**
 * What stands after the key of a secret, found or not: a file with a syntax error is not looked at any further, one that was
 * overridden is not complained about, and one that was saved again since has it elsewhere.
 */
function maskKeys(text: string): string {
  /** The indentation of the key whose block this is. */
  let block: number | null = null;
  return text
    .split('\n')
    .map((line) => {
      const indentation = line.search(/\S/);
      if (block !== null && (indentation < 0 || indentation > block)) return stars(line);
      const [, key = '', value = ''] = SECRET.exec(line) ?? [];
      block = /^(?:[&!]\S*[ \t]+)*[|>]/.test(value) ? indentation : null;
      return value === '' || block !== null ? line : key + stars(value);
    })
    .join('\n');
}

const stars = (text: string): string => text.replace(/[^\r\n]/g, '*');

const offsetOf = (source: Source, { line, column }: Position): number => (source.lineStarts[line - 1] ?? 0) + column - 1;
