/** What `logs` and `events` have in common: the past of a running project, and with -f what happens from then on. */
import type { TunnelsEvent } from '../../core/event.ts';
import type { Snapshot } from '../../core/snapshot.ts';
import type { StreamLine, StreamQuery } from '../../daemon/protocol.ts';
import { EXIT } from '../exit-code.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { leaving } from '../leaving.ts';
import { endedAlone, namesMeant, runningProject } from '../running-project.ts';

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
  readonly lines: (snapshot: Snapshot, names: readonly string[]) => (event: TunnelsEvent) => readonly string[];
}

export async function past(io: Io, globals: GlobalOptions, { follow, last, since, ...showing }: PastOptions & Showing): Promise<number> {
  const client = await runningProject(io, globals);
  const snapshot = await client.snapshot();
  const names = namesMeant(snapshot, showing.names, 'tunnels and hosts');
  const lines = showing.lines(snapshot, names);
  const leave = leaving(io);
  const readerGone = new AbortController();
  const unlisten = io.onReaderGone(() => readerGone.abort());
  const query: StreamQuery = { names, follow, ...(since === null ? {} : { since }) };
  const signal = AbortSignal.any([leave.signal, readerGone.signal]);
  const read: Read = (part) => client[showing.from]({ ...query, ...part }, signal);
  let isOver = !follow;
  try {
    const recent = last === null || last === 0 ? null : await lastShown(read, last, (event) => lines(event).length > 0);
    for (const event of recent?.events ?? []) show(io, event, lines);
    const rest = recent === null ? read(last === null ? {} : { last }) : follow ? read({ last: MEANWHILE }) : [];
    for await (const line of rest) {
      if (recent !== null && line.type !== 'dropped' && line.seq <= recent.seen) continue;
      show(io, line, lines);
      if (line.type === 'stopped') isOver = true;
    }
    if (leave.signal.aborted) return leave.code();
    if (isOver || readerGone.signal.aborted) return EXIT.done;
    io.stderr.write(`tunnels: ${endedAlone(client)}\n`);
    return EXIT.failure;
  } finally {
    unlisten();
    leave.unlisten();
  }
}

type Read = (part: Partial<StreamQuery>) => AsyncIterable<StreamLine>;

/** More than can have happened between one call and the next. */
const MEANWHILE = 1_000;

/** The last `count` of those that are shown, and how far was read for them: how many lie between those only looking tells. */
async function lastShown(
  read: Read,
  count: number,
  isShown: (event: TunnelsEvent) => boolean,
): Promise<{ readonly events: readonly TunnelsEvent[]; readonly seen: number }> {
  for (let asked = count; ; asked *= 4) {
    const all: TunnelsEvent[] = [];
    for await (const line of read({ follow: false, last: asked })) if (line.type !== 'dropped') all.push(line);
    const events = all.filter(isShown);
    if (events.length >= count || all.length < asked) return { events: events.slice(-count), seen: all.at(-1)?.seq ?? 0 };
  }
}

function show(io: Io, line: StreamLine, lines: (event: TunnelsEvent) => readonly string[]): void {
  if (line.type === 'dropped') io.stderr.write(`tunnels: ${line.count} events are not here any more\n`);
  else {
    const text = lines(line);
    if (text.length > 0) io.stdout.write(`${text.join('\n')}\n`);
  }
}
