import { describe, expect, it } from 'vitest';
import { logProgress } from '../../../src/cli/progress/log.ts';
import { plain } from '../../../src/cli/render/style.ts';
import type { Diagnostic, DiagnosticCode, SourceRange } from '../../../src/core/diagnostic.ts';
import { buildGraph } from '../../../src/core/graph.ts';
import { doubleTunnel } from '../../helpers/spec.ts';
import { FakeRunner } from '../fake-runner.ts';

/** Says what it was asked for. */
const frameOf = (range: SourceRange, among: readonly Diagnostic[]): string =>
  `frame of ${range.file} among ${among.map((each) => each.code).join(' ')}`;

function setup() {
  const seen = { text: '' };
  const write = (text: string): void => void (seen.text += text);
  const log = logProgress({ write, style: plain, level: 0, width: () => null, frameOf });
  const runner = new FakeRunner();
  runner.subscribe((event) => log.event(event));
  return { seen, log, runner };
}

const problem = (code: DiagnosticCode, file: string): Diagnostic => ({
  code,
  severity: 'error',
  message: code,
  hint: null,
  range: { file, start: { line: 1, column: 1 }, end: { line: 1, column: 2 } },
});
const project = { kind: 'project', name: 'test' } as const;

describe('before it is known what comes up', () => {
  it('lines wait, so that their names are aligned', () => {
    const { seen, log, runner } = setup();
    runner.host('test-server', { to: 'connecting' });
    runner.tunnel('git', { to: 'opening' });
    expect(seen.text).toBe('');
    log.begin(buildGraph(doubleTunnel()));
    expect(seen.text.replace(/^\d\d:\d\d:\d\d/gm, 'TIME')).toBe('TIME  host test-server  connecting\nTIME  git               opening\n');
  });

  it.each(['say', 'problems', 'suspend'] as const)('%s does not come before them', async (method) => {
    const { seen, log, runner } = setup();
    runner.tunnel('git', { to: 'opening' });
    if (method === 'say') log.say('word', 'note');
    else if (method === 'problems') log.problems([problem('schema', 'a.yaml')], () => null);
    else await log.suspend();
    expect(seen.text).toMatch(/^\d\d:\d\d:\d\d {2}git +opening\n/);
  });
});

describe('a rejected reload', () => {
  it('has frames, each made knowing all that was found: a secret next to it is masked', () => {
    const { seen, log, runner } = setup();
    log.begin(buildGraph(doubleTunnel()));
    runner.emit(project, { type: 'rejected', diagnostics: [problem('literal-secret', 'a.yaml'), problem('schema', 'b.yaml')] });
    expect(seen.text).toContain('frame of a.yaml among literal-secret schema');
    expect(seen.text).toContain('frame of b.yaml among literal-secret schema');
    expect(seen.text).toContain('nothing was changed');
  });
});

it('a reload that changes nothing is told in one line', () => {
  const { seen, log, runner } = setup();
  log.begin(buildGraph(doubleTunnel()));
  runner.emit(project, { type: 'applied', plan: 'no changes', changes: 0 });
  expect(seen.text).toMatch(/^\S+ {2}test +reloaded: no changes\n$/);
});
