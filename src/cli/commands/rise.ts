/** Shows a project come up that another process runs, until there is something to tell of it. */
import { hostNode, tunnelNode, type Graph } from '../../core/graph.ts';
import type { Snapshot, TunnelView } from '../../core/snapshot.ts';
import type { DaemonClient } from '../../daemon/client.ts';
import { isMet, type Condition } from '../../runner/met.ts';
import type { Progress } from '../progress/progress.ts';

export interface Rising {
  readonly client: DaemonClient;
  readonly progress: Progress;
  readonly names: readonly string[];
  /** The number of the first event that belongs to it. */
  readonly from: number;
  /** Milliseconds to wait for all to be open (or healthy); null only waits until every first try is over. */
  readonly waitMs: number | null;
  /** Whether anything is new, so that there is something to draw. */
  readonly isDrawn: boolean;
  /** Whether plans go to `progress` too: people are told of them by the command itself. */
  readonly withPlans: boolean;
  readonly isAsking: () => boolean;
  readonly signal: AbortSignal;
}

export interface Risen {
  readonly snapshot: Snapshot;
  /** `tried`: every first try is over. `trying`: not yet, after the longest wait for that. */
  readonly outcome: 'met' | 'failed' | 'timeout' | 'tried' | 'trying';
  /** The messages of the failures that were shown on the way. */
  readonly told: ReadonlySet<string>;
}

/** Milliseconds for first tries, without the time a question is open: then the command leaves, and they go on. */
const TRY_LIMIT = 30_000;
const LOOK_EVERY = 50;
/** Milliseconds for what is shown to catch up with what is. */
const CATCH_UP_LIMIT = 5_000;

/** Rejects when the project ends meanwhile, or the signal says so. */
export async function rise(rising: Rising): Promise<Risen> {
  const { client, progress, names, waitMs, signal } = rising;
  const [graph, before] = await Promise.all([client.graph(), client.snapshot()]);
  const pending = graph && rising.isDrawn ? pendingPart(graph, before) : null;
  if (pending) progress.begin(pending);
  const feed = startFeed(rising);
  try {
    const outcome = await (waitMs === null
      ? firstTries({ ...rising, names: [] })
      : client.wait({ names, condition: 'healthy', timeoutMs: waitMs }, { signal }).then((waited) => waited.outcome));
    await feed.catchUp();
    return { outcome, snapshot: await client.snapshot(), told: feed.told };
  } finally {
    await feed.stop();
  }
}

interface Feed {
  readonly told: ReadonlySet<string>;
  /** What has happened so far has been shown. */
  readonly catchUp: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** The events, as they come. */
function startFeed({ client, progress, from, withPlans, signal }: Rising): Feed {
  const own = new AbortController();
  const told = new Set<string>();
  let seen = 0;
  let isOver = false;
  const reading = (async () => {
    for await (const line of client.events({ from, follow: true }, AbortSignal.any([own.signal, signal]))) {
      if (line.type === 'dropped') continue;
      seen = line.seq;
      if ((line.type === 'tunnel-state' || line.type === 'host-state') && line.failure) told.add(line.failure.message);
      if (withPlans || (line.type !== 'applied' && line.type !== 'rejected')) progress.event(line);
    }
  })()
    .catch(() => undefined)
    .finally(() => {
      isOver = true;
    });
  return {
    told,
    async catchUp() {
      let last = 0;
      for await (const line of client.events({ last: 1, from })) if (line.type !== 'dropped') last = line.seq;
      const deadline = performance.now() + CATCH_UP_LIMIT;
      while (seen < last && !isOver && performance.now() < deadline) await pause(5);
    },
    async stop() {
      own.abort();
      await reading;
    },
  };
}

interface Tries {
  readonly client: DaemonClient;
  /** None is all. */
  readonly names: readonly string[];
  readonly isAsking: () => boolean;
  readonly signal: AbortSignal;
}

/** Resolves when each has been tried once, and is open or not. */
export async function firstTries({ client, names, isAsking, signal }: Tries): Promise<'met' | 'tried' | 'trying'> {
  for (let left = TRY_LIMIT; left > 0; ) {
    const snapshot = await client.snapshot();
    // First: a Ctrl-C at a question is also what makes the first try fail.
    signal.throwIfAborted();
    const asked = names.length === 0 ? snapshot.tunnels : snapshot.tunnels.filter(({ name }) => names.includes(name));
    if (asked.every((tunnel) => isMet(tunnel, 'open'))) return 'met';
    if (!isTrying({ ...snapshot, tunnels: asked })) return 'tried';
    await pause(LOOK_EVERY);
    if (!isAsking()) left -= LOOK_EVERY;
  }
  return 'trying';
}

/** Something is being tried whose first try has not failed yet. */
function isTrying({ hosts, tunnels }: Snapshot): boolean {
  return (
    hosts.some((host) => host.state === 'connecting' && host.error === null) ||
    tunnels.some((tunnel) => tunnel.state === 'opening' && tunnel.error === null)
  );
}

export const isHopeless = ({ hosts, tunnels }: Snapshot): boolean =>
  tunnels.every((tunnel) => tunnel.state === 'failed' || tunnel.state === 'waiting') &&
  !hosts.some((host) => host.state === 'connecting' || host.state === 'backoff');

const without =
  (condition: Condition) =>
  ({ tunnels }: Snapshot, names: readonly string[] = []): TunnelView[] =>
    tunnels.filter((tunnel) => (names.length === 0 || names.includes(tunnel.name)) && !isMet(tunnel, condition));

export const notUpYet = without('healthy');
export const notOpenYet = without('open');

/** What is not up yet: the rest has nothing to show. Null where all is up. */
function pendingPart(graph: Graph, { hosts, tunnels }: Snapshot): Graph | null {
  const done = new Set<string>([
    ...hosts.filter((host) => host.state === 'connected').map((host) => hostNode(host.name)),
    ...tunnels.filter((tunnel) => isMet(tunnel, 'open')).map((tunnel) => tunnelNode(tunnel.name)),
  ]);
  const left = <T>(all: ReadonlyMap<string, T>, node: (name: string) => string): Map<string, T> =>
    new Map([...all].filter(([name]) => !done.has(node(name))));
  const part = {
    ...graph,
    sessions: left(graph.sessions, hostNode),
    tunnels: left(graph.tunnels, tunnelNode),
    edges: graph.edges.filter((edge) => !done.has(edge.from) && !done.has(edge.to)),
  };
  return part.sessions.size + part.tunnels.size === 0 ? null : part;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
