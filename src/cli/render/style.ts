/** Colour, decided once for a stream: --ansi, then NO_COLOR (no-color.org), then whether it is a terminal. */
import { styleText } from 'node:util';
import type { GlobalOptions } from '../global-options.ts';
import type { Output } from '../io.ts';

export type Colour = 'red' | 'green' | 'yellow' | 'blue' | 'magenta' | 'cyan' | 'gray' | 'bold' | 'dim';

/** Gives the text in that colour, or as it is. */
export type Style = (colour: Colour, text: string) => string;

export const plain: Style = (_, text) => text;
export const coloured: Style = (colour, text) => (text === '' ? '' : styleText(colour, text, { validateStream: false }));

export interface ColourChoice {
  readonly ansi: GlobalOptions['ansi'];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly output: Output;
}

export function styleFor({ ansi, env, output }: ColourChoice): Style {
  if (ansi !== 'auto') return ansi === 'always' ? coloured : plain;
  if ((env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb') return plain;
  return output.isTTY === true ? coloured : plain;
}

const SUBJECT_COLOURS = ['cyan', 'magenta', 'blue', 'green', 'yellow'] as const;

/** One name has one colour for as long as the program runs, and in every run. */
export function subjectColour(name: string): Colour {
  let hash = 0;
  for (const character of name) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) % 65_521;
  return SUBJECT_COLOURS[hash % SUBJECT_COLOURS.length] ?? 'cyan';
}
