import { expect, it } from 'vitest';
import { colourPlan, planLines } from '../../../src/cli/render/plan-text.ts';
import { coloured, plain } from '../../../src/cli/render/style.ts';
import { buildGraph } from '../../../src/core/graph.ts';
import { reconcile } from '../../../src/core/reconcile.ts';
import { doubleTunnel } from '../../helpers/spec.ts';

it('shows a plan from nothing in the order of the bring-up, with what each waits for', () => {
  const graph = buildGraph(doubleTunnel());
  expect(planLines(reconcile(graph, null), graph, plain)).toEqual([
    '+ host bastion',
    '+ host test-server  via bastion',
    '+ tunnel git-inner',
    '+ tunnel git  needs git-inner',
  ]);
});

it('says so when there is nothing to do', () => {
  expect(planLines({ steps: [] }, null, plain)).toEqual(['no changes']);
});

it('colours a plan by its signs', () => {
  expect(colourPlan('+ tunnel a\nno changes', coloured)).toEqual(['\u001b[32m+ tunnel a\u001b[39m', 'no changes']);
});
