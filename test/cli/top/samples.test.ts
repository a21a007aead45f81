import { expect, it } from 'vitest';
import { KEPT, nextSamples, type Samples } from '../../../src/cli/top/samples.ts';
import { tunnelView } from '../fake-runner.ts';

const snapshot = (...rx: readonly number[]) => ({
  project: 'p',
  hosts: [],
  tunnels: rx.map((rx_bytes, index) => tunnelView(`t${index}`, { rx_bytes, tx_bytes: 10 })),
});
const rates = (samples: Samples): readonly unknown[] => samples.tunnels.map(({ rxRate, txRate }) => [rxRate, txRate]);

it('rates are of the time between two looks', () => {
  const first = nextSamples(null, snapshot(100), 1_000);
  expect(rates(first)).toEqual([[null, null]]);
  expect(rates(nextSamples(first, snapshot(600), 3_000))).toEqual([[250, 0]]);
});

it('counters that begin again are no negative rate', () => {
  const first = nextSamples(null, snapshot(5_000), 0);
  expect(rates(nextSamples(first, snapshot(300), 1_000))).toEqual([[300, 0]]);
});

it('a tunnel that is new has no rate yet, and one that went leaves none', () => {
  const first = nextSamples(null, snapshot(0), 0);
  const second = nextSamples(first, snapshot(10, 20), 1_000);
  expect(rates(second)).toEqual([
    [10, 0],
    [null, null],
  ]);
  expect(nextSamples(second, snapshot(), 2_000).tunnels).toEqual([]);
});

it('two looks at one moment leave what was known', () => {
  const second = nextSamples(nextSamples(null, snapshot(0), 0), snapshot(10), 1_000);
  expect(nextSamples(second, snapshot(20), 1_000).tunnels[0]?.history).toEqual([10]);
});

it('keeps no more than a plot can show', () => {
  let samples = nextSamples(null, snapshot(0), 0);
  for (let second = 1; second <= 2 * KEPT; second += 1) samples = nextSamples(samples, snapshot(second * second), second * 1_000);
  expect(samples.tunnels[0]?.history).toHaveLength(KEPT);
  expect(samples.tunnels[0]?.history.at(-1)).toBe(4 * KEPT - 1);
});
