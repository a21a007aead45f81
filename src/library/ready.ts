/** Waits until every tunnel is open, or until it is plain that one will not be. */
import type { ErrorView, HostView, Snapshot, TunnelView } from '../core/snapshot.ts';
import type { RunnerPort } from '../runner/runner-port.ts';
import { NotOpenError, type NotUp } from './tunnels-error.ts';

export interface ReadyOptions {
  /** Milliseconds until it is given up; default 30 000. */
  readonly timeoutMs?: number;
  /** Gives it up. */
  readonly signal?: AbortSignal;
}

const DEFAULT_LIMIT = 30_000;
/** setTimeout takes no more than 31 bits. */
const MAX_LIMIT = 2_147_483_647;

/** Rejects with `NotOpenError` as soon as a tunnel or a host has failed for good, at the limit, or when the signal is aborted. */
export function ready(runner: RunnerPort, { timeoutMs = DEFAULT_LIMIT, signal }: ReadyOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const own = new AbortController();
    const finish = (why: 'open' | 'failed' | 'timeout' | 'aborted'): void => {
      if (own.signal.aborted) return;
      own.abort();
      unsubscribe();
      clearTimeout(limit);
      signal?.removeEventListener('abort', onAbort);
      if (why === 'open') resolve();
      else reject(notOpen(runner.snapshot(), { code: why, limitMs: timeoutMs }));
    };
    const onAbort = (): void => finish('aborted');
    /** One that needs the user is not waited for, though others may still come. */
    const look = (): void => {
      const { hosts, tunnels } = runner.snapshot();
      if ([...hosts, ...tunnels].some(({ state }) => state === 'failed')) finish('failed');
    };
    // An event is published in the middle of a round: look when the round is over.
    const unsubscribe = runner.subscribe((event) => {
      if ((event.type === 'tunnel-state' || event.type === 'host-state') && event.to === 'failed') queueMicrotask(look);
    });
    const limit = setTimeout(() => finish('timeout'), Math.min(Math.max(0, timeoutMs), MAX_LIMIT));
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) return onAbort();
    look();
    void runner.settled(own.signal).then((outcome) => {
      if (outcome !== 'aborted') finish(outcome);
    });
  });
}

interface Why {
  readonly code: 'failed' | 'timeout' | 'aborted';
  readonly limitMs: number;
}

function notOpen(snapshot: Snapshot, { code, limitMs }: Why): NotOpenError {
  const hosts = snapshot.hosts.filter(({ state }) => state !== 'connected' && state !== 'idle');
  const tunnels = snapshot.tunnels.filter(({ state }) => state !== 'open' && state !== 'idle');
  const notUp = [...hosts.map((host) => notUpOf('host', host)), ...tunnels.map((tunnel) => notUpOf('tunnel', tunnel))];
  const when = { failed: '', timeout: ` within ${limitMs / 1000} s`, aborted: ' when it was given up' }[code];
  const which = tunnels.length === 0 ? 'a host is not connected' : `not open: ${tunnels.map(({ name }) => name).join(', ')}`;
  return new NotOpenError({ code, message: [`${which}${when}`, ...causes(notUp)].join('\n') }, notUp);
}

const notUpOf = (kind: NotUp['kind'], { name, state, error }: HostView | TunnelView): NotUp => ({ kind, name, state, error });

/** Each cause once: a tunnel's is often its host's. */
function causes(notUp: readonly NotUp[]): string[] {
  const told = new Set<string>();
  return notUp.flatMap(({ kind, name, state, error }) => {
    if (error !== null && told.has(error.message)) return [];
    if (error !== null) told.add(error.message);
    if (error === null && kind === 'tunnel') return [];
    return [`  ${kind} ${name} (${state})${error === null ? '' : `: ${errorText(error)}`}`];
  });
}

const errorText = ({ code, message, hint }: ErrorView): string => `${message} [${code}]${hint === null ? '' : ` (${hint})`}`;
