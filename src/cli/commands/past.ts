/** What `logs` and `events` have in common: the past of a running project, and with -f what happens from then on. */
import type { TunnelsEvent } from '../../core/event.ts';
import type { Snapshot } from '../../core/snapshot.ts';
import type { StreamLine, StreamQuery } from '../../daemon/protocol.ts';
import { EXIT } from '../exit-code.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { leaving } from '../leaving.ts';
import { checkNames, runningProject } from '../running-project.ts';

export interface PastOptions {
  /** Tunnels and hosts; none is all. */
  readonly names: readonly string[];
  readonly follow: boolean;
  /** Only the last so many; null is all. */
  readonly last: number | null;
  /** Milliseconds since the epoch; null is from the beginning. */
  readonly since: number | null;
}

export interface Showing {
  /** Which of the streams. */
  readonly from: 'logs' | 'events';
  /** Gives the lines of an event, for which it may need to know who is there. */
  readonly lines: (snapshot: Snapshot) => (event: TunnelsEvent) => readonly string[];
}

export async function past(
  io: Io,
  globals: GlobalOptions,
  { names, follow, last, since, ...showing }: PastOptions & Showing,
): Promise<number> {
  const client = await runningProject(io, globals);
  const snapshot = await client.snapshot();
  checkNames(snapshot, names, 'tunnels and hosts');
  const lines = showing.lines(snapshot);
  const leave = leaving(io);
  const readerGone = new AbortController();
  const unlisten = io.onReaderGone(() => readerGone.abort());
  const query: StreamQuery = { names, follow, ...(last === null ? {} : { last }), ...(since === null ? {} : { since }) };
  try {
    for await (const line of client[showing.from](query, AbortSignal.any([leave.signal, readerGone.signal]))) show(io, line, lines);
    return leave.signal.aborted ? leave.code() : EXIT.done;
  } finally {
    unlisten();
    leave.unlisten();
  }
}

function show(io: Io, line: StreamLine, lines: (event: TunnelsEvent) => readonly string[]): void {
  if (line.type === 'dropped') io.stderr.write(`tunnels: ${line.count} events are not here any more\n`);
  else {
    const text = lines(line);
    if (text.length > 0) io.stdout.write(`${text.join('\n')}\n`);
  }
}
