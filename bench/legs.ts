/**
 * Where the time of a round trip goes between the processes that it passes, from what the kernel says of them; pure. What is written to a socket of the
 * loopback interface is delivered while the writer still has the processor, so that a delivery tells who has written, and when.
 */

export const LEGS = {
  client: 'until the client has written',
  up: 'the forwarder, up',
  sshdUp: 'sshd, up',
  target: 'the target',
  sshdDown: 'sshd, down',
  down: 'the forwarder, down',
  read: 'until the client has read',
} as const;
export type Leg = keyof typeof LEGS;
const ORDER = Object.keys(LEGS) as Leg[];

/** What perf is asked for; 3 is the network's receiving end among the softirqs. */
export const EVENTS: readonly string[] = ['-e', 'irq:softirq_entry', '--filter', 'vec == 3', '-e', 'sched:sched_switch'];
/** As `perf script` is to print it. */
export const FIELDS = 'comm,tid,time,event,trace';

/** Milliseconds of the clock that all processes share. */
interface Moment {
  readonly at: number;
  readonly thread: number;
  readonly name: string;
}

export interface Trace {
  /** When the first event was, of whatever kind; NaN for none. */
  readonly from: number;
  readonly deliveries: readonly Moment[];
  /** Who had to give the processor away and could have gone on. */
  readonly preemptions: readonly Moment[];
}

const LINE = /^\s*(.+?)\s+(\d+)\s+(\d+\.\d+):\s+\w+:(softirq_entry|sched_switch): (.*)$/;

/** As the kernel writes it, and as a plugin of perf's does. */
const COULD_GO_ON = / prev_state=R|\] R\S* ==> /;

export function parseTrace(text: string): Trace {
  const trace = { from: Number.NaN, deliveries: [] as Moment[], preemptions: [] as Moment[] };
  for (const line of text.split('\n')) {
    const [, name = '', thread, seconds, event, rest = ''] = LINE.exec(line) ?? [];
    if (event === undefined) continue;
    const moment = { at: Number(seconds) * 1e3, thread: Number(thread), name };
    if (Number.isNaN(trace.from)) trace.from = moment.at;
    if (event === 'softirq_entry') trace.deliveries.push(moment);
    else if (COULD_GO_ON.test(rest) && moment.thread !== 0) trace.preemptions.push(moment);
  }
  return trace;
}

/** Threads of those who are passed; sshd is known by its name, for each connection has one of its own. */
export interface Passed {
  readonly client: number;
  readonly forwarder: readonly number[];
  readonly target: number;
}

export interface Trip {
  /** When it was sent, on the clock of the trace. */
  readonly at: number;
  readonly ms: number;
}

/** Milliseconds of each leg, and how often the forwarder was preempted. */
export type Legs = Readonly<Record<Leg, number>> & { readonly preempted: number };

/** In the order of the trips; null where something else was delivered meanwhile, so that it cannot be told. */
export function legsOf(trace: Trace, trips: readonly Trip[], passed: Passed): (Legs | null)[] {
  const forwarder = new Set(passed.forwarder);
  const isPassed = ({ thread, name }: Moment): string => {
    if (thread === passed.client) return 'client';
    if (thread === passed.target) return 'target';
    if (forwarder.has(thread)) return 'forwarder';
    return name.startsWith('sshd') ? 'sshd' : '';
  };
  const known = trace.deliveries.map((moment) => ({ at: moment.at, who: isPassed(moment) })).filter(({ who }) => who !== '');
  const preemptions = trace.preemptions.filter(({ thread }) => forwarder.has(thread));
  let next = 0;
  let nextPreemption = 0;
  return trips.map(({ at, ms }) => {
    while ((known[next]?.at ?? Infinity) < at) next += 1;
    while ((preemptions[nextPreemption]?.at ?? Infinity) < at) nextPreemption += 1;
    const seen = [];
    for (; (known[next]?.at ?? Infinity) < at + ms; next += 1) seen.push(known[next]);
    let preempted = 0;
    for (; (preemptions[nextPreemption]?.at ?? Infinity) < at + ms; nextPreemption += 1) preempted += 1;
    if (seen.map((each) => each?.who).join() !== 'client,forwarder,sshd,target,sshd,forwarder') return null;
    const ends = [...seen.map((each) => each?.at ?? 0), at + ms];
    const legs = ORDER.map((leg, index) => [leg, (ends[index] ?? 0) - (ends[index - 1] ?? at)] as const);
    return { ...(Object.fromEntries(legs) as Record<Leg, number>), preempted };
  });
}
