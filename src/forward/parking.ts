/** Where the clients of a tunnel wait while there is no connection to serve them over. */
import type { Dial } from './client.ts';

export interface ForwarderClock {
  setTimeout(callback: () => void, ms: number): unknown;
  clearTimeout(timer: unknown): void;
}

/** Why a wait ended without a dial. */
export type ParkingEnd = 'park-timeout' | 'draining';

export class Parking {
  readonly #clock: ForwarderClock;
  readonly #onParked: (() => void) | undefined;
  readonly #waiting = new Set<(outcome: Dial | ParkingEnd) => void>();
  #dial: Dial | null = null;
  #closed = false;

  /** `onParked` is called for each client that has to wait. */
  constructor(clock: ForwarderClock, onParked?: () => void) {
    this.#clock = clock;
    this.#onParked = onParked;
  }

  /** Null while the connection is down. */
  setDial(dial: Dial | null): void {
    this.#dial = dial;
    if (dial) this.#tellAll(dial);
  }

  /** The dial of now, but not `tried`, which is known to be dead; null where there is none. */
  now(tried: Dial | null): Dial | null {
    return this.#dial === tried ? null : this.#dial;
  }

  /** As `now`, or the dial of the next `ms` milliseconds. */
  whenUp(ms: number, tried: Dial | null): Promise<Dial | ParkingEnd> {
    const dial = this.now(tried);
    if (dial) return Promise.resolve(dial);
    if (this.#closed) return Promise.resolve('draining');
    return new Promise((resolve) => {
      const told = (outcome: Dial | ParkingEnd): void => {
        this.#clock.clearTimeout(timer);
        this.#waiting.delete(told);
        resolve(outcome);
      };
      const timer = this.#clock.setTimeout(() => told('park-timeout'), ms);
      this.#waiting.add(told);
      this.#onParked?.();
    });
  }

  /** Sends everybody away, and lets nobody wait any more. */
  close(): void {
    this.#closed = true;
    this.#tellAll('draining');
  }

  #tellAll(outcome: Dial | ParkingEnd): void {
    for (const told of [...this.#waiting]) told(outcome);
  }
}
