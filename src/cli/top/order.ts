/** By what the rows are sorted, and the keys for it. */
import type { TunnelStateName } from '../../core/tunnel-state.ts';
import type { Sample } from './samples.ts';

export type SortKey = 'file' | 'name' | 'state' | 'connections' | 'rate' | 'rtt';

export interface Order {
  readonly by: SortKey;
  readonly reversed: boolean;
}

export const SORT_KEYS: Readonly<Record<string, SortKey>> = {
  f: 'file',
  n: 'name',
  s: 'state',
  c: 'connections',
  r: 'rate',
  t: 'rtt',
};

/** What wants a look comes first. */
const STATES: readonly TunnelStateName[] = [
  'failed',
  'unhealthy',
  'reconnecting',
  'opening',
  'waiting',
  'closing',
  'open',
  'idle',
  'closed',
];

/** The busiest, and the slowest, first; without a value last. */
const COMPARE: Readonly<Record<SortKey, (a: Sample, b: Sample) => number>> = {
  file: () => 0,
  name: (a, b) => a.view.name.localeCompare(b.view.name, 'en', { numeric: true }),
  state: (a, b) => STATES.indexOf(a.view.state) - STATES.indexOf(b.view.state),
  connections: (a, b) => b.view.connections - a.view.connections,
  rate: (a, b) => rateOf(b) - rateOf(a),
  rtt: (a, b) => (b.view.rtt_ms ?? -1) - (a.view.rtt_ms ?? -1),
};

const rateOf = ({ rxRate, txRate }: Sample): number => (rxRate ?? 0) + (txRate ?? 0);

/** Equal ones stay in the order of the file, also when reversed. */
export function ordered(samples: readonly Sample[], { by, reversed }: Order): readonly Sample[] {
  const compare = COMPARE[by];
  if (by === 'file') return reversed ? samples.toReversed() : samples;
  return samples.toSorted((a, b) => (reversed ? compare(b, a) : compare(a, b)));
}

/** The key of the present order once more turns it round. */
export const pressed = (order: Order, by: SortKey): Order => ({ by, reversed: order.by === by && !order.reversed });
