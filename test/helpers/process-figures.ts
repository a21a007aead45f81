/** How many descriptors a process holds and how much memory, from /proc. */
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

export const openDescriptors = (pid: number | 'self' = 'self'): number => readdirSync(`/proc/${pid}/fd`).length;

/** Resident memory in bytes. */
export function residentBytes(pid: number | 'self' = 'self'): number {
  const kib = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kib ?? 0) * 1024;
}

/** How many descriptors this process may have open. */
export const descriptorLimit = (): number =>
  Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? 1_024);

/** What each open descriptor is: `socket 127.0.0.1:40112 → 127.0.0.1:22 ESTABLISHED`, `/dev/null`, `anon_inode:[eventpoll]`. */
export function descriptorNames(): string[] {
  const sockets = new Map(['tcp', 'tcp6'].flatMap((table) => socketRows(`/proc/self/net/${table}`)));
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const link = readlinkSync(`/proc/self/fd/${fd}`);
      const inode = /^socket:\[(\d+)\]$/.exec(link)?.[1];
      return [inode === undefined ? link : `socket ${sockets.get(inode) ?? 'of another kind'}`];
    } catch {
      // The descriptor of the listing itself.
      return [];
    }
  });
}

/** tcp_states.h, from 1 on. */
const STATES = [
  'ESTABLISHED',
  'SYN_SENT',
  'SYN_RECV',
  'FIN_WAIT1',
  'FIN_WAIT2',
  'TIME_WAIT',
  'CLOSE',
  'CLOSE_WAIT',
  'LAST_ACK',
  'LISTEN',
  'CLOSING',
];

function socketRows(file: string): [string, string][] {
  if (!existsSync(file)) return [];
  const port = (end = ''): number => Number.parseInt(end.split(':').at(-1) ?? '', 16);
  return readFileSync(file, 'utf8')
    .split('\n')
    .slice(1, -1)
    .map((line) => {
      const cells = line.trim().split(/\s+/);
      return [cells[9] ?? '', `port ${port(cells[1])} → ${port(cells[2])} ${STATES[Number.parseInt(cells[3] ?? '', 16) - 1] ?? ''}`];
    });
}
