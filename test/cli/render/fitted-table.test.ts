import { describe, expect, it } from 'vitest';
import { fittedTable, type Column } from '../../../src/cli/render/fitted-table.ts';
import { ageOf, psTable } from '../../../src/cli/render/ps-table.ts';
import { coloured, plain } from '../../../src/cli/render/style.ts';
import { visibleWidth } from '../../../src/cli/render/table.ts';
import { tunnelView } from '../fake-runner.ts';

const columns: Column<string>[] = [
  { head: 'NAME', spare: 0, cell: (name) => name },
  { head: 'LONG', spare: 1, cell: (name) => name.repeat(3) },
  { head: 'LESS', spare: 2, cell: () => 'x' },
];

describe('a fitted table', () => {
  it.each<[number | null, string[]]>([
    [null, ['NAME   LONG             LESS', 'a      aaa              x', 'bbbbb  bbbbbbbbbbbbbbb  x']],
    [28, ['NAME   LONG             LESS', 'a      aaa              x', 'bbbbb  bbbbbbbbbbbbbbb  x']],
    [27, ['NAME   LONG', 'a      aaa', 'bbbbb  bbbbbbbbbbbbbbb']],
    [21, ['NAME   LESS', 'a      x', 'bbbbb  x']],
    [10, ['NAME', 'a', 'bbbbb']],
  ])('of %j columns gives up what matters least', (width, lines) => {
    expect(fittedTable(columns, ['a', 'bbbbb'], width)).toEqual(lines);
  });
});

describe('the rows of ps', () => {
  const now = Date.parse('2026-01-01T00:02:05Z');
  const tunnels = [
    tunnelView('web', { connections: 3, rx_bytes: 2048, tx_bytes: 5, rtt_ms: 3.21 }),
    tunnelView('git', { type: 'remote', state: 'waiting', ingress: 'localhost:2999', egress: null }),
  ];

  it('say it all where there is room', () => {
    expect(psTable(tunnels, { style: plain, width: null, now })).toEqual([
      'NAME  STATE    INGRESS                       EGRESS                HOST     CONNS  IN       OUT  RTT     FOR',
      'web   open     127.0.0.1:8080             →  web:80                bastion  3      2.0 KiB  5 B  3.2 ms  2m05s',
      'git   waiting  localhost:2999 on bastion  →  SOCKS and HTTP proxy  bastion  0      0 B      0 B  -       2m05s',
    ]);
  });

  it.each([120, 100, 80, 60, 40, 30])('fit %d columns', (width) => {
    for (const line of psTable(tunnels, { style: coloured, width, now })) expect(visibleWidth(line)).toBeLessThanOrEqual(width);
  });

  it('show the health of what has one', () => {
    const [, line] = psTable([tunnelView('web', { health: 'healthy' })], { style: plain, width: null, now });
    expect(line).toMatch(/^web +open \(healthy\) /);
  });

  it.each([
    ['2026-01-01T00:02:01Z', '4s'],
    ['2026-01-01T00:03:00Z', '0s'],
    ['', ''],
  ])('%j was %j ago', (since, age) => {
    expect(ageOf(since, now)).toBe(age);
  });
});
