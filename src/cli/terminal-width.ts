/** Columns to fit a table to; null where it is no terminal: what is piped is complete. */
import type { Output } from './io.ts';

export const terminalWidth = (output: Output): number | null => (output.isTTY === true ? output.columns || 80 : null);
