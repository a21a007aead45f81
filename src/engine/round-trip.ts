/** The round trip time of a connection: measured when it comes up, and again when somebody looks. */
import type { Connection } from '../ssh/connection.ts';
import type { Clock } from './clock.ts';

const FRESH_MS = 2_000;
const TIMEOUT_MS = 5_000;

export class RoundTrip {
  readonly #clock: Pick<Clock, 'now'>;
  #connection: Connection | null = null;
  #ms: number | null = null;
  #askedAt = 0;

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  /** Null until it was measured. */
  of(connection: Connection): number | null {
    return connection === this.#connection ? this.#ms : null;
  }

  /** Measures one that is new. */
  begin(connection: Connection): void {
    if (connection === this.#connection) return;
    this.#connection = connection;
    this.#ms = null;
    void this.#measure(connection);
  }

  /** Measures again in the background, at most every two seconds. */
  refresh(connection: Connection): void {
    if (connection === this.#connection && this.#clock.now() - this.#askedAt >= FRESH_MS) void this.#measure(connection);
  }

  async #measure(connection: Connection): Promise<void> {
    this.#askedAt = this.#clock.now();
    const ms = await connection.ping(TIMEOUT_MS).catch(() => null);
    if (ms !== null && connection === this.#connection) this.#ms = ms;
  }
}
