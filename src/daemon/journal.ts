/** What has happened: the last events in memory, for readers now, and on disk, for readers after a restart. */
import type { EventBody, TunnelsEvent } from '../core/event.ts';
import { EventRing } from './event-ring.ts';
import { JournalFile, realDisk, type JournalDisk } from './journal-file.ts';

export interface JournalOptions {
  /** Null: in memory only. */
  readonly folder: string | null;
  readonly disk?: JournalDisk;
  /** Bytes of each of the two files; the memory holds as much as both. Default 1 MiB. */
  readonly maxFileBytes?: number;
  readonly now?: () => number;
  /** The disk cannot be written: said once. It is in the journal too. */
  readonly onWarning?: (warning: Notice) => void;
}

export interface Notice {
  readonly message: string;
  readonly hint: string | null;
}

export class Journal {
  readonly #ring: EventRing;
  readonly #fileIn: (folder: string) => JournalFile;
  #file: JournalFile | null;
  readonly #now: () => number;
  readonly #listeners = new Set<() => void>();
  readonly #onWarning: (warning: Notice) => void;
  #isTold = false;
  /** Resolves when the files before this one are written no more. */
  #left: Promise<void> = Promise.resolve();
  #project = '';

  /** With the events of an earlier process of the same project. */
  static async open(options: JournalOptions): Promise<Journal> {
    const journal = new Journal(options);
    for (const line of (await journal.#file?.earlier()) ?? []) {
      const event = parseEvent(line);
      if (event) journal.#remember(event);
    }
    journal.#file?.skip();
    return journal;
  }

  private constructor({ folder, disk = realDisk, maxFileBytes = 1024 * 1024, now = Date.now, onWarning }: JournalOptions) {
    this.#ring = new EventRing(2 * maxFileBytes);
    this.#now = now;
    this.#fileIn = (place) =>
      new JournalFile({ folder: place, ring: this.#ring, disk, maxBytes: maxFileBytes, onFailure: (code) => this.#onFailure(place, code) });
    this.#onWarning = onWarning ?? (() => undefined);
    this.#file = folder === null ? null : this.#fileIn(folder);
  }

  #onFailure(folder: string, code: string): void {
    if (this.#isTold) return;
    this.#isTold = true;
    const message = `the journal in ${folder} cannot be written (${code}); the tunnels are not affected`;
    const hint = 'logs and events will not outlive this process until there is room or the right to write';
    this.#onWarning({ message, hint });
    this.warn({ message, hint });
  }

  /** From now on in another folder, with all that is remembered; null: in memory only. */
  moveTo(folder: string | null): void {
    // One after another, for it may be the same folder.
    if (this.#file) this.#left = Promise.all([this.#left, this.#file.leave()]).then(() => undefined);
    this.#file = folder === null ? null : this.#fileIn(folder);
    this.#file?.replace(this.#left);
  }

  /** Something about the project that no runner tells. */
  warn(notice: Notice): void {
    this.add(this.#ofProject({ type: 'warning', ...notice }));
  }

  /** The event gets the journal's own number, which goes on where an earlier process ended. */
  add(event: TunnelsEvent): void {
    if (event.subject.kind === 'project') this.#project = event.subject.name;
    this.#remember(event);
    this.#file?.write();
    for (const listener of this.#listeners) listener();
  }

  /** Why the process ends, for the next one to tell: written before this returns. */
  lastWords(message: string): void {
    const hint = 'tunnels up -d brings the project up again';
    this.#remember(this.#ofProject({ type: 'warning', message, hint }));
    this.#file?.writeNow();
  }

  get entries(): Pick<EventRing, 'firstSeq' | 'nextSeq' | 'at'> {
    return this.#ring;
  }

  /** Called after each event, without it: a reader takes it from its place. Returns what ends the subscription. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async flush(): Promise<void> {
    await this.#file?.flush();
  }

  async remove(): Promise<void> {
    await this.#file?.remove();
  }

  #ofProject(body: EventBody): TunnelsEvent {
    return { seq: 0, at: this.#now(), subject: { kind: 'project', name: this.#project }, ...body };
  }

  #remember(event: TunnelsEvent): void {
    const { at, subject, type } = event;
    const name = subject.kind === 'project' ? null : subject.name;
    this.#ring.push(JSON.stringify({ ...event, seq: this.#ring.nextSeq }), { at, name, type });
  }
}

function parseEvent(line: string): TunnelsEvent | null {
  try {
    const value = JSON.parse(line) as Partial<TunnelsEvent> | null;
    const isEvent = typeof value?.at === 'number' && typeof value.type === 'string' && typeof value.subject?.kind === 'string';
    return isEvent && typeof value.subject.name === 'string' ? (value as TunnelsEvent) : null;
  } catch {
    return null;
  }
}
