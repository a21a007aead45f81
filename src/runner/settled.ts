/** Waits until a project is as far up as it gets by itself. */
import type { Engine } from '../engine/engine.ts';

/** Resolves when every tunnel is open (or idle), or none can get further. */
export function untilSettled(engine: Pick<Engine, 'outcome' | 'bus'>, signal: AbortSignal): Promise<'open' | 'failed' | 'aborted'> {
  return new Promise((resolve) => {
    const finish = (outcome: 'open' | 'failed' | 'aborted'): void => {
      unsubscribe();
      signal.removeEventListener('abort', onAbort);
      resolve(outcome);
    };
    const look = (): void => {
      const outcome = engine.outcome();
      if (outcome !== 'pending') finish(outcome);
    };
    const onAbort = (): void => finish('aborted');
    let looking = false;
    // An event is published in the middle of a round: look when the round is over, once for all that came with it.
    const unsubscribe = engine.bus.subscribe((event) => {
      if (looking || (event.type !== 'tunnel-state' && event.type !== 'host-state' && event.type !== 'applied')) return;
      looking = true;
      setImmediate(() => {
        looking = false;
        look();
      });
    });
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    else queueMicrotask(look);
  });
}
