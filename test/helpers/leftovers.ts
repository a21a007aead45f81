/** What a test file must not leave behind: processes, listening sockets, directories, namespaces. */
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { liveProxies } from './fault-proxy.ts';
import { liveNamespaces } from './netns.ts';
import { commandLine, descendantsOf } from './process-table.ts';
import { liveProjects } from './project.ts';
import { liveScratch } from './scratch.ts';
import { liveServices } from './services.ts';
import { liveSshds } from './sshd.ts';

export interface Baseline {
  readonly processes: readonly number[];
  readonly listeners: readonly string[];
}

/** Inodes of the sockets this process holds. */
function ownSockets(): Set<string> {
  const inodes = new Set<string>();
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1];
      if (inode !== undefined) inodes.add(inode);
    } catch {
      // The descriptor of the listing itself.
    }
  }
  return inodes;
}

const rows = (file: string): string[][] =>
  existsSync(file)
    ? readFileSync(file, 'utf8')
        .split('\n')
        .slice(1)
        .map((line) => line.trim().split(/\s+/))
    : [];

const LISTEN = '0A';
/** SO_ACCEPTCON in /proc/net/unix: the socket listens. */
const ACCEPTS = '00010000';

/** Listening sockets of this process, as text. */
export function ownListeners(): string[] {
  if (!existsSync('/proc/self/net/tcp')) return process.getActiveResourcesInfo().filter((name) => name === 'TCPServerWrap');
  const own = ownSockets();
  const tcp = [...rows('/proc/self/net/tcp'), ...rows('/proc/self/net/tcp6')]
    .filter((cells) => cells[3] === LISTEN && own.has(cells[9] ?? ''))
    .map((cells) => `tcp port ${Number.parseInt(cells[1]?.split(':')[1] ?? '', 16)}`);
  const unix = rows('/proc/self/net/unix')
    .filter((cells) => cells[3] === ACCEPTS && own.has(cells[6] ?? ''))
    .map((cells) => `unix socket ${cells[7] ?? ''}`);
  return [...tcp, ...unix];
}

export const baseline = (): Baseline => ({ processes: descendantsOf(process.pid), listeners: ownListeners() });

/** A line for each thing that is here now and was not at `before`. */
export function leftovers(before: Baseline): string[] {
  return [
    ...liveSshds().map((sshd) => `sshd ${sshd.name} on port ${sshd.port} was not stopped`),
    ...liveServices().map((service) => `a service on ${service.path ?? `port ${service.port}`} was not stopped`),
    ...liveProxies().map((proxy) => `a fault proxy on port ${proxy.port} was not stopped`),
    ...liveProjects().map((project) => `the project ${project.dir} was not removed`),
    ...liveScratch().map((dir) => `the directory ${dir} was not removed`),
    ...liveNamespaces().map((name) => `the network namespace ${name} was not deleted`),
    ...descendantsOf(process.pid)
      .filter((pid) => !before.processes.includes(pid))
      .map((pid) => `process ${pid} still runs: ${commandLine(pid)}`),
    ...ownListeners()
      .filter((listener) => !before.listeners.includes(listener))
      .map((listener) => `this process still listens on ${listener}`),
  ];
}
