import { describe, expect, test } from 'vitest';
import { figuresOf } from '../../bench/measures/legs.ts';
import { whyNotTraced } from '../../bench/perf.ts';
import { type Legs, legsOf, parseTrace, type Trace, type Trip } from '../../bench/legs.ts';

const TEXT = `
            node 31948   100.000010000:                    irq:softirq_entry: vec=3 [action=NET_RX]
 tokio-rt-worker    70   100.000015000:                   sched:sched_switch: prev_comm=tokio-rt-worker prev_pid=70 prev_prio=110 prev_state=S ==> next_comm=sshd next_pid=32015 next_prio=120
            node 32001   100.000030500:                   sched:sched_switch: prev_comm=node prev_pid=32001 prev_prio=120 prev_state=R ==> next_comm=sshd next_pid=32015 next_prio=120
         swapper     0   100.000031000:                   sched:sched_switch: prev_comm=swapper/0 prev_pid=0 prev_prio=120 prev_state=R ==> next_comm=sshd next_pid=32015 next_prio=120
            sshd 32015   100.000041250:                    irq:softirq_entry: vec=3 [action=NET_RX]
Lost 3 chunks!
`;

describe('the trace', () => {
  test('tells who had something delivered, and who was preempted, in milliseconds', () => {
    const { deliveries, preemptions } = parseTrace(TEXT);
    expect(deliveries.map(({ name, thread }) => [name, thread])).toEqual([
      ['node', 31_948],
      ['sshd', 32_015],
    ]);
    expect(deliveries.map(({ at }) => at)).toEqual([expect.closeTo(100_000.01, 6), expect.closeTo(100_000.041_25, 6)]);
    expect(preemptions).toEqual([{ name: 'node', thread: 32_001, at: expect.closeTo(100_000.030_5, 6) }]);
  });

  test('begins with its first event, of whatever kind', () => {
    expect(parseTrace(TEXT).from).toBeCloseTo(100_000.01, 6);
    expect(parseTrace(TEXT.split('\n').slice(2).join('\n')).from).toBeCloseTo(100_000.015, 6);
  });

  test.each([
    ['sshd:32015 [120] S ==> node:32001 [120]', 0],
    ['node:32001 [120] R ==> sshd:32015 [120]', 1],
    ['node:32001 [120] R+ ==> sshd:32015 [120]', 1],
    ['prev_comm=node prev_pid=32001 prev_prio=120 prev_state=R+ ==> next_comm=sshd next_pid=32015 next_prio=120', 1],
    ['prev_comm=R] R prev_pid=32001 prev_prio=120 prev_state=S ==> next_comm=sshd next_pid=32015 next_prio=120', 0],
  ])('of %s has %i preemptions, as the kernel and as a plugin of perf writes it', (rest, count) => {
    expect(parseTrace(`  node 32001   100.000030500:   sched:sched_switch: ${rest}`).preemptions).toHaveLength(count);
  });

  test('of nothing is empty', () => expect(parseTrace('')).toEqual({ from: Number.NaN, deliveries: [], preemptions: [] }));
});

const CLIENT = 1;
const OURS = 2;
const SSHD = 3;
const TARGET = 4;
const OTHER = 5;
const WAY = [CLIENT, OURS, SSHD, TARGET, SSHD, OURS] as const;
const passed = { client: CLIENT, forwarder: [OURS], target: TARGET };

const moment = (thread: number, at: number) => ({ thread, at, name: thread === SSHD ? 'sshd-session' : 'node' });

/** A trip whose n-th leg takes n milliseconds: 28 in all. */
const way = (at: number) => WAY.map((thread, index) => moment(thread, at + ((index + 1) * (index + 2)) / 2));
const trip = (at: number): Trip => ({ at, ms: 28 });
const LEGS: Legs = { client: 1, up: 2, sshdUp: 3, target: 4, sshdDown: 5, down: 6, read: 7, preempted: 0 };

const told = (trace: Partial<Trace>, ...trips: readonly Trip[]) =>
  legsOf({ from: 0, deliveries: [], preemptions: [], ...trace }, trips, passed);

describe('the legs of a round trip', () => {
  test('are the times between what those who are passed have written', () => {
    expect(told({ deliveries: [...way(100), ...way(200)] }, trip(100), trip(200))).toEqual([LEGS, LEGS]);
  });

  test('are not of what others have written', () => {
    const deliveries = [...way(100), moment(OTHER, 105)].sort((a, b) => a.at - b.at);
    expect(told({ deliveries }, trip(100))).toEqual([LEGS]);
  });

  test.each([
    ['there is one delivery more', [...way(100), moment(SSHD, 127)]],
    ['there is one less', way(100).slice(0, -1)],
    ['they are in another order', [...way(100).slice(0, 4), moment(OURS, 115), moment(SSHD, 121)]],
    ['there is none', []],
  ])('are not told where %s, and those of the next are', (_, deliveries) => {
    expect(told({ deliveries: [...deliveries, ...way(200)] }, trip(100), trip(200))).toEqual([null, LEGS]);
  });

  test('leave out what was before the first and between two', () => {
    const deliveries = [moment(CLIENT, 90), ...way(100), moment(SSHD, 150), ...way(200)];
    expect(told({ deliveries }, trip(100), trip(200))).toEqual([LEGS, LEGS]);
  });

  test('have the preemptions of the forwarder, each with its trip', () => {
    const preemptions = [moment(OURS, 50), moment(OURS, 101), moment(SSHD, 102), moment(OURS, 103), moment(OURS, 150), moment(OURS, 227)];
    const legs = told({ deliveries: [...way(100), ...way(200)], preemptions }, trip(100), trip(200));
    expect(legs.map((each) => each?.preempted)).toEqual([2, 1]);
  });

  test('have those of the next trip where one could not be told', () => {
    const preemptions = [moment(OURS, 101), moment(OURS, 227)];
    const legs = told({ deliveries: way(200), preemptions }, trip(100), trip(200));
    expect(legs.map((each) => each?.preempted)).toEqual([undefined, 1]);
  });
});

describe('the figures of the legs', () => {
  const legs = (up: number, preempted = 0): Legs => ({ ...LEGS, up, preempted });

  test('are medians in microseconds, of the first hundred and of those from the 500th on', () => {
    const all = [
      ...Array.from({ length: 100 }, () => legs(3, 2)),
      ...Array.from({ length: 400 }, () => legs(9)),
      legs(1),
      legs(2),
      legs(6),
    ];
    const figures = figuresOf(all);
    expect(figures).toMatchObject({ 'legs.first.up': 3_000, 'legs.later.up': 2_000, 'legs.first.client': 1_000, 'legs.later.read': 7_000 });
    expect(figures).toMatchObject({ 'legs.first.preempted': 2, 'legs.later.preempted': 0, 'legs.first.told': 100, 'legs.later.told': 100 });
  });

  test('leave out what could not be told, and say how much that was', () => {
    const figures = figuresOf([legs(3), null, null, legs(5), ...Array.from({ length: 96 }, () => null)]);
    expect(figures).toMatchObject({ 'legs.first.up': 4_000, 'legs.first.told': 2, 'legs.later.up': Number.NaN });
  });
});

test('where there is no perf, it says so', () => {
  expect(whyNotTraced('/nowhere', [], 'no-such-perf')).toContain('ENOENT');
});
