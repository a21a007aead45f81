/** Waits until tunnels are open, or healthy; or until it is plain that they will not be. */
import type { Snapshot, TunnelView } from '../core/snapshot.ts';
import type { RunnerPort } from '../runner/runner-port.ts';
import type { WaitOutcome, WaitRequest } from './protocol.ts';

type Condition = WaitRequest['condition'];

/** Health comes from probes, which make no event of their own in every case: it is looked at again this often. Milliseconds. */
const LOOK_EVERY = 250;

export function isMet(tunnel: TunnelView, condition: Condition): boolean {
  // Asleep it takes clients, and is not probed before the first of them wakes it.
  if (tunnel.state === 'idle') return true;
  const isOpen = tunnel.state === 'open' || (tunnel.state === 'unhealthy' && condition === 'open');
  return isOpen && (condition === 'open' || tunnel.health === 'none' || tunnel.health === 'healthy');
}

/** It needs the user: no time will mend it. */
const isFailed = ({ state }: TunnelView): boolean => state === 'failed';
/** Stopped by the user, and nobody is about to start it again: a restart passes through `closed` too, but does not stay there. */
const isStopped = ({ state }: TunnelView): boolean => state === 'closed';

function missingOf(snapshot: Snapshot, { names, condition }: Required<WaitRequest>): TunnelView[] {
  const asked = names.length === 0 ? snapshot.tunnels : snapshot.tunnels.filter((tunnel) => names.includes(tunnel.name));
  return asked.filter((tunnel) => !isMet(tunnel, condition));
}

/** The names are known to exist. Resolves `timeout` also when the caller has gone. */
export function waitFor(runner: RunnerPort, request: Required<WaitRequest>, signal: AbortSignal): Promise<WaitOutcome> {
  return new Promise((resolve) => {
    const own = new AbortController();
    const finish = (outcome: WaitOutcome['outcome'], missing: readonly TunnelView[]): void => {
      if (own.signal.aborted) return;
      own.abort();
      unsubscribe();
      clearInterval(again);
      clearTimeout(limit);
      signal.removeEventListener('abort', onAbort);
      resolve({ outcome, missing: missing.map(({ name, state, error }) => ({ name, state, error })) });
    };
    const look = (): void => {
      const missing = missingOf(runner.snapshot(), request);
      if (missing.length === 0) finish('met', []);
      else if (missing.some(isFailed)) finish('failed', missing);
    };
    let stoppedBefore = false;
    const lookAgain = (): void => {
      look();
      const missing = missingOf(runner.snapshot(), request);
      if (stoppedBefore && missing.some(isStopped)) finish('failed', missing);
      stoppedBefore = missing.some(isStopped);
      void askWhetherSettled();
    };
    // What waits for a host that has failed never becomes `failed` itself.
    let isAsking = false;
    const askWhetherSettled = async (): Promise<void> => {
      if (isAsking) return;
      isAsking = true;
      const outcome = await runner.settled(own.signal);
      isAsking = false;
      const missing = missingOf(runner.snapshot(), request);
      if (outcome === 'failed' && missing.some(({ state }) => state === 'waiting')) finish('failed', missing);
    };
    const onAbort = (): void => finish('timeout', missingOf(runner.snapshot(), request));
    // An event is published in the middle of a round, and a thousand tunnels publish thousands: one look for all that are waiting.
    let isDue = false;
    const lookSoon = (): void => {
      if (isDue) return;
      isDue = true;
      setImmediate(() => {
        isDue = false;
        if (!own.signal.aborted) look();
      });
    };
    const unsubscribe = runner.subscribe(({ type }) => {
      if (type === 'tunnel-state' || type === 'applied' || type === 'stopped') lookSoon();
    });
    const again = setInterval(lookAgain, LOOK_EVERY);
    const limit = setTimeout(onAbort, request.timeoutMs);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) return onAbort();
    look();
    void askWhetherSettled();
  });
}
