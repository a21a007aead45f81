/**
 * Machines that cannot reach each other unless a link says so: network namespaces joined by veth pairs. Root only.
 * Their names carry the pid of the test process, so what a killed run left is known and swept.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type RunOptions, type RunResult, check, runChild } from './child.ts';
import { isAlive, signalAll } from './process-table.ts';

const PREFIX = 'tunnels-t-';
const NETNS = '/run/netns';
/** `ip netns exec` shows these files as /etc/…: this is how a name can mean another thing on another machine. */
const ETC_NETNS = '/etc/netns';

export interface NetworkOptions {
  readonly hosts: readonly string[];
  /** Pairs of hosts that are joined. Each link is a network of its own; nothing is routed between links. */
  readonly links: readonly (readonly [string, string])[];
  /** What names mean on a host: `{bastion: {'git-server': '10.77.1.2'}}`. */
  readonly names?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export interface Network {
  /** What goes before a command to run it on that host; also for the `within` of startSshd and of projects. */
  on(host: string): readonly string[];
  /** The address of `host` on its link to `neighbour`. */
  addressOf(host: string, neighbour: string): string;
  run(host: string, command: string, args: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** Takes the cable out, or puts it back. */
  setLink(a: string, b: string, state: 'up' | 'down'): Promise<void>;
  /** Gives `host` another address on its link to `neighbour`, as after a change of network; gives the new one. */
  readdress(host: string, neighbour: string): Promise<string>;
  /** Ends every process in the namespaces and deletes them. */
  stop(): Promise<void>;
}

let usable: boolean | undefined;

/** Whether this machine lets us make namespaces: Linux, root, iproute2, and a kernel with veth. */
export function netnsAvailable(): boolean {
  usable ??= probe();
  return usable;
}

function probe(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  const name = `${PREFIX}${process.pid}-probe`;
  const ip = (...args: readonly string[]): boolean => spawnSync('ip', args).status === 0;
  if (!ip('netns', 'add', name)) return false;
  const veth = ip('link', 'add', 'probe-a', 'netns', name, 'type', 'veth', 'peer', 'name', 'probe-b', 'netns', name);
  ip('netns', 'del', name);
  return veth;
}

const namespaces = (): string[] => (existsSync(NETNS) ? readdirSync(NETNS).filter((name) => name.startsWith(PREFIX)) : []);

const ownerOf = (name: string): number => Number(/^\d+/.exec(name.slice(PREFIX.length))?.[0] ?? NaN);

/** Namespaces of this process that are still there. */
export const liveNamespaces = (): string[] => namespaces().filter((name) => ownerOf(name) === process.pid);

/** Deletes a namespace and ends what runs in it. */
function discard(name: string): void {
  const pids = spawnSync('ip', ['netns', 'pids', name], { encoding: 'utf8' }).stdout.split(/\s+/).map(Number);
  signalAll(
    pids.filter((pid) => pid > 0),
    'SIGKILL',
  );
  spawnSync('ip', ['netns', 'del', name]);
  rmSync(join(ETC_NETNS, name), { recursive: true, force: true });
}

/** Deletes the namespaces of test processes that have died. */
export function sweepNamespaces(): void {
  if (process.getuid?.() !== 0) return;
  for (const name of namespaces()) if (!isAlive(ownerOf(name))) discard(name);
  removeIfEmpty(ETC_NETNS);
}

function removeIfEmpty(dir: string): void {
  try {
    rmdirSync(dir);
  } catch {
    // Not there, or somebody else's namespaces have files in it.
  }
}

let networks = 0;

interface Link {
  readonly ends: readonly [string, string];
  readonly subnet: number;
  /** The last number of the address at each end. */
  readonly numbers: [number, number];
}

export async function startNetwork(options: NetworkOptions): Promise<Network> {
  sweepNamespaces();
  networks += 1;
  const id = networks;
  const namespaceOf = (host: string): string => {
    if (!options.hosts.includes(host)) throw new Error(`the network has no host ${host}`);
    return `${PREFIX}${process.pid}-${id}-${host}`;
  };
  const links: Link[] = options.links.map((ends, index) => ({ ends, subnet: index + 1, numbers: [1, 2] }));
  const find = (a: string, b: string): { link: Link; end: 0 | 1 } => {
    const link = links.find(({ ends }) => (ends[0] === a && ends[1] === b) || (ends[0] === b && ends[1] === a));
    if (link === undefined) throw new Error(`${a} and ${b} have no link`);
    return { link, end: link.ends[0] === a ? 0 : 1 };
  };
  const address = (link: Link, end: 0 | 1): string => `10.77.${link.subnet}.${link.numbers[end]}`;
  const device = (link: Link, end: 0 | 1): string => `l${link.subnet}${end === 0 ? 'a' : 'b'}`;
  const ip = (...args: readonly string[]): Promise<string> => check('ip', args);

  const network: Network = {
    on: (host) => ['ip', 'netns', 'exec', namespaceOf(host)],
    addressOf: (host, neighbour) => {
      const { link, end } = find(host, neighbour);
      return address(link, end);
    },
    run: (host, command, args, runOptions = {}) => runChild('ip', ['netns', 'exec', namespaceOf(host), command, ...args], runOptions),
    setLink: async (a, b, state) => {
      const { link, end } = find(a, b);
      await ip('-n', namespaceOf(a), 'link', 'set', device(link, end), state);
      // Taking a device down drops only IPv6 addresses; the IPv4 one and its route come back with it.
    },
    readdress: async (host, neighbour) => {
      const { link, end } = find(host, neighbour);
      const old = address(link, end);
      link.numbers[end] = Math.max(...link.numbers) + 1;
      // In this order: with the first address of a network the kernel takes the later ones away too.
      await ip('-n', namespaceOf(host), 'addr', 'del', `${old}/24`, 'dev', device(link, end));
      await ip('-n', namespaceOf(host), 'addr', 'add', `${address(link, end)}/24`, 'dev', device(link, end));
      return address(link, end);
    },
    stop: async () => {
      for (const host of options.hosts) discard(namespaceOf(host));
      removeIfEmpty(ETC_NETNS);
    },
  };

  try {
    for (const host of options.hosts) {
      await ip('netns', 'add', namespaceOf(host));
      await ip('-n', namespaceOf(host), 'link', 'set', 'lo', 'up');
    }
    for (const link of links) {
      const [a, b] = [namespaceOf(link.ends[0]), namespaceOf(link.ends[1])];
      await ip('link', 'add', device(link, 0), 'netns', a, 'type', 'veth', 'peer', 'name', device(link, 1), 'netns', b);
      for (const end of [0, 1] as const) {
        const namespace = end === 0 ? a : b;
        await ip('-n', namespace, 'addr', 'add', `${address(link, end)}/24`, 'dev', device(link, end));
        await ip('-n', namespace, 'link', 'set', device(link, end), 'up');
      }
    }
    for (const host of options.hosts)
      writeHosts({ host, namespace: namespaceOf(host), links, names: options.names?.[host] ?? {}, address });
    return network;
  } catch (error) {
    await network.stop();
    throw error;
  }
}

interface Hosts {
  readonly host: string;
  readonly namespace: string;
  readonly links: readonly Link[];
  readonly names: Readonly<Record<string, string>>;
  readonly address: (link: Link, end: 0 | 1) => string;
}

/** Each host knows itself, its neighbours by name, and what the test adds. */
function writeHosts({ host, namespace, links, names, address }: Hosts): void {
  const lines = ['127.0.0.1 localhost', '::1 localhost ip6-localhost'];
  for (const link of links) {
    const end = link.ends.indexOf(host);
    if (end === -1) continue;
    const other = end === 0 ? 1 : 0;
    lines.push(`${address(link, end === 0 ? 0 : 1)} ${host}`, `${address(link, other)} ${link.ends[other]}`);
  }
  for (const [name, at] of Object.entries(names)) lines.push(`${at} ${name}`);
  mkdirSync(join(ETC_NETNS, namespace), { recursive: true });
  writeFileSync(join(ETC_NETNS, namespace, 'hosts'), `${lines.join('\n')}\n`);
}
