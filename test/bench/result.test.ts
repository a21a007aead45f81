import { describe, expect, test } from 'vitest';
import { type Result, resultName, resultRow, resultText } from '../../bench/result.ts';
import { ratioGoal } from '../../bench/row.ts';

const ROW = resultRow({
  id: 'idle.p50',
  group: 'idle',
  title: 'p50',
  unit: 'µs',
  better: 'lower',
  goal: ratioGoal(1),
  runs: { tunnels: [90.1234567, 80], ssh: [100, 101], direct: [] },
});

const RESULT: Result = {
  format: 1,
  at: '2026-01-02T03:04:05.678Z',
  seconds: 12,
  runs: 2,
  quick: false,
  surroundings: {
    commit: '0123456789abcdef0123456789abcdef01234567',
    changed: false,
    versions: { tunnels: '0.1.0', node: '20.0.0', ssh2: '1.0.0', ssh: 'OpenSSH_9.2p1', sshd: '9.2', autossh: null, kernel: 'Linux 6' },
    cpu: 'x',
    cpuCount: 2,
    memoryBytes: 1,
    loadBefore: [0, 0, 0],
  },
  rows: [ROW, ROW],
};

describe('a result of the bench', () => {
  test('has what follows from the runs next to them', () => {
    expect(ROW.runs.tunnels).toEqual([90.123, 80]);
    expect(ROW).toMatchObject({ medians: { tunnels: 85.062, ssh: 100.5 }, ratio: 0.84666, met: true });
  });

  test('is JSON with a line a row', () => {
    const text = resultText(RESULT);
    expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(RESULT)));
    expect(text.split('\n').filter((line) => line.includes('idle.p50'))).toHaveLength(2);
    expect(text.endsWith('}\n')).toBe(true);
  });

  test('of nothing is JSON too', () => {
    expect(JSON.parse(resultText({ ...RESULT, rows: [] }))).toMatchObject({ rows: [] });
  });

  test('is kept under a name that sorts by time and tells the commit', () => {
    expect(resultName(RESULT)).toBe('2026-01-02T0304-0123456789.json');
  });
});
