/** How many descriptors a process holds and how much memory, from /proc. */
import { readdirSync, readFileSync } from 'node:fs';

export const openDescriptors = (pid: number | 'self' = 'self'): number => readdirSync(`/proc/${pid}/fd`).length;

/** Resident memory in bytes. */
export function residentBytes(pid: number | 'self' = 'self'): number {
  const kib = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kib ?? 0) * 1024;
}

/** How many descriptors this process may have open. */
export const descriptorLimit = (): number =>
  Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? 1_024);
