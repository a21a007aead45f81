/** Waits until tunnels are open, or healthy; or until it is plain that they will not be. */
import type { HostView, Snapshot, TunnelView } from '../core/snapshot.ts';
import { isMet } from '../runner/met.ts';
import type { RunnerPort } from '../runner/runner-port.ts';
import type { WaitOutcome, WaitRequest } from './protocol.ts';

/** Health comes from probes, which make no event of their own in every case: it is looked at again this often. Milliseconds. */
const LOOK_EVERY = 250;

interface Standing {
  readonly tunnels: readonly Pick<TunnelView, 'name' | 'state' | 'waiting_on'>[];
  readonly hosts: readonly Pick<HostView, 'name' | 'state' | 'waiting_on'>[];
}

/**
 * Tunnels that the user has stopped, and those that wait for one of them, however far away. A restart passes through `closed` too, but does
 * not stay there.
 */
export function stoppedTunnels({ tunnels, hosts }: Standing): ReadonlySet<string> {
  const stopped = new Set(tunnels.filter(({ state }) => state === 'closed').map(({ name }) => `tunnel ${name}`));
  const waiting = [
    ...hosts.map(({ name, state, waiting_on }) => ({ id: `host ${name}`, on: state === 'waiting' ? waiting_on : [] })),
    ...tunnels.map(({ name, waiting_on }) => ({ id: `tunnel ${name}`, on: waiting_on ?? [] })),
  ];
  for (let before = -1; before < stopped.size; ) {
    before = stopped.size;
    for (const { id, on } of waiting) if (on.some((each) => stopped.has(each))) stopped.add(id);
  }
  return new Set(tunnels.map(({ name }) => name).filter((name) => stopped.has(`tunnel ${name}`)));
}

const asMissing = ({ name, state, error, waiting_on }: TunnelView): WaitOutcome['missing'][number] => ({
  ...{ name, state, error },
  ...(waiting_on ? { waiting_on } : {}),
});

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
      resolve({ outcome, missing: missing.map(asMissing) });
    };
    const look = (): void => {
      const missing = missingOf(runner.snapshot(), request);
      if (missing.length === 0) return finish('met', []);
      const stuck = new Set(runner.stuck());
      // One is enough: whatever becomes of the others, no time will mend that.
      const hopeless = missing.filter(({ name }) => stuck.has(name));
      if (hopeless.length > 0) finish('failed', hopeless);
    };
    let stoppedBefore = false;
    const lookAgain = (): void => {
      look();
      const snapshot = runner.snapshot();
      const names = stoppedTunnels(snapshot);
      const stopped = missingOf(snapshot, request).filter(({ name }) => names.has(name));
      if (stoppedBefore && stopped.length > 0) finish('failed', stopped);
      stoppedBefore = stopped.length > 0;
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
      if (type === 'tunnel-state' || type === 'host-state' || type === 'applied' || type === 'stopped') lookSoon();
    });
    const again = setInterval(lookAgain, LOOK_EVERY);
    const limit = setTimeout(onAbort, request.timeoutMs);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) return onAbort();
    look();
  });
}
