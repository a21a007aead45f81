/**
 * Traffic through real servers while faults come and go by a seed, and what must hold all the while:
 * bytes are exact or there is an error; a tunnel shown as open carries bytes; nothing is left when it is over.
 */
import { writeFileSync } from 'node:fs';
import { tcp } from '../../src/core/address.ts';
import { hostAt, startEngine, type RunningEngine } from './engine-on.ts';
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts';
import { ownListeners } from './leftovers.ts';
import { descriptorNames } from './process-figures.ts';
import { signalAll } from './process-table.ts';
import { type Random, seeded } from './random.ts';
import { bytes, dial, hashOf, type Service, startEcho, startSink, startSource, upload } from './services.ts';
import { project, tunnelSpec } from './spec.ts';
import { type Sshd, startSshd } from './sshd.ts';
import { sleep, until, within } from './wait.ts';

export interface FaultRunOptions {
  readonly seed: number;
  readonly ms: number;
  /** SSH connections to each host; 1. With more of them, single ones are killed as well. */
  readonly connections?: number;
  /** Told of each fault, so that a failing run can be read. */
  readonly log?: (line: string) => void;
}

export interface FaultRunReport {
  readonly seed: number;
  readonly faults: Readonly<Record<string, number>>;
  /** Exchanges that came back exact, and that ended in an error. */
  readonly exact: number;
  readonly errors: number;
  readonly reconnects: number;
  /** What did not hold; empty is what is wanted. */
  readonly violations: readonly string[];
}

const KEEPALIVE = { intervalMs: 200, count: 2 };
/** How long a dead link may be shown as open: the deadline, and what a busy machine adds. */
const BLIND_MS = KEEPALIVE.intervalMs * (KEEPALIVE.count + 1) + 1_500;

export interface Stage {
  readonly running: RunningEngine;
  readonly outer: Sshd;
  readonly inner: Sshd;
  readonly proxy: FaultProxy;
  /** Through the tunnels: `near` by one host, `far` by two, `back` from the host to here. */
  readonly names: readonly string[];
  stop(): Promise<void>;
}

/** Two hosts, one behind the other and behind a proxy that misbehaves, and tunnels of several kinds over them. */
export async function setStage({ reconnect = { minMs: 20, maxMs: 500, attempts: null }, connections = 1 } = {}): Promise<Stage> {
  const ends: (() => Promise<unknown>)[] = [];
  const add = async <T extends { stop(): Promise<unknown> }>(starting: Promise<T>): Promise<T> => {
    const thing = await starting;
    ends.push(() => thing.stop());
    return thing;
  };
  const outer = await add(startSshd({ name: 'outer' }));
  const inner = await add(startSshd({ name: 'inner' }));
  const proxy = await add(startFaultProxy({ host: outer.address, port: outer.port }));
  const [echo, sink, source] = [await add(startEcho()), await add(startSink()), await add(startSource())];
  const known = `${outer.dir}/known-proxy`;
  writeFileSync(known, outer.knownHostsLine(`[${proxy.host}]:${proxy.port}`));
  const common = { keepalive: KEEPALIVE, reconnect, connections, connectTimeoutMs: 3_000 };
  const hosts = [
    hostAt(outer, { name: 'outer', hostname: proxy.host, port: proxy.port, knownHosts: [known], ...common }),
    hostAt(inner, { name: 'inner', via: ['outer'], ...common }),
  ];
  const to = (host: string, service: Service) => ({
    hosts: [host],
    ingress: tcp('localhost', 0),
    egress: tcp('localhost', service.port),
    parkMs: 3_000,
  });
  const tunnels = [
    tunnelSpec('near', to('outer', echo)),
    tunnelSpec('far', to('inner', echo)),
    tunnelSpec('back', { ...to('outer', echo), type: 'remote' }),
    tunnelSpec('up', to('inner', sink)),
    tunnelSpec('down', to('outer', source)),
  ];
  const running = startEngine();
  ends.push(() => running.engine.stop(0));
  running.apply(project(hosts, tunnels));
  await running.open();
  return {
    running,
    outer,
    inner,
    proxy,
    names: ['near', 'far', 'back'],
    stop: async () => {
      proxy.heal();
      for (const sshd of [outer, inner]) sshd.signalSessions('SIGCONT');
      for (const end of ends.reverse()) await end();
    },
  };
}

/** One fault: begins at once, and gives what ends it, or nothing where it is over. */
type Fault = (stage: Stage, random: Random) => void | (() => void | Promise<void>) | Promise<void | (() => Promise<void>)>;

