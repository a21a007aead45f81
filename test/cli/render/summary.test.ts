import { expect, it } from 'vitest';
import { plain } from '../../../src/cli/render/style.ts';
import { openCount, summaryTable } from '../../../src/cli/render/summary.ts';
import { tunnelView } from '../fake-runner.ts';

const snapshot = {
  project: 'shop',
  hosts: [],
  tunnels: [
    tunnelView('web', { ingress: '127.0.0.1:18080', egress: 'a-host-with-a-long-name.example.internal:80' }),
    tunnelView('back', { type: 'remote', ingress: '127.0.0.1:42993', state: 'failed' }),
  ],
};
const table = (width: number | null): string[] => summaryTable(snapshot, { style: plain, width });

it('has the way of each tunnel, and its state', () => {
  expect(table(null)).toEqual([
    'NAME  INGRESS                        EGRESS                                       HOST     STATE',
    'web   127.0.0.1:18080             →  a-host-with-a-long-name.example.internal:80  bastion  open',
    'back  127.0.0.1:42993 on bastion  →  web:80                                       bastion  failed',
  ]);
});

it('in a narrow terminal keeps where it listens and its state whole', () => {
  expect(table(44)).toEqual([
    'NAME  INGRESS                     STATE',
    'web   127.0.0.1:18080             open',
    'back  127.0.0.1:42993 on bastion  failed',
  ]);
});

it.each([
  [['open', 'open'], '2 tunnels are open'],
  [['open', 'failed'], '1 of 2 tunnels are open'],
  [['waiting'], '0 of 1 tunnel is open'],
  [['open', 'idle', 'idle', 'unhealthy'], '4 tunnels are up: 1 open, 2 idle until a client comes, 1 unhealthy'],
  [['idle', 'failed'], '1 of 2 tunnels are up: 1 idle until a client comes'],
] as const)('%j: %s', (states, text) => {
  const tunnels = states.map((state, index) => tunnelView(`t${index}`, { state }));
  expect(openCount({ ...snapshot, tunnels }).text).toBe(text);
});
