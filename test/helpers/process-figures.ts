/** How many descriptors a process holds and how much memory, from /proc. */
import { readdirSync, readFileSync } from 'node:fs';

export const openDescriptors = (pid: number | 'self' = 'self'): number => readdirSync(`/proc/${pid}/fd`).length;

/** Resident memory in bytes. */
export function residentBytes(pid: number | 'self' = 'self'): number {
  const kib = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kib ?? 0) * 1024;
}
