/** A small plot in one line of text. */

const BLOCKS = '▁▂▃▄▅▆▇█';

/**
 * The newest `width` values, the newest at the right, the highest of them a full block; blanks where there are too few.
 * Nothing is the lowest block, and anything more than nothing is more than that.
 */
export function plot(values: readonly number[], width: number): string {
  if (width < 1) return '';
  const shown = values.slice(-width);
  const most = Math.max(0, ...shown);
  const block = (value: number): string => {
    if (most <= 0 || value <= 0) return BLOCKS.charAt(0);
    return BLOCKS.charAt(Math.max(1, Math.round((value / most) * (BLOCKS.length - 1))));
  };
  return shown.map(block).join('').padStart(width);
}
