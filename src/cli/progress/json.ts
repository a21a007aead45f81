/** One event a line, as JSON, and nothing else: for programs. */
import type { Progress } from './progress.ts';

/** `now` gives milliseconds since the epoch. */
export function jsonProgress(write: (text: string) => void, now: () => number): Progress {
  let rejectedSeen = false;
  const put = (value: unknown): void => write(`${JSON.stringify(value)}\n`);
  return {
    event(event) {
      if (event.type === 'rejected') rejectedSeen = true;
      put(event);
    },
    begin: () => undefined,
    settled: async () => undefined,
    say: () => undefined,
    // Before there is a runner nobody emits the event, so that a reader would see nothing but an exit code.
    problems(diagnostics) {
      const subject = { kind: 'project', name: '' };
      for (const { severity, message, hint, range } of diagnostics)
        if (severity === 'warning') put({ seq: 0, at: now(), subject, type: 'warning', message, hint, range });
      if (!rejectedSeen && diagnostics.some((each) => each.severity === 'error'))
        put({ seq: 0, at: now(), subject, type: 'rejected', diagnostics });
    },
    suspend: async () => () => undefined,
  };
}
