/** The way down: the first signal drains, the second closes at once (DESIGN section 3). */
import type { RunnerPort } from '../runner/runner-port.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import type { StopSignal } from './io.ts';
import type { Progress } from './progress/progress.ts';
import { counted, formatLimit } from './render/quantity.ts';

/** Closing at once has a limit too: then the process leaves, and the kernel closes the rest. Milliseconds. */
const CLOSE_LIMIT = 3_000;

export interface Stopping {
  /** A signal, or a Ctrl-C typed at a question. */
  interrupt(signal: StopSignal): void;
  /** Somebody else has closed everything: there is nothing left to do but to leave. */
  leave(): void;
  /** Aborted at the first signal: whatever waits for the project to come up gives up. */
  readonly signal: AbortSignal;
  /** Resolves with the exit code once everything is closed. */
  readonly done: Promise<ExitCode>;
}

export interface StoppingOptions {
  readonly runner: () => RunnerPort | null;
  /** Closes what it runs; default: the runner's own. */
  readonly stop?: (runner: RunnerPort, drainMs: number | null) => Promise<void>;
  readonly progress: Progress;
  /** -t: milliseconds; null is each tunnel's own. */
  readonly drainMs: number | null;
}

const stopRunner: NonNullable<StoppingOptions['stop']> = (runner, drainMs) => runner.stop({ drainMs });

export function stopping({ runner, progress, drainMs, stop = stopRunner }: StoppingOptions): Stopping {
  const abort = new AbortController();
  let resolve: (code: ExitCode) => void = () => undefined;
  const done = new Promise<ExitCode>((settle) => {
    resolve = settle;
  });
  let signals = 0;

  const drain = async (signal: StopSignal): Promise<void> => {
    const running = runner();
    if (running) {
      progress.say(drainText(running, drainMs), 'note');
      await stop(running, drainMs);
    }
    resolve(signal === 'SIGINT' ? EXIT.interrupted : EXIT.done);
  };

  const closeNow = async (): Promise<void> => {
    const limit = new Promise<void>((settle) => setTimeout(settle, CLOSE_LIMIT).unref());
    progress.say('closing at once', 'note');
    const running = runner();
    await Promise.race([running ? stop(running, 0) : undefined, limit]);
    resolve(EXIT.interrupted);
  };

  return {
    signal: abort.signal,
    done,
    leave() {
      abort.abort();
      resolve(EXIT.done);
    },
    interrupt(signal) {
      signals += 1;
      if (signals === 1) {
        abort.abort();
        void drain(signal);
      } else if (signals === 2) void closeNow();
      else resolve(EXIT.interrupted);
    },
  };
}

function drainText(runner: RunnerPort, drainMs: number | null): string {
  const busy = runner.snapshot().tunnels.filter((tunnel) => tunnel.connections > 0);
  const open = runner.openConnections();
  if (open === 0 || drainMs === 0) return 'closing';
  const specs = runner.graph?.project.tunnels;
  const longest = drainMs ?? Math.max(0, ...busy.map((tunnel) => specs?.get(tunnel.name)?.drainMs ?? 0));
  return `draining ${counted(open, 'open connection')}, up to ${formatLimit(longest)}; Ctrl-C again closes at once`;
}
