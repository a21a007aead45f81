/** Figures that a test measured, as lines on stderr: `figure: killed session, open again: 312 ms (limit 1500)`. */

interface FigureOptions {
  readonly unit?: string;
  /** What the test holds it to, for whoever reads the line. */
  readonly limit?: number;
}

const text = (value: number): string => (Number.isInteger(value) ? String(value) : value.toFixed(value < 10 ? 2 : 0));

/** Prints the figure and gives it back, so that it can be expected in the same line. */
export function figure(what: string, value: number, { unit = 'ms', limit }: FigureOptions = {}): number {
  process.stderr.write(`figure: ${what}: ${text(value)} ${unit}${limit === undefined ? '' : ` (limit ${text(limit)})`}\n`);
  return value;
}
