/** For commands that look at a project another process runs: a signal ends the command and nothing else. */
import { constants } from 'node:os';
import { EXIT } from './exit-code.ts';
import type { Io, StopSignal } from './io.ts';

export interface Leaving {
  /** Aborted by the first signal. */
  readonly signal: AbortSignal;
  /** What the process ends with then, where it only looked on: 130 after Ctrl-C, 0 after the others. */
  readonly code: () => number;
  /** Where something was asked of it that it has not done: 130, 143, 129, as a shell has it. Never 0, for `tunnels wait && deploy`. */
  readonly cutShort: () => number;
  /** As if the signal had come: a Ctrl-C typed at a question. */
  readonly interrupt: () => void;
  readonly unlisten: () => void;
}

export function leaving(io: Pick<Io, 'onSignal'>): Leaving {
  const abort = new AbortController();
  let by: StopSignal = 'SIGINT';
  const unlisten = io.onSignal((signal) => {
    if (!abort.signal.aborted) by = signal;
    abort.abort();
  });
  return {
    signal: abort.signal,
    code: () => (by === 'SIGINT' ? EXIT.interrupted : EXIT.done),
    cutShort: () => 128 + constants.signals[by],
    interrupt: () => abort.abort(),
    unlisten,
  };
}
