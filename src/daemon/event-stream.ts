/** Sends the journal to one reader, as fast as that one takes it and no faster. */
import type { ServerResponse } from 'node:http';
import type { RingEntry } from './event-ring.ts';
import type { Journal } from './journal.ts';
import type { StreamQuery } from './protocol.ts';

/** What waits for a reader outside the journal: more is only sent once this has gone. Bytes. */
const MAX_WAITING = 64 * 1024;

export interface StreamOptions extends StreamQuery {
  /** Leaves these out. */
  readonly without: (entry: RingEntry) => boolean;
}

/** Answers with ndjson until the past is sent, or with `follow` until the reader goes. Returns what ends it sooner. */
export function streamEvents(journal: Journal, answer: ServerResponse, options: StreamOptions): () => void {
  const { entries } = journal;
  const names = options.names && options.names.length > 0 ? new Set(options.names) : null;
  const { since = 0, from = 0 } = options;
  const wanted = (entry: RingEntry): boolean =>
    entry.at >= since && entry.seq >= from && (entry.name === null || names === null || names.has(entry.name)) && !options.without(entry);

  let at = options.last === undefined ? entries.firstSeq : placeOfLast(options.last);
  const end = entries.nextSeq;
  let ended = false;

  function placeOfLast(count: number): number {
    let place = entries.nextSeq;
    for (let found = 0; found < count && place > entries.firstSeq; ) {
      place -= 1;
      const entry = entries.at(place);
      if (entry && wanted(entry)) found += 1;
    }
    return place;
  }

  const stop = (): void => {
    ended = true;
    unsubscribe();
  };
  const finish = (): void => {
    if (ended) return;
    stop();
    answer.end();
  };

  const send = (): void => {
    if (ended) return;
    while (answer.writableLength < MAX_WAITING) {
      if (!options.follow && at >= end) return finish();
      if (at < entries.firstSeq) {
        answer.write(`${JSON.stringify({ type: 'dropped', count: entries.firstSeq - at })}\n`);
        at = entries.firstSeq;
      }
      const entry = entries.at(at);
      if (!entry) return;
      at += 1;
      if (wanted(entry)) answer.write(entry.line);
    }
  };

  // Events come in the middle of what the runner does, and in bursts: they are sent after it.
  let scheduled = false;
  const unsubscribe = journal.subscribe(() => {
    if (scheduled) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      send();
    });
  });
  answer.on('drain', send);
  answer.on('close', stop);
  answer.writeHead(200, { 'content-type': 'application/x-ndjson' });
  answer.flushHeaders();
  send();
  return () => {
    send();
    finish();
  };
}
