/** The one door every event goes through: it gets its number and its time here. */
import type { EventBody, Subject, TunnelsEvent } from '../core/event.ts';
import type { Clock } from './clock.ts';

export type Publish = (subject: Subject, body: EventBody) => void;

export class EventBus {
  readonly #clock: Clock;
  readonly #listeners = new Set<(event: TunnelsEvent) => void>();
  #seq = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  readonly publish: Publish = (subject, body) => {
    this.#seq += 1;
    const event: TunnelsEvent = { seq: this.#seq, at: this.#clock.now(), subject, ...body };
    for (const listener of this.#listeners) listener(event);
  };

  /** Returns what ends the subscription. Listeners must not throw. */
  subscribe(listener: (event: TunnelsEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}
