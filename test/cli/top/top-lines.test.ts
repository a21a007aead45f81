import { describe, expect, it } from 'vitest';
import type { Snapshot } from '../../../src/core/snapshot.ts';
import { coloured, plain } from '../../../src/cli/render/style.ts';
import { visibleWidth } from '../../../src/cli/render/table.ts';
import type { Order } from '../../../src/cli/top/order.ts';
import { nextSamples, type Samples } from '../../../src/cli/top/samples.ts';
import { topLines, type TopView } from '../../../src/cli/top/top-lines.ts';
import { tunnelView } from '../fake-runner.ts';

const KIB = 1024;
const at = (second: number): Snapshot => ({
  project: 'shop',
  hosts: [],
  tunnels: [
    tunnelView('web', { connections: 3, rx_bytes: second * second * 300 * KIB, tx_bytes: second * KIB, rtt_ms: 12.3 }),
    tunnelView('git', { connections: 1, rx_bytes: 0, ingress: '127.0.0.1:7999', egress: 'git-server:7999', rtt_ms: 3.21 }),
    tunnelView('db', {
      state: 'failed',
      ingress: 'localhost:5432',
      egress: 'db.internal:5432',
      error: { code: 'host-key-changed', message: 'the key of db-gate has changed', hint: 'see tunnels doctor' },
    }),
    tunnelView('proxy', { type: 'dynamic', state: 'reconnecting', ingress: '127.0.0.1:1080', egress: null, connections: 12 }),
  ],
});

function samplesAfter(seconds: number): Samples {
  let samples = nextSamples(null, at(0), 0);
  for (let second = 1; second <= seconds; second += 1) samples = nextSamples(samples, at(second), second * 1000);
  return samples;
}

// Noon in whatever time zone the test runs.
const NOON = new Date(2026, 0, 1, 12, 0, 0).getTime();
const FILE: Order = { by: 'file', reversed: false };
const view = (part: Partial<TopView> = {}): TopView => ({ samples: samplesAfter(8), order: FILE, offset: 0, now: NOON, ...part });
const lines = (columns: number, rows: number, part: Partial<TopView> = {}): readonly string[] =>
  topLines(view(part), { columns, rows }, plain);

