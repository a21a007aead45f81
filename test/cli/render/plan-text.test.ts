import { expect, it } from 'vitest';
import { colourPlan, planLines } from '../../../src/cli/render/plan-text.ts';
import { coloured, plain } from '../../../src/cli/render/style.ts';
import { buildGraph } from '../../../src/core/graph.ts';
import { reconcile } from '../../../src/core/reconcile.ts';
import { doubleTunnel } from '../../helpers/spec.ts';

it('shows a plan from nothing in the order of the bring-up, with what each waits for', () => {
  const graph = buildGraph(doubleTunnel());
  expect(planLines(reconcile(graph, null), { desired: graph, running: null }, plain)).toEqual([
    '+ host bastion',
    '+ host test-server  via bastion',
    '+ tunnel git-inner',
    '+ tunnel git  needs git-inner',
  ]);
});

it('says so when there is nothing to do', () => {
  expect(planLines({ steps: [] }, { desired: null, running: null }, plain)).toEqual(['no changes']);
});

it('next to what runs it shows the cause of each', () => {
  const { project } = buildGraph(doubleTunnel());
  const running = buildGraph({ ...project, tunnels: new Map([...project.tunnels].filter(([name]) => name === 'git')) });
  const next = {
    steps: [
      { action: 'remove', kind: 'tunnel', name: 'old' },
      { action: 'remove', kind: 'host', name: 'far' },
      { action: 'update', kind: 'tunnel', name: 'web', how: 'retarget', changes: [{ field: 'egress', from: 'a:1', to: 'b:2' }] },
      { action: 'create', kind: 'host', name: 'bastion' },
      { action: 'create', kind: 'tunnel', name: 'new' },
      { action: 'create', kind: 'tunnel', name: 'git' },
    ],
  } as const;
  expect(planLines(next, { desired: null, running }, plain)).toEqual([
    '- tunnel old  not in the file any more',
    '- host far  no tunnel needs it any more',
    '~ tunnel web: egress a:1 → b:2 (retarget)',
    '+ host bastion  needed, and not connected',
    '+ tunnel new  asked for, and not up',
    '+ tunnel git  stopped',
  ]);
});

it('colours a plan by its signs', () => {
  expect(colourPlan('+ tunnel a\nno changes', coloured)).toEqual(['\u001b[32m+ tunnel a\u001b[39m', 'no changes']);
});
