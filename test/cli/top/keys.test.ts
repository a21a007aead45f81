import { expect, it } from 'vitest';
import { actionsOf } from '../../../src/cli/top/keys.ts';
import { pressed } from '../../../src/cli/top/order.ts';

it.each([
  ['q', ['quit']],
  ['\u0003', ['interrupt']],
  ['n', ['sort name']],
  ['sc', ['sort state', 'sort connections']],
  ['rtf', ['sort rate', 'sort rtt', 'sort file']],
  ['\u001b[A\u001bOBjk', ['row -1', 'row 1', 'row 1', 'row -1']],
  ['\u001b[5~\u001b[6~ ', ['page -1', 'page 1', 'page 1']],
  // No sequence is taken for its letters: of Ctrl-Right, F4, a focus report, a mouse report.
  ['\u001b[1;5C\u001bOS\u001b[I\u001b[<0;3;4M', []],
  ['\u001bxé🚇\u0000constructor'.slice(0, 6), []],
  ['\u001b', []],
])('%j', (chunk, expected) => {
  const told = actionsOf(chunk).map((action) => {
    if (action.do === 'scroll') return `${action.unit} ${action.by}`;
    return action.do === 'sort' ? `sort ${action.by}` : action.do;
  });
  expect(told).toEqual(expected);
});

it('a key pressed again turns the order round', () => {
  const once = pressed({ by: 'file', reversed: false }, 'rate');
  expect([once, pressed(once, 'rate'), pressed(pressed(once, 'rate'), 'name')]).toEqual([
    { by: 'rate', reversed: false },
    { by: 'rate', reversed: true },
    { by: 'name', reversed: false },
  ]);
});