const FAULTS: Readonly<Record<string, Fault>> = {
  reset: ({ proxy }) => void proxy.reset(),
  'outer killed': ({ outer }) => void outer.signalSessions('SIGKILL'),
  'inner killed': ({ inner }) => void inner.signalSessions('SIGKILL'),
  frozen: ({ outer }) => {
    outer.signalSessions('SIGSTOP');
    return () => void outer.signalSessions('SIGCONT');
  },
  'black hole': ({ proxy }, random) => {
    proxy.faults.blackHole = random.pick(['both', 'up', 'down'] as const);
    return () => {
      // What a firewall forgot stays forgotten: the bytes that were dropped are not made up for.
      proxy.reset();
      proxy.faults.blackHole = 'none';
    };
  },
  late: ({ proxy }, random) => {
    proxy.faults.latencyMs = random.between(5, 60);
    return () => void (proxy.faults.latencyMs = 0);
  },
  sliced: ({ proxy }, random) => {
    proxy.faults.sliceBytes = random.between(200, 2_000);
    return () => void (proxy.faults.sliceBytes = Number.POSITIVE_INFINITY);
  },
  'cut at a byte': ({ proxy }, random) => {
    proxy.faults.cutAfterBytes = random.between(1_000, 400_000);
    return () => void (proxy.faults.cutAfterBytes = Number.POSITIVE_INFINITY);
  },
  refused: async ({ proxy }) => {
    await proxy.unlisten();
    return () => proxy.listen();
  },
  'taken and never served': ({ proxy }) => {
    proxy.faults.accept = 'hang';
    proxy.reset();
    return () => {
      proxy.faults.accept = 'yes';
      proxy.reset();
    };
  },
  'reset at once': ({ proxy }) => {
    proxy.faults.accept = 'reset';
    proxy.reset();
    return () => void (proxy.faults.accept = 'yes');
  },
  'woken up': ({ running }) => void running.engine.probe(),
};

/** Where a host has several connections. */
const ONE_OF_SEVERAL: Readonly<Record<string, Fault>> = {
  'one of the outer killed': ({ outer }, random) => killOne(outer, random),
  'one of the inner killed': ({ inner }, random) => killOne(inner, random),
};

function killOne(sshd: Sshd, random: Random): void {
  const sessions = sshd.sessionPids();
  if (sessions.length > 0) signalAll([random.pick(sessions)], 'SIGKILL');
}

class Ledger {
  exact = 0;
  errors = 0;
  readonly violations: string[] = [];

  /** `work` resolves to null where it was exact, to a sentence where it was not, and rejects on an error, which is allowed. */
  async count(work: Promise<string | null>): Promise<boolean> {
    try {
      const wrong = await work;
      if (wrong === null) this.exact += 1;
      else this.violations.push(wrong);
      return true;
    } catch {
      this.errors += 1;
      return false;
    }
  }
}

/** sshd ends what it has accepted for a session that died as if all were well: only there a short answer is an error like others. */
const ENDED_BY_SSHD = 'back';

/**
 * Sends `request` and reads `count` bytes, without ending its own half before. libuv takes bytes and a reset that come together for bytes and
 * an end; but of a connection that was reset the kernel knows no peer any more, and of one that was ended it still does.
 */
async function fetchBytes(target: { readonly name: string; readonly port: number }, request: Buffer, count: number): Promise<Buffer> {
  const socket = await dial(target.port, 3_000);
  const chunks: Buffer[] = [];
  let got = 0;
  try {
    await new Promise<void>((resolve, reject) => {
      socket.setTimeout(15_000, () => reject(new Error('no bytes for 15 s')));
      socket.on('data', (chunk) => {
        chunks.push(chunk);
        got += chunk.length;
        if (got >= count) resolve();
      });
      socket.once('error', reject);
      socket.once('end', () =>
        socket.remoteAddress === undefined || target.name === ENDED_BY_SSHD ? reject(new Error('reset')) : resolve(),
      );
      socket.write(request);
    });
    return Buffer.concat(chunks);
  } finally {
    socket.destroy();
  }
}

async function echoed(name: string, port: number, { size, ms }: { readonly size: number; readonly ms: number }): Promise<string | null> {
  const sent = bytes(size);
  const back = await within(fetchBytes({ name, port }, sent, size), { what: `an echo through ${name}`, ms });
  return back.equals(sent) ? null : `${size} bytes were sent to an echo, and ${back.length} came back, then a clean end`;
}

async function downloaded(name: string, port: number, size: number): Promise<string | null> {
  const got = await fetchBytes({ name, port }, Buffer.from(`${size}\n`), size);
  return got.equals(bytes(size)) ? null : `a download of ${size} bytes ended well after ${got.length}, or with others`;
}

async function uploaded(port: number, size: number): Promise<string | null> {
  const { bytes: count, sha256 } = await upload(port, size, 15_000);
  if (sha256 === '') throw new Error('no answer');
  return count === size && sha256 === hashOf(size) ? null : `of an upload of ${size} bytes the far end took ${count} for all, or others`;
}

