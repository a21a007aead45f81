/**
 * A .env file. Those have no one grammar: a value is written only in a way that node (util.parseEnv, --env-file) and docker compose
 * (env_file, .env) both read back as it is, or not at all. In what each of them does alone, the other one finds something else:
 * compose expands `$` and undoes backslashes outside single quotes, node takes \n for a line break between double quotes and has
 * backticks as a third kind of quote.
 */
import type { Variables } from './exports-text.ts';

export type DotenvText = { readonly text: string } | { readonly unwritable: readonly string[] };

export function dotenvText(variables: Variables): DotenvText {
  const lines = Object.entries(variables).map(([name, value]) => ({ name, written: dotenvValue(value) }));
  const unwritable = lines.filter(({ written }) => written === null).map(({ name }) => name);
  return unwritable.length > 0 ? { unwritable } : { text: lines.map(({ name, written }) => `${name}=${written ?? ''}\n`).join('') };
}

/** Without quotes where none are needed, then single ones (nothing is special in them), then double ones, then without after all. */
function dotenvValue(value: string): string | null {
  if (/^[\w./:@%+,-]*$/.test(value)) return value;
  // Node drops every carriage return of the file.
  if (value.includes('\r')) return null;
  // Compose: a backslash before the closing quote would make it part of the value.
  if (!value.includes("'") && !/(?<!\\)(?:\\\\)*\\$/.test(value)) return `'${value}'`;
  // Compose: these are the escapes it undoes; any other backslash stays.
  if (!/["$]|\\(?:[\\abcfnrtv0]|$)/.test(value)) return `"${value}"`;
  return isPlainWords(value) ? value : null;
}

/** Up to the end of the line, as it is: no quote before it, nothing around it that is a blank to one of them, no comment, no variable. */
const isPlainWords = (value: string): boolean => /^[^'"`\s\p{Cc}]/u.test(value) && !/[#$\n]|[\s\p{Cc}]$/u.test(value);
