import { expect, it } from 'vitest';
import { jsonProgress } from '../../../src/cli/progress/json.ts';
import type { Diagnostic } from '../../../src/core/diagnostic.ts';

const diagnostic = (severity: Diagnostic['severity']): Diagnostic => ({
  code: 'schema',
  severity,
  message: severity,
  hint: null,
  range: null,
});

function setup() {
  const lines: string[] = [];
  return {
    lines,
    progress: jsonProgress(
      (text) => void lines.push(text),
      () => 7,
    ),
  };
}

it('problems are one rejected event; a warning alone rejects nothing', () => {
  const { lines, progress } = setup();
  progress.problems([diagnostic('warning')], () => null);
  progress.problems([diagnostic('error')], () => null);
  expect(lines.map((line) => JSON.parse(line) as { type: string })).toMatchObject([
    { seq: 0, at: 7, type: 'warning', message: 'warning' },
    { seq: 0, at: 7, type: 'rejected', diagnostics: [{ message: 'error' }] },
  ]);
});

it('does not tell twice what the runner told', () => {
  const { lines, progress } = setup();
  progress.event({ seq: 1, at: 1, subject: { kind: 'project', name: '' }, type: 'rejected', diagnostics: [diagnostic('error')] });
  progress.problems([diagnostic('error')], () => null);
  progress.say('hello', 'error');
  expect(lines).toHaveLength(1);
});

it('an error that the command says is a line of its own, without colours; notes are for people', () => {
  const { lines, progress } = setup();
  progress.say('all is well', 'note');
  progress.say('\u001b[31mnot up\u001b[39m after 5s', 'error');
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
    { seq: 0, at: 7, subject: { kind: 'project', name: '' }, type: 'error', code: 'failed', message: 'not up after 5s', hint: null },
  ]);
});
