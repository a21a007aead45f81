/** The built program through many lost connections, and what it keeps of them: heap after a collection, resident memory, descriptors. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startChild } from './child.ts';
import { startFaultProxy } from './fault-proxy.ts';
import { openDescriptors } from './process-figures.ts';
import { createProject, hostEntry, programFile, type PrintedEvent } from './project.ts';
import { at } from './scene.ts';
import { dial, startEcho } from './services.ts';
import { startSshd } from './sshd.ts';
import { until } from './wait.ts';

export interface ReconnectFigures {
  readonly count: number;
  /** Least-squares slopes over the second half, when caches and the journal are full. */
  readonly heapBytesEach: number;
  readonly residentBytesEach: number;
  readonly descriptorsEach: number;
  readonly heapMiB: number;
  readonly residentMiB: number;
  readonly descriptors: number;
  /** Milliseconds from a loss to all being open again, the median. */
  readonly medianMs: number;
}

interface Sample {
  readonly at: number;
  readonly heapUsed: number;
  readonly rss: number;
  readonly fds: number;
}

interface Stage {
  /** Loses the connection to the outer host and waits until everything is back; gives the milliseconds. */
  lose(): Promise<number>;
  /** Connections that are open when it is lost. */
  visit(): Promise<void>;
  sample(at: number): Promise<Sample>;
}

async function setStage(ends: (() => Promise<unknown>)[]): Promise<Stage> {
  const add = async <T extends { stop(): Promise<unknown> }>(starting: Promise<T>): Promise<T> => {
    const thing = await starting;
    ends.push(() => thing.stop());
    return thing;
  };
  const outer = await add(startSshd({ name: 'outer' }));
  const inner = await add(startSshd({ name: 'inner' }));
  const echo = await add(startEcho());
  const proxy = await add(startFaultProxy({ host: outer.address, port: outer.port }));
  const known = join(outer.dir, 'known-proxy');
  writeFileSync(known, outer.knownHostsLine(`[${proxy.host}]:${proxy.port}`));
  const reconnect = { min: '1ms', max: '2ms' };
  const to = (host: string, type = 'local'): Record<string, unknown> => ({ type, host, ingress: 0, egress: at(echo) });
  const project = createProject({
    yaml: {
      hosts: {
        outer: hostEntry(outer, { hostname: proxy.host, port: proxy.port, known_hosts: known, reconnect }),
        inner: hostEntry(inner, { via: 'outer', reconnect }),
      },
      tunnels: {
        near: to('outer'),
        far: { ...to('inner'), healthcheck: { tcp: true, interval: '100ms' } },
        back: to('outer', 'remote'),
        'back-far': to('inner', 'remote'),
        proxy: { type: 'dynamic', host: 'inner', ingress: 0 },
        lazy: { ...to('outer'), start: 'on-demand', idle_timeout: '1s' },
      },
    },
  });
  ends.push(() => project.remove());
  const memory = join(project.dir, '..', 'memory.json');
  let rest = '';
  let told: (event: PrintedEvent) => void = () => undefined;
  const ports = new Map<string, number>();
  const program = startChild(
    process.execPath,
    ['--expose-gc', '--import', join(import.meta.dirname, 'memory-on-signal.mjs'), '--', programFile(), '--progress', 'json', 'up'],
    {
      cwd: project.dir,
      env: { ...project.env, MEMORY_FILE: memory },
      onText: (text, stream) => {
        if (stream !== 'stderr') return;
        const lines = `${rest}${text}`.split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) if (line.startsWith('{')) told(JSON.parse(line) as PrintedEvent);
      },
    },
  );
  ends.push(() => program.stop('SIGTERM', 15_000));
  told = (event) => {
    const port = Number(/:(\d+)$/.exec(event.ingress ?? '')?.[1]);
    if (event.to === 'open' || event.to === 'idle') ports.set(event.subject?.name ?? '', port);
  };
  await until(() => ports.size === 6, { what: 'six tunnels to be open', ms: 30_000, detail: program.stderr });

  /** Until the event that tells that all that fell with the outer host is back. */
  const recovered = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`not back after 20 s\n${program.stderr().slice(-5_000)}`)), 20_000);
      told = (event) => {
        if (event.type !== 'recovered' || event.subject?.name !== 'outer') return;
        clearTimeout(timer);
        resolve();
      };
    });
  const collected = (): { readonly count: number; readonly heapUsed: number; readonly rss: number } | null =>
    existsSync(memory) ? (JSON.parse(readFileSync(memory, 'utf8')) as ReturnType<typeof collected>) : null;

  return {
    lose: async () => {
      const from = performance.now();
      const back = recovered();
      proxy.reset();
      await back;
      return performance.now() - from;
    },
    visit: async () => {
      for (const name of ['near', 'far', 'lazy']) {
        const socket = await dial(ports.get(name) ?? 0);
        socket.on('error', () => undefined).resume();
        socket.write('hello');
        // The reset ends most; one whose end is not told stays no longer than a moment.
        setTimeout(() => socket.destroy(), 2_000).unref();
      }
    },
    sample: async (round) => {
      const before = collected()?.count ?? 0;
      program.process.kill('SIGUSR2');
      await until(() => (collected()?.count ?? 0) > before, { what: 'the program to collect its garbage', ms: 10_000, every: 5 });
      const { heapUsed = 0, rss = 0 } = collected() ?? {};
      return { at: round, heapUsed, rss, fds: openDescriptors(program.pid) };
    },
  };
}

/** Loses the connection to the outer of two hosts `count` times, with connections open, and looks a hundred times at what is kept. */
export async function reconnectMany(count: number): Promise<ReconnectFigures> {
  const ends: (() => Promise<unknown>)[] = [];
  const samples: Sample[] = [];
  const took: number[] = [];
  try {
    const stage = await setStage(ends);
    for (let round = 1; round <= count; round += 1) {
      await stage.visit();
      took.push(await stage.lose());
      if (round % Math.max(1, Math.floor(count / 100)) === 0) samples.push(await stage.sample(round));
    }
  } finally {
    for (const end of ends.reverse()) await end();
  }
  const late = samples.slice(Math.floor(samples.length / 2));
  const last = samples.at(-1) ?? { heapUsed: 0, rss: 0, fds: 0 };
  return {
    count,
    heapBytesEach: slope(late.map((sample) => [sample.at, sample.heapUsed])),
    residentBytesEach: slope(late.map((sample) => [sample.at, sample.rss])),
    descriptorsEach: slope(late.map((sample) => [sample.at, sample.fds])),
    heapMiB: last.heapUsed / 2 ** 20,
    residentMiB: last.rss / 2 ** 20,
    descriptors: last.fds,
    medianMs: took.toSorted((a, b) => a - b)[Math.floor(took.length / 2)] ?? 0,
  };
}

function slope(points: readonly (readonly [number, number])[]): number {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(points.map(([at]) => at)), mean(points.map(([, value]) => value))];
  const over = points.reduce((sum, [at, value]) => sum + (at - x) * (value - y), 0);
  const under = points.reduce((sum, [at]) => sum + (at - x) ** 2, 0);
  return under === 0 ? 0 : over / under;
}
