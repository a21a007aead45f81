/** Whether somebody needs an on-demand tunnel's hosts: from the first client on, until nobody has used it for `idle_timeout`. */
import type { Clock } from './clock.ts';

export interface DemandOptions {
  readonly clock: Clock;
  /** Is a client there, served or waiting? */
  readonly busy: () => boolean;
  readonly onChange: () => void;
}

export class Demand {
  readonly #options: DemandOptions;
  #timer: unknown = null;
  #awake = false;

  constructor(options: DemandOptions) {
    this.#options = options;
  }

  get awake(): boolean {
    return this.#awake;
  }

  wake(): void {
    if (this.#awake) return;
    this.#awake = true;
    this.#options.onChange();
  }

  /** Measures the time without a client from now on. */
  restart(idleMs: number): void {
    this.stop();
    if (!this.#awake) return;
    this.#timer = this.#options.clock.setTimeout(() => {
      if (this.#options.busy()) return this.restart(idleMs);
      this.#awake = false;
      this.#options.onChange();
    }, idleMs);
  }

  stop(): void {
    this.#options.clock.clearTimeout(this.#timer);
    this.#timer = null;
  }
}
