/** What every measure shares: the one sshd, the processes that serve and load, and the end of it all. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { remove, scratch } from '../test/helpers/scratch.ts';
import { type Sshd, startSshd } from '../test/helpers/sshd.ts';
import { type Calls, startCalls } from './calls.ts';
import type { EndpointCalls } from './endpoint.ts';
import type { Line } from './lane.ts';
import type { LinkCalls, LinkOptions } from './link.ts';
import { sharedClock } from './load.ts';
import { freePorts } from './ports.ts';
import type { SideName } from './row.ts';
import type { Forward, HostSetup, OpenSide, Setup, Side } from './side.ts';

export type Endpoint = Calls<EndpointCalls>;

export interface Ground {
  readonly dir: string;
  readonly sshd: Sshd;
  /** Serves bulk transfers. */
  readonly bulkTarget: Endpoint;
  readonly bulkPort: number;
  /** Serves all else, so that nothing small waits behind a bulk transfer but in what is measured. */
  readonly target: Endpoint;
  readonly targetPort: number;
  readonly bulkClient: Endpoint;
  readonly client: Endpoint;
  /** A line to this port of this machine; each is one of its own. */
  link(options: LinkOptions): Promise<number>;
  hostSetup(port: number): HostSetup;
  /** How to stop each side that runs, for an end before its time. */
  readonly standing: Set<() => Promise<void>>;
  /** The same end for all who ask. */
  close(): Promise<void>;
}

export async function prepareGround(): Promise<Ground> {
  const dir = scratch('bench');
  const sshd = await startSshd({
    name: 'the sshd of the bench',
    // It writes a line a connection otherwise.
    config: { LogLevel: 'ERROR', MaxStartups: '1000', MaxSessions: '1000' },
  });
  const knownHostsFile = join(dir, 'known_hosts');
  writeFileSync(knownHostsFile, sshd.knownHostsLine('bench'));
  const endpoint = (): Endpoint => startCalls<EndpointCalls>('endpoint');
  const [bulkTarget, target, bulkClient, client] = [endpoint(), endpoint(), endpoint(), endpoint()];
  const standing = new Set<() => Promise<void>>();
  let ending: Promise<void> | undefined;
  const end = async (): Promise<void> => {
    await Promise.allSettled([...standing].map((stop) => stop()));
    await Promise.all([...[bulkTarget, target, bulkClient, client].map((each) => each.stop()), links.stop()]);
    await sshd.stop();
    remove(dir);
  };
  const links = startCalls<LinkCalls>('link');
  return {
    dir,
    sshd,
    bulkTarget,
    bulkPort: await bulkTarget.call('serve', ''),
    target,
    targetPort: await target.call('serve', ''),
    bulkClient,
    client,
    link: (options) => links.call('open', options),
    hostSetup: (port) => ({ port, user: sshd.user, identityFile: sshd.userKey.privateKeyFile, knownHostsFile }),
    standing,
    close: () => (ending ??= end()),
  };
}

export interface StandingOptions {
  readonly line?: Line;
  readonly cipher?: string;
  readonly connections?: number;
  readonly hosts?: number;
  /** Ports of targets; a tunnel to each, spread over the hosts. */
  readonly egress: readonly number[];
}

/** A side with its tunnels open. */
export interface Standing {
  readonly name: SideName;
  /** Where the tunnels are entered, in the order of `egress`. */
  readonly ports: readonly number[];
  pids(): readonly number[];
  stop(): Promise<void>;
}

/** No side at all: the load goes to the targets, through the line where there is one. */
export async function standDirect(ground: Ground, { line, egress }: StandingOptions): Promise<Standing> {
  const ports = line === undefined ? egress : await Promise.all(egress.map((to) => ground.link({ ...line, to })));
  return { name: 'direct', ports, pids: () => [], stop: () => Promise.resolve() };
}

export async function prepareSetup(ground: Ground, options: StandingOptions): Promise<Setup> {
  const { sshd } = ground;
  const port = options.line === undefined ? sshd.port : await ground.link({ ...options.line, to: sshd.port });
  const hosts = Array.from({ length: options.hosts ?? 1 }, () => ground.hostSetup(port));
  const ingress = await freePorts(options.egress.length);
  const forwards = options.egress.map((egress, index): Forward => ({ host: index % hosts.length, ingress: ingress[index] ?? 0, egress }));
  return {
    dir: ground.dir,
    hosts,
    forwards,
    ...(options.cipher === undefined ? {} : { cipher: options.cipher }),
    ...(options.connections === undefined ? {} : { connections: options.connections }),
  };
}

const OPEN_MS = 60_000;

/** A side that was just started, and the milliseconds until each of its tunnels had answered. */
export interface Started extends Standing {
  readonly tookMs: number;
}

/** Starts a side and waits until each of its tunnels answers. */
export async function start(ground: Ground, side: Side, setup: Setup): Promise<Started> {
  const ports = setup.forwards.map((each) => each.ingress);
  const from = sharedClock();
  const open: OpenSide = await side.open(setup);
  const stop = async (): Promise<void> => {
    ground.standing.delete(stop);
    await open.stop();
  };
  ground.standing.add(stop);
  try {
    const at = await Promise.race([
      ground.client.call('allAnswer', { ports, ms: OPEN_MS, every: 5 }, OPEN_MS + 5_000),
      open.ended.then(() => {
        throw new Error('it ended');
      }),
    ]);
    return { name: side.name, ports, pids: open.pids, stop, tookMs: at - from };
  } catch (error) {
    const said = open.text();
    await stop();
    throw new Error(`the tunnels of ${side.name} do not answer: ${String(error)}\n${said}`, { cause: error });
  }
}

export const stand = async (ground: Ground, side: Side, options: StandingOptions): Promise<Standing> =>
  start(ground, side, await prepareSetup(ground, options));
