/** One event a line, as JSON, and nothing else: for programs. */
import { stripVTControlCharacters } from 'node:util';
import { errorLine } from '../told-error.ts';
import type { Progress } from './progress.ts';

/** `now` gives milliseconds since the epoch. */
export function jsonProgress(write: (text: string) => void, now: () => number): Progress {
  let rejectedSeen = false;
  let rejectedLast = false;
  const put = <T extends { readonly type: string }>(value: T): void => {
    rejectedLast = value.type === 'rejected';
    write(`${JSON.stringify(value)}\n`);
  };
  return {
    event(event) {
      if (event.type === 'rejected') rejectedSeen = true;
      put(event);
    },
    begin: () => undefined,
    settled: async () => undefined,
    say(text, kind) {
      // What was rejected has been told in full.
      if (kind === 'error' && !rejectedLast)
        write(errorLine({ code: 'failed', message: stripVTControlCharacters(text), hint: null }, now()));
    },
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
