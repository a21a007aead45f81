/** Which processes run and who started them, from /proc (or ps where there is none). */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

export interface ProcessRow {
  readonly pid: number;
  readonly parent: number;
  /** The kernel's letter: R, S, D, T (stopped), Z (zombie). */
  readonly state: string;
  /** Clock ticks from the system's start to its own; 0 where only ps tells, which is not asked. */
  readonly started: number;
}

/** starttime of proc(5), the 22nd field, counted from what follows the parent. */
const STARTED = 17;

function fromProc(): ProcessRow[] {
  const rows: ProcessRow[] = [];
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
      // The command name is in parentheses and may hold anything, so what follows begins after the last one.
      const [state = '', parent = '', ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      rows.push({ pid: Number(entry), parent: Number(parent), state, started: Number(rest[STARTED]) });
    } catch {
      // It ended while we looked.
    }
  }
  return rows;
}

function fromPs(): ProcessRow[] {
  const text = execFileSync('ps', ['-axo', 'pid=,ppid=,stat='], { encoding: 'utf8' });
  return text
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((cells) => cells.length === 3)
    .map(([pid = '', parent = '', state = '']) => ({ pid: Number(pid), parent: Number(parent), state: state.slice(0, 1), started: 0 }));
}

/** Every process but zombies, which hold nothing; the oldest first: numbers begin again when all have been used. */
export const processTable = (): ProcessRow[] =>
  (existsSync('/proc/self/stat') ? fromProc() : fromPs()).filter((row) => row.state !== 'Z').sort((a, b) => a.started - b.started);

/** The oldest first. */
export const childrenOf = (parent: number, table = processTable()): number[] =>
  table.filter((row) => row.parent === parent).map((row) => row.pid);

/** Children, their children and so on; parents come before their children. */
export function descendantsOf(root: number, table = processTable()): number[] {
  const found: number[] = [];
  const open = [root];
  for (let next = open.shift(); next !== undefined; next = open.shift()) {
    const children = childrenOf(next, table);
    found.push(...children);
    open.push(...children);
  }
  return found;
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  return processTable().some((row) => row.pid === pid);
}

/** The command line with spaces between the words; empty where it is not to be had. */
export function commandLine(pid: number): string {
  try {
    if (existsSync('/proc/self/stat')) return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).trim();
  } catch {
    return '';
  }
}

/** Sends a signal to each that still runs. */
export function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch {
      // It is gone already.
    }
  }
}
