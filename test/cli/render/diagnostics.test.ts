import { expect, it } from 'vitest';
import { problemCount, renderProblems } from '../../../src/cli/render/diagnostics.ts';
import { plain } from '../../../src/cli/render/style.ts';
import type { Diagnostic } from '../../../src/core/diagnostic.ts';

const at = (file: string, line: number, part: Partial<Diagnostic> = {}): Diagnostic => ({
  code: 'unknown-host',
  severity: 'error',
  message: 'unknown host "bastoin"',
  hint: 'did you mean "bastion"?',
  range: { file, start: { line, column: 11 }, end: { line, column: 18 } },
  ...part,
});

it('tells each problem with its place and frame, then how many', () => {
  const diagnostics = [at('tunnels.yaml', 12), at('tunnels.yaml', 20, { message: 'bad', hint: null })];
  const frameOf = (range: { start: { line: number } }): string | null => (range.start.line === 12 ? '> 12 |   host: bastoin\n' : null);
  expect(renderProblems({ diagnostics, frameOf, style: plain })).toEqual([
    'tunnels.yaml:12:11 unknown host "bastoin", did you mean "bastion"?',
    '> 12 |   host: bastoin',
    'tunnels.yaml:20:11 bad',
    '2 problems in tunnels.yaml',
  ]);
});

it('marks warnings and counts them apart', () => {
  const diagnostics = [at('a.yaml', 1), at('b.yaml', 2, { severity: 'warning', message: 'risky', hint: null })];
  expect(renderProblems({ diagnostics, frameOf: () => null, style: plain }).slice(1)).toEqual([
    'b.yaml:2:11 warning: risky',
    '1 problem and 1 warning in a.yaml and b.yaml',
  ]);
});

it('counts a problem that has no place', () => {
  expect(problemCount([at('', 0, { range: null })])).toBe('1 problem');
  expect(problemCount([])).toBe('');
});
