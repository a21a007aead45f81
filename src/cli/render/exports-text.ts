/** Variables in the form that what reads them understands, whatever is in the values. */

export type Variables = Readonly<Record<string, string>>;

/** For `eval` in any POSIX shell: nothing is special between single quotes but the single quote. */
export const shellText = (variables: Variables): string =>
  Object.entries(variables)
    .map(([name, value]) => `export ${name}='${value.replaceAll("'", `'\\''`)}'\n`)
    .join('');

export const jsonText = (variables: Variables): string => `${JSON.stringify(variables, null, 2)}\n`;
