/** Waits until every tunnel is open, or healthy, or until it is plain that one will not be. */
import type { ErrorView, HostView, Snapshot, TunnelView } from '../core/snapshot.ts';
import { isMet, type Condition } from '../runner/met.ts';
import type { RunnerPort } from '../runner/runner-port.ts';
import { NotOpenError, type NotUp } from './tunnels-error.ts';

export interface ReadyOptions {
  /** What to wait for: `healthy` is until each healthcheck has succeeded, and `open` where there is none. Default `open`. */
  readonly condition?: Condition;
  /** Milliseconds until it is given up; default 30 000. */
  readonly timeoutMs?: number;
  /** Gives it up. */
  readonly signal?: AbortSignal;
}

const DEFAULT_LIMIT = 30_000;
/** A probe that succeeds makes no event of its own in every case: looked at again this often. Milliseconds. */
const LOOK_EVERY = 100;
/** setTimeout takes no more than 31 bits. */
const MAX_LIMIT = 2_147_483_647;

/** Rejects with `NotOpenError` as soon as a tunnel has failed for good, or all the hosts it could go by, at the limit, or when the signal is aborted. */
export function ready(runner: RunnerPort, { condition = 'open', timeoutMs = DEFAULT_LIMIT, signal }: ReadyOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const own = new AbortController();
    let again: NodeJS.Timeout | undefined;
    const finish = (why: 'open' | 'failed' | 'timeout' | 'aborted'): void => {
      if (own.signal.aborted) return;
      own.abort();
      unsubscribe();
      clearTimeout(limit);
      clearInterval(again);
      signal?.removeEventListener('abort', onAbort);
      if (why === 'open') resolve();
      else reject(notOpen(runner.snapshot(), { code: why, condition, limitMs: timeoutMs }));
    };
    const onAbort = (): void => finish('aborted');
    /** One that needs the user is not waited for, though others may still come. */
    const look = (): void => {
      if (runner.stuck().length > 0) finish('failed');
    };
    // An event is published in the middle of a round: look when the round is over.
    const unsubscribe = runner.subscribe((event) => {
      if ((event.type === 'tunnel-state' || event.type === 'host-state') && event.to === 'failed') queueMicrotask(look);
    });
    const limit = setTimeout(() => finish('timeout'), Math.min(Math.max(0, timeoutMs), MAX_LIMIT));
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) return onAbort();
    look();
    const lookForAll = (): void => {
      if (runner.snapshot().tunnels.every((tunnel) => isMet(tunnel, condition))) finish('open');
    };
    void runner.settled(own.signal).then((outcome) => {
      if (outcome === 'failed' || (outcome === 'open' && condition === 'open')) finish(outcome);
      else if (outcome === 'open') {
        again = setInterval(lookForAll, LOOK_EVERY);
        lookForAll();
      }
    });
  });
}

interface Why {
  readonly code: 'failed' | 'timeout' | 'aborted';
  readonly condition: Condition;
  readonly limitMs: number;
}

function notOpen(snapshot: Snapshot, { code, condition, limitMs }: Why): NotOpenError {
  const hosts = snapshot.hosts.filter(({ state }) => state !== 'connected' && state !== 'idle');
  const tunnels = snapshot.tunnels.filter((tunnel) => !isMet(tunnel, condition));
  const notUp = [...hosts.map((host) => notUpOf('host', host)), ...tunnels.map((tunnel) => notUpOf('tunnel', tunnel))];
  const when = { failed: '', timeout: ` within ${limitMs / 1000} s`, aborted: ' when it was given up' }[code];
  const which = tunnels.length === 0 ? 'a host is not connected' : `not ${condition}: ${tunnels.map(({ name }) => name).join(', ')}`;
  return new NotOpenError({ code, message: [`${which}${when}`, ...causes(notUp)].join('\n') }, notUp);
}

const notUpOf = (kind: NotUp['kind'], { name, state, error }: HostView | TunnelView): NotUp => ({ kind, name, state, error });

/** Each cause once: a tunnel's is often its host's. */
function causes(notUp: readonly NotUp[]): string[] {
  const told = new Set<string>();
  return notUp.flatMap(({ kind, name, state, error }) => {
    if (error !== null && told.has(error.message)) return [];
    if (error !== null) told.add(error.message);
    if (error === null && kind === 'tunnel' && state !== 'unhealthy') return [];
    return [`  ${kind} ${name} (${state})${error === null ? '' : `: ${errorText(error)}`}`];
  });
}

const errorText = ({ code, message, hint }: ErrorView): string => `${message} [${code}]${hint === null ? '' : ` (${hint})`}`;