/** A tunnel that is shown as open all the time must carry a probe within the time in which a dead link has to be noticed. */
async function probe({ running }: Stage, name: string, ledger: Ledger): Promise<void> {
  const shown = () => running.engine.snapshot().tunnels.find((tunnel) => tunnel.name === name);
  const before = shown();
  if (before?.state !== 'open') return;
  const from = performance.now();
  if (await ledger.count(echoed(name, running.ingressPort(name), { size: 64, ms: BLIND_MS }))) return;
  const took = performance.now() - from;
  // A connection that was reset can be seen to be before its session is.
  await sleep(50);
  const after = shown();
  if (after?.state === 'open' && after.since === before.since && after.restarts === before.restarts && took >= BLIND_MS - 50)
    ledger.violations.push(`${name} was shown as open for ${Math.round(took)} ms while a probe got no answer`);
}

export async function runFaults({ seed, ms, connections = 1, log = () => undefined }: FaultRunOptions): Promise<FaultRunReport> {
  const atFirst = { names: descriptorNames(), listeners: ownListeners().length };
  const stage = await setStage({ connections });
  const possible = connections > 1 ? { ...FAULTS, ...ONE_OF_SEVERAL } : FAULTS;
  const { running, proxy } = stage;
  const random = seeded(seed);
  const ledger = new Ledger();
  const faults: Record<string, number> = {};
  let fault = 'none';
  const listening = ownListeners().length;
  const deadline = performance.now() + ms;
  const going = (): boolean => performance.now() < deadline;

  const worker = async (work: () => Promise<unknown>, pause: number): Promise<void> => {
    while (going()) {
      await work();
      await sleep(pause);
    }
  };
  // Each has chance of its own: the order in which they take turns is not part of the seed.
  const sizes = ['near', 'far', 'back', 'up', 'down'].map((name, index) => ({ name, chance: seeded(seed * 31 + index) }));
  const traffic = sizes.map(({ name, chance }) =>
    worker(() => {
      const size = chance.between(1, chance.next() < 0.2 ? 1_000_000 : 20_000);
      const port = running.ingressPort(name);
      const work =
        name === 'up' ? uploaded(port, size) : name === 'down' ? downloaded(name, port, size) : echoed(name, port, { size, ms: 15_000 });
      return ledger.count(work.then((wrong) => (wrong === null ? null : `${name}: ${wrong}; the fault was ${fault}`)));
    }, 5),
  );
  const probes = stage.names.map((name) => worker(() => probe(stage, name, ledger), 100));
  const trouble = worker(async () => {
    const name = random.pick(Object.keys(possible));
    const lasts = random.between(20, 900);
    faults[name] = (faults[name] ?? 0) + 1;
    fault = name;
    log(`${name} for ${lasts} ms`);
    const end = await possible[name]?.(stage, random);
    await sleep(lasts);
    await end?.();
    fault = `over (${name})`;
    await sleep(random.between(0, 300));
  }, 0);
  await Promise.all([...traffic, ...probes, trouble]);

  proxy.heal();
  for (const sshd of [stage.outer, stage.inner]) sshd.signalSessions('SIGCONT');
  const views = () => running.engine.snapshot();
  const reconnects = views().hosts.reduce((sum, host) => sum + host.restarts, 0);
  const complain = (error: unknown): void => void ledger.violations.push(error instanceof Error ? error.message : String(error));
  await until(() => running.engine.outcome() === 'open', {
    what: 'everything to be open again after the last fault',
    ms: 20_000,
    detail: () => JSON.stringify(views(), null, 1),
  }).catch(complain);
  for (const name of stage.names) {
    const wrong = await echoed(name, running.ingressPort(name), { size: 100_000, ms: 5_000 }).catch(
      (error: unknown) => `${name} at the end: ${String(error)}`,
    );
    if (wrong !== null) ledger.violations.push(wrong);
  }
  if (ownListeners().length !== listening)
    complain(`${ownListeners().length} listeners, and ${listening} at first: ${ownListeners().join(', ')}`);
  await stage.stop();
  await until(() => descriptorNames().length <= atFirst.names.length && ownListeners().length <= atFirst.listeners, {
    what: 'every descriptor to be given back',
    ms: 5_000,
    detail: () => {
      const before = [...atFirst.names];
      const more = descriptorNames().filter((name) => {
        const at = before.indexOf(name);
        if (at >= 0) before.splice(at, 1);
        return at < 0;
      });
      return `${ownListeners().length} listeners, before ${atFirst.listeners}; descriptors that were not there before: ${more.join(', ')}`;
    },
  }).catch(complain);
  return { seed, faults, exact: ledger.exact, errors: ledger.errors, reconnects, violations: ledger.violations };
}
