import { describe, expect, test } from 'vitest';
import { ratioGoal, type Row, valueGoal } from '../../bench/row.ts';
import { progressLine, short, table } from '../../bench/table.ts';

const up: Row = {
  id: 'throughput.up',
  group: 'throughput',
  title: 'up',
  unit: 'MB/s',
  better: 'higher',
  goal: ratioGoal(1),
  runs: { tunnels: [300, 200, 250], ssh: [500, 500, 500], direct: [2_500] },
};
const reload: Row = {
  id: 'reload',
  group: 'reload',
  title: 'an edit',
  unit: 'ms',
  better: 'lower',
  goal: valueGoal(200),
  runs: { tunnels: [120.4] },
};

describe('the table of the bench', () => {
  test('names the groups once, aligns the numbers, and marks what is met', () => {
    const down = { ...up, title: 'down', runs: { tunnels: [1], ssh: [1] } };
    expect(table([up, down, reload]).split('\n')).toEqual([
      '           unit  better  tunnels   ssh  ratio  quartiles   goal  met  direct',
      'throughput',
      '  up       MB/s  higher      250   500  0.50×  0.45–0.55   ≥ 1×   NO   2,500',
      '  down     MB/s  higher     1.00  1.00  1.00×  1.00–1.00   ≥ 1×  yes       -',
      'reload',
      '  an edit  ms    lower       120     -      -             ≤ 200  yes       -',
    ]);
  });

  test('has a column for a further side only where one was measured', () => {
    expect(table([reload])).not.toMatch(/direct|autossh/);
    expect(table([{ ...reload, runs: { tunnels: [1], autossh: [2] } }])).toMatch(/autossh/);
  });

  test('shows three digits that mean something', () => {
    expect([0.01234, 0.5, 1.234, 12.34, 123.4, 1_234_567, 0, null, Number.NaN].map(short)).toEqual([
      '0.012',
      '0.500',
      '1.23',
      '12.3',
      '123',
      '1,234,567',
      '0',
      '-',
      '-',
    ]);
  });

  test('says a row in a line as soon as it is there', () => {
    expect(progressLine(up)).toBe('throughput: up, MB/s: tunnels 250, ssh 500, direct 2,500, ratio 0.50×');
    expect(progressLine(reload)).toBe('reload: an edit, ms: tunnels 120');
  });
});
