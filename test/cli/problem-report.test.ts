/** Frames of a reload, whose texts are read from disk. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { Diagnostic, DiagnosticCode } from '../../src/core/diagnostic.ts';
import { framesFromDisk } from '../../src/cli/problem-report.ts';
import { remove, scratch } from '../helpers/scratch.ts';

const PLAIN = { gutter: (text: string) => text, mark: (text: string) => text };

const problem = (code: DiagnosticCode, [line, from, to]: readonly [number, number, number]): Diagnostic => ({
  code,
  severity: 'error',
  message: '',
  hint: null,
  range: { file: 'tunnels.yaml', start: { line, column: from }, end: { line, column: to } },
});

function framesOf(text: string, diagnostics: readonly Diagnostic[]): (string | null)[] {
  const directory = scratch('frames');
  onTestFinished(() => remove(directory));
  writeFileSync(join(directory, 'tunnels.yaml'), text);
  const frameOf = framesFromDisk(() => directory, PLAIN);
  return diagnostics.map(({ range }) => (range ? frameOf(range, diagnostics) : null));
}

it('has a literal secret masked, also in the frame of what stands next to it', () => {
  const text = 'hosts:\n  a:\n    password: hunter2\n    prot: 22\n';
  expect(framesOf(text, [problem('literal-secret', [3, 15, 22]), problem('schema', [4, 5, 9])])).toEqual([
    '2 |   a:\n3 |     password: *******\n  |               ^^^^^^^\n4 |     prot: 22',
    '3 |     password: *******\n4 |     prot: 22\n  |     ^^^^',
  ]);
});

it('has one masked that stands elsewhere since: the file was saved again', () => {
  const [frame] = framesOf('# a new line\nhosts:\n  a:\n    password: hunter2\n', [problem('literal-secret', [3, 15, 22])]);
  expect(frame).toContain('    passw************');
  expect(frame).not.toContain('hunter2');
});

it('has none of a file that is not there', () => {
  const frameOf = framesFromDisk(() => '/nowhere', PLAIN);
  expect(frameOf({ file: 'tunnels.yaml', start: { line: 1, column: 1 }, end: { line: 1, column: 2 } }, [])).toBeNull();
});
