/** What a process has cost so far: seconds of CPU and bytes of memory, from /proc, or from ps where there is none. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

const hasProc = existsSync('/proc/self/stat');

const ps = (pid: number, column: string): string =>
  execFileSync('ps', ['-o', `${column}=`, '-p', String(pid)], { encoding: 'utf8' }).trim();

/** `[[dd-]hh:]mm:ss.ss` of ps in seconds. */
export function secondsOf(time: string): number {
  const [days, clock] = time.includes('-') ? (time.split('-') as [string, string]) : ['0', time];
  return clock.split(':').reduce((sum, part) => sum * 60 + Number(part), 0) + Number(days) * 86_400;
}

/** The scheduler counts nanoseconds a thread; /proc/PID/stat only knows ticks of 10 ms. */
const threadNanoseconds = (pid: number, thread: string | number): number =>
  Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);

function cpuFromProc(pid: number): number {
  let nanoseconds = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) nanoseconds += threadNanoseconds(pid, thread);
  if (nanoseconds > 0) return nanoseconds / 1e9;
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const [user = '0', system = '0'] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13);
  return (Number(user) + Number(system)) / 100;
}

export const cpuSeconds = (pids: readonly number[]): number =>
  pids.reduce((sum, pid) => sum + (hasProc ? cpuFromProc(pid) : secondsOf(ps(pid, 'time'))), 0);

function helpersFromProc(pid: number): number {
  const first = String(pid);
  const others = readdirSync(`/proc/${pid}/task`).filter((thread) => thread !== first);
  // Where the scheduler counts nothing there is nothing to be told.
  if (threadNanoseconds(pid, first) === 0) return Number.NaN;
  return others.reduce((sum, thread) => sum + threadNanoseconds(pid, thread), 0) / 1e9;
}

/** Of all threads but the first, in which JavaScript runs: those that compile it, collect, and read files. NaN where the system does not count them apart. */
export const helpersCpuSeconds = (pids: readonly number[]): number =>
  pids.reduce((sum, pid) => sum + (hasProc ? helpersFromProc(pid) : Number.NaN), 0);

export interface Memory {
  readonly residentBytes: number;
  /** Shared pages divided by those who share them; null where the system does not say. */
  readonly proportionalBytes: number | null;
}

const kibibytes = (text: string, name: string): number | null => {
  const found = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1];
  return found === undefined ? null : Number(found) * 1024;
};

function memoryOf(pid: number): Memory {
  if (!hasProc) return { residentBytes: Number(ps(pid, 'rss')) * 1024, proportionalBytes: null };
  const residentBytes = kibibytes(readFileSync(`/proc/${pid}/status`, 'utf8'), 'VmRSS') ?? 0;
  try {
    return { residentBytes, proportionalBytes: kibibytes(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'), 'Pss') };
  } catch {
    return { residentBytes, proportionalBytes: null };
  }
}

export const memory = (pids: readonly number[]): Memory =>
  pids.map(memoryOf).reduce((sum, each) => ({
    residentBytes: sum.residentBytes + each.residentBytes,
    proportionalBytes:
      sum.proportionalBytes === null || each.proportionalBytes === null ? null : sum.proportionalBytes + each.proportionalBytes,
  }));
