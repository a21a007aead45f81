import { afterEach, describe, expect, test, vi } from 'vitest';
import { alternate, MOST_WARM_UPS, overStarts, type Runner } from '../../bench/rounds.ts';
import type { Row, RowSpec, SideName } from '../../bench/row.ts';

const ROW: RowSpec = { id: 'x', title: 'x', unit: 'ms', better: 'lower' };

afterEach(() => void vi.restoreAllMocks());

describe('the rounds of the bench', () => {
  test('take turns, change who is first, and throw the first round away', async () => {
    const order: SideName[] = [];
    const runner = (name: SideName): Runner => ({
      name,
      run: () => {
        order.push(name);
        return Promise.resolve({ x: order.length });
      },
    });
    const rows = await alternate({ group: 'g', rows: [ROW], runners: [runner('tunnels'), runner('ssh')], runs: 2 });
    expect(order).toEqual(['ssh', 'tunnels', 'tunnels', 'ssh', 'ssh', 'tunnels']);
    expect(rows).toEqual([{ ...ROW, group: 'g', runs: { tunnels: [3, 6], ssh: [4, 5] } }]);
  });

  test.each([
    { start: 0, order: ['tunnels', 'ssh', 'ssh', 'tunnels'] },
    { start: 1, order: ['ssh', 'tunnels', 'tunnels', 'ssh'] },
  ])('of start $start go on changing who is first', async ({ start, order }) => {
    const seen: SideName[] = [];
    const runners = (['tunnels', 'ssh'] as const).map((name): Runner => ({ name, run: () => Promise.resolve({ x: seen.push(name) }) }));
    await alternate({ group: 'g', rows: [ROW], runners, runs: 2, warmUps: 0, start });
    expect(seen).toEqual(order);
  });

  test.each([
    { what: 'it is warm, and not fewer than wanted', warmUps: 2, warmAfter: 1, thrownAway: 2 },
    { what: 'it is warm, more than wanted', warmUps: 2, warmAfter: 5, thrownAway: 5 },
    { what: 'there were enough, though it is not', warmUps: 1, warmAfter: Infinity, thrownAway: MOST_WARM_UPS },
    { what: 'none, where none is wanted', warmUps: 0, warmAfter: 5, thrownAway: 0 },
  ])('are thrown away until $what', async ({ warmUps, warmAfter, thrownAway }) => {
    let ran = 0;
    let asked = 0;
    const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const rows = await alternate({
      group: 'g',
      rows: [ROW],
      runners: [{ name: 'tunnels', run: () => Promise.resolve({ x: (ran += 1) }) }],
      runs: 2,
      warmUps,
      isWarm: () => (asked += 1) >= warmAfter,
    });
    expect(rows[0]?.runs).toEqual({ tunnels: [thrownAway + 1, thrownAway + 2] });
    expect(asked).toBe(thrownAway);
    // That it is measured cold is told.
    expect(said).toHaveBeenCalledTimes(warmAfter > MOST_WARM_UPS ? 1 : 0);
  });

  test('run what is wanted a few times only in the first ones', async () => {
    let ran = 0;
    const run = () => Promise.resolve({ x: (ran += 1) });
    const rows = await alternate({ group: 'g', rows: [ROW], runners: [{ name: 'direct', rounds: 2, run }], runs: 5 });
    expect(rows[0]?.runs).toEqual({ direct: [1, 2] });
  });

  test('leave out what no side has a figure for', async () => {
    const rows = await alternate({
      group: 'g',
      rows: [ROW, { ...ROW, id: 'y' }],
      runners: [{ name: 'direct', run: () => Promise.resolve({ x: 1, y: Number.NaN }) }],
      runs: 1,
      warmUps: 0,
    });
    expect(rows.map((row) => row.id)).toEqual(['x']);
  });

  test('do not lose a figure that has no row', async () => {
    const runners: Runner[] = [{ name: 'ssh', run: () => Promise.resolve({ z: 1 }) }];
    await expect(alternate({ group: 'g', rows: [ROW], runners, runs: 1, warmUps: 0 })).rejects.toThrow('ssh gave a figure for z');
  });
});

describe('the starts of the bench', () => {
  const rowOf = (id: string, runs: Row['runs']): Row => ({ ...ROW, id, group: 'g', runs });

  test.each([
    { runs: 5, starts: 3, rounds: { runs: 2, warmUps: 2 } },
    { runs: 3, starts: 3, rounds: { runs: 1, warmUps: 2 } },
    { runs: 2, starts: 2, rounds: { runs: 1, warmUps: 2 } },
    { runs: 1, starts: 1, rounds: { runs: 1, warmUps: 1 } },
  ])('$runs runs are $starts starts of $rounds', async ({ runs, starts, rounds }) => {
    const given: unknown[] = [];
    await overStarts(runs, (part) => {
      given.push(part);
      return Promise.resolve([]);
    });
    expect(given).toEqual(Array.from({ length: starts }, (_, start) => ({ ...rounds, start })));
  });

  test('their runs stand in one row, in order, and a side that has none is not there', async () => {
    let start = 0;
    const rows = await overStarts(2, () => {
      start += 1;
      return Promise.resolve([
        rowOf('x', { tunnels: [start, 10 * start], ssh: [2 * start, 20 * start] }),
        rowOf('y', start === 1 ? { direct: [7] } : {}),
      ]);
    });
    expect(rows).toEqual([rowOf('x', { tunnels: [1, 10, 2, 20], ssh: [2, 20, 4, 40] }), rowOf('y', { direct: [7] })]);
  });
});
