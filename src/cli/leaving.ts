/** For commands that look at a project another process runs: a signal ends the command and nothing else. */
import { EXIT } from './exit-code.ts';
import type { Io } from './io.ts';

export interface Leaving {
  /** Aborted by the first signal. */
  readonly signal: AbortSignal;
  /** What the process ends with then: 130 after Ctrl-C, 0 after the others. */
  readonly code: () => number;
  /** As if the signal had come: a Ctrl-C typed at a question. */
  readonly interrupt: () => void;
  readonly unlisten: () => void;
}

export function leaving(io: Pick<Io, 'onSignal'>): Leaving {
  const abort = new AbortController();
  let code: number = EXIT.interrupted;
  const unlisten = io.onSignal((signal) => {
    if (!abort.signal.aborted) code = signal === 'SIGINT' ? EXIT.interrupted : EXIT.done;
    abort.abort();
  });
  return { signal: abort.signal, code: () => code, interrupt: () => abort.abort(), unlisten };
}