describe('the screen', () => {
  it('has a title, a row a tunnel, what is wrong, and the keys', () => {
    expect(lines(140, 12)).toEqual([
      'shop · 2 of 4 tunnels open · 16 connections · ↓ 4.4 MiB/s ↑ 1.0 KiB/s                                                               12:00:00',
      'NAME      STATE          CONNS          DOWN            UP      RTT  HISTORY                           WAY',
      'web       open               3     4.4 MiB/s     1.0 KiB/s    12 ms                          ▂▂▃▄▅▆▇█  127.0.0.1:8080 → web:80',
      'git       open               1         0 B/s         0 B/s   3.2 ms                          ▁▁▁▁▁▁▁▁  127.0.0.1:7999 → git-server:7999',
      'db        failed             0         0 B/s         0 B/s        -                          ▁▁▁▁▁▁▁▁  localhost:5432 → db.internal:5432',
      'proxy     reconnecting      12         0 B/s         0 B/s        -                          ▁▁▁▁▁▁▁▁  127.0.0.1:1080 → SOCKS and HTTP proxy',
      'db: the key of db-gate has changed (see tunnels doctor)',
      '',
      '',
      '',
      '',
      'q quit · sort: n name · s state · c connections · r rate · t round trip · f as in the file',
    ]);
  });

  it.each([
    [80, 12, 'q quit · sort: n name · s state · c conns · r rate · t rtt · f file'],
    [80, 6, 'q quit · 1-3 of 4 · ↑ ↓ scroll · sort: n name · s state · c conns · r rate · t …'],
    [12, 12, 'q quit · so…'],
  ])('%d by %d: the keys as far as there is room, and first how to leave', (columns, rows, expected) => {
    expect(lines(columns, rows).at(-1)).toBe(expected);
  });

  it('knows no rates before the second look', () => {
    const [, , web] = lines(100, 8, { samples: samplesAfter(0) });
    expect(web).toMatch(/^web +open +3 +- +- +12 ms/);
  });

  it.each<[number, string]>([
    [120, 'NAME STATE CONNS DOWN UP RTT HISTORY WAY'],
    [90, 'NAME STATE CONNS DOWN UP RTT HISTORY'],
    [75, 'NAME STATE CONNS DOWN UP HISTORY'],
    [60, 'NAME STATE CONNS DOWN HISTORY'],
    [50, 'NAME STATE CONNS DOWN'],
    [35, 'NAME STATE CONNS'],
    [25, 'NAME STATE'],
    [12, 'NAME'],
    [3, 'NA…'],
  ])('gives up columns at %d', (columns, heads) => {
    expect(lines(columns, 8)[1]?.split(/ +/).join(' ')).toBe(heads);
  });

  it('never is larger than the terminal, nor smaller', () => {
    for (const columns of [1, 2, 7, 20, 41, 79, 80, 81, 137, 300])
      for (const rows of [1, 2, 3, 4, 7, 10, 24, 100])
        for (const style of [plain, coloured]) {
          const all = topLines(view(), { columns, rows }, style);
          expect(all.length).toBe(rows);
          expect(Math.max(...all.map(visibleWidth))).toBeLessThanOrEqual(columns);
        }
  });

  it('cuts long names rather than anything else going missing', () => {
    const tunnels = [tunnelView('a-tunnel-with-a-name-that-goes-on-and-on-as-some-do', { connections: 7 })];
    const samples = nextSamples(null, { project: 'p', hosts: [], tunnels }, 0);
    expect(lines(80, 6, { samples })[2]).toMatch(/^a-tunnel-with-a-name-t[a-z-]*… +open +7/);
  });

  it('shows which rows of how many, and scrolls no further than the end', () => {
    const tunnels = Array.from({ length: 30 }, (_, index) => tunnelView(`t${index}`));
    const samples = nextSamples(null, { project: 'p', hosts: [], tunnels }, 0);
    const names = (offset: number): string[] =>
      lines(80, 8, { samples, offset })
        .slice(2, 7)
        .map((line) => line.split(' ')[0] ?? '');
    expect(names(0)).toEqual(['t0', 't1', 't2', 't3', 't4']);
    expect(names(3)).toEqual(['t3', 't4', 't5', 't6', 't7']);
    expect(names(1000)).toEqual(['t25', 't26', 't27', 't28', 't29']);
    expect(lines(80, 8, { samples, offset: 3 }).at(-1)).toMatch(/^q quit · 4-8 of 30 · /);
  });

  it('lets nothing of an error drive the terminal', () => {
    const error = { code: 'refused', message: 'no\u001b[2J\nway', hint: null };
    const samples = nextSamples(null, { project: 'p', hosts: [], tunnels: [tunnelView('a', { error })] }, 0);
    expect(lines(80, 12, { samples }).join('|')).toContain('a: no [2J way');
  });
});

describe('sorted', () => {
  it.each<[Order, string, string]>([
    [FILE, 'web git db proxy', ''],
    [{ by: 'file', reversed: true }, 'proxy db git web', ''],
    [{ by: 'name', reversed: false }, 'db git proxy web', 'NAME▼'],
    [{ by: 'name', reversed: true }, 'web proxy git db', 'NAME▲'],
    [{ by: 'state', reversed: false }, 'db proxy web git', 'STATE▼'],
    [{ by: 'connections', reversed: false }, 'proxy web git db', 'CONNS▼'],
    [{ by: 'rate', reversed: false }, 'web git db proxy', 'HISTORY▼'],
    [{ by: 'rtt', reversed: false }, 'web git db proxy', 'RTT▼'],
    [{ by: 'rtt', reversed: true }, 'db proxy git web', 'RTT▲'],
  ])('%j', (order, names, mark) => {
    const all = lines(120, 8, { order });
    expect(
      all
        .slice(2, 6)
        .map((line) => line.split(' ')[0])
        .join(' '),
    ).toBe(names);
    expect(all[1]).toContain(mark);
  });
});
