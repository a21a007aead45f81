/** Variables in the form that what reads them understands, whatever is in the values. */

export type Variables = Readonly<Record<string, string>>;

/** For `eval` in any POSIX shell: nothing is special between single quotes but the single quote. */
export const shellText = (variables: Variables): string =>
  Object.entries(variables)
    .map(([name, value]) => `export ${name}='${value.replaceAll("'", `'\\''`)}'\n`)
    .join('');

export const dotenvText = (variables: Variables): string =>
  Object.entries(variables)
    .map(([name, value]) => `${name}=${dotenvValue(value)}\n`)
    .join('');

export const jsonText = (variables: Variables): string => `${JSON.stringify(variables, null, 2)}\n`;

/**
 * .env files have no one grammar: what needs no quotes goes without, then single quotes (nothing is expanded in them), then the
 * others. What fits into none of the quotes as it is can only be written with escapes, which some readers do not undo.
 */
function dotenvValue(value: string): string {
  if (/^[\w./:@%+,-]*$/.test(value)) return value;
  if (!value.includes("'")) return `'${value}'`;
  if (!/["$\\]/.test(value)) return `"${value}"`;
  if (!value.includes('`')) return `\`${value}\``;
  return `"${value.replace(/(["$\\`])/g, '\\$1')}"`;
}
