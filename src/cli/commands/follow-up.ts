/** What a foreground `up` does once it is under way, until it leaves. */
import { retryClass, type FailureCode } from '../../core/failure.ts';
import type { Snapshot } from '../../core/snapshot.ts';
import type { RunnerPort } from '../../runner/runner-port.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import type { Progress } from '../progress/progress.ts';
import { openCount } from '../render/summary.ts';
import type { Stopping } from '../stopping.ts';
import type { UpOptions } from './up-options.ts';

interface Following {
  readonly running: RunnerPort;
  readonly progress: Progress;
  readonly stop: Stopping;
  readonly watch: boolean;
  readonly onUp?: UpOptions['onUp'];
}

/**
 * Stays with what works: as long as one tunnel is open, or can still become so, it runs on, because a reload may mend the
 * others. It leaves with 1 only when every tunnel failed and none can get further by itself.
 */
export async function follow(following: Following): Promise<ExitCode> {
  const { running, progress, stop, watch } = following;
  const outcome = await running.settled(stop.signal);
  if (outcome === 'aborted') {
    await progress.settled(null);
    return stop.done;
  }
  const snapshot = running.snapshot();
  await progress.settled(snapshot);
  const { open, all } = openCount(snapshot);
  if (open === 0 && outcome === 'failed') {
    progress.say(`no tunnel is open: ${why(snapshot)}`, 'error');
    await running.stop({ drainMs: 0 });
    return EXIT.failure;
  }
  if (open < all) progress.say(partly(snapshot, watch), 'error');
  following.onUp?.({ runner: running, stopping: stop });
  return Promise.race([stop.done, lostAll(following)]);
}

/** Later on, too, everything may end up failed. Without the watch nothing can mend that, so it leaves with 1. */
function lostAll({ running, progress, stop, watch }: Following): Promise<ExitCode> {
  return new Promise((resolve) => {
    let looking = false;
    const look = async (): Promise<void> => {
      looking = true;
      const outcome = await running.settled(stop.signal);
      looking = false;
      const snapshot = running.snapshot();
      if (outcome !== 'failed' || openCount(snapshot).open > 0) return;
      const next = watch ? '; fix it and save the file, or press Ctrl-C' : '';
      progress.say(`no tunnel is open any more: ${why(snapshot)}${next}`, 'error');
      if (watch) return;
      unsubscribe();
      await running.stop({ drainMs: 0 });
      resolve(EXIT.failure);
    };
    const unsubscribe = running.subscribe((event) => {
      const isFailed = (event.type === 'tunnel-state' || event.type === 'host-state') && event.to === 'failed';
      if (isFailed && !looking && !stop.signal.aborted) void look();
    });
  });
}

function why(snapshot: Snapshot): string {
  // A tunnel that waits for what has failed is not the cause.
  const causes = snapshot.tunnels.filter((tunnel) => (tunnel.waiting_on ?? []).length === 0);
  const failed = [...snapshot.hosts, ...causes].filter((each) => each.state === 'failed');
  const needsUser = failed.filter((each) => each.error !== null && retryClass(each.error.code as FailureCode) === 'needs-user');
  const names = [...new Set((needsUser.length > 0 ? needsUser : failed).map((each) => each.name))];
  return names.length === 0 ? 'nothing can get further' : `${names.join(', ')} failed, and only you can change that (see above)`;
}

function partly(snapshot: Snapshot, watching: boolean): string {
  const missing = snapshot.tunnels.filter((tunnel) => tunnel.state === 'failed' || tunnel.state === 'waiting').map((tunnel) => tunnel.name);
  const next = watching ? 'fix it and save the file, or press Ctrl-C' : 'press Ctrl-C, fix it and run up again';
  return `${openCount(snapshot).text}; not open: ${missing.join(', ')}; ${next}`;
}
