import { expect, it } from 'vitest';
import { coloured, plain, styleFor, subjectColour } from '../../../src/cli/render/style.ts';

const terminal = { isTTY: true, write: () => true };
const pipe = { write: () => true };

it.each([
  ['a terminal', { ansi: 'auto', env: {}, output: terminal }, coloured],
  ['a pipe', { ansi: 'auto', env: {}, output: pipe }, plain],
  ['NO_COLOR', { ansi: 'auto', env: { NO_COLOR: '1' }, output: terminal }, plain],
  ['an empty NO_COLOR, which does not count', { ansi: 'auto', env: { NO_COLOR: '' }, output: terminal }, coloured],
  ['a dumb terminal', { ansi: 'auto', env: { TERM: 'dumb' }, output: terminal }, plain],
  ['--ansi always, which wins over NO_COLOR', { ansi: 'always', env: { NO_COLOR: '1' }, output: pipe }, coloured],
  ['--ansi never', { ansi: 'never', env: {}, output: terminal }, plain],
] as const)('colour for %s', (_, choice, style) => {
  expect(styleFor(choice)).toBe(style);
});

it('gives a name the same colour every time', () => {
  expect(subjectColour('git')).toBe(subjectColour('git'));
  expect(coloured('red', 'x')).toBe('\u001b[31mx\u001b[39m');
});
