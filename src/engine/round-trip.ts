/** The round trip time of a connection: measured when it comes up and once more when the work of that is over, and again when somebody looks. */
import type { Connection } from '../ssh/connection.ts';
import type { Clock } from './clock.ts';

const FRESH_MS = 2_000;
/** Beside the work of starting an answer is noticed late. Milliseconds. */
const QUIET_AFTER_MS = 500;
const TIMEOUT_MS = 5_000;

export class RoundTrip {
  readonly #clock: Pick<Clock, 'now' | 'setTimeout' | 'clearTimeout'>;
  #connection: Connection | null = null;
  #ms: number | null = null;
  #askedAt = 0;
  #timer: unknown;

  constructor(clock: Pick<Clock, 'now' | 'setTimeout' | 'clearTimeout'>) {
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
    this.stop();
    void this.#measure(connection);
    this.#timer = this.#clock.setTimeout(() => void this.#measure(connection, true), QUIET_AFTER_MS);
  }

  stop(): void {
    this.#clock.clearTimeout(this.#timer);
  }

  /** Measures again in the background, at most every two seconds. */
  refresh(connection: Connection): void {
    if (connection === this.#connection && this.#clock.now() - this.#askedAt >= FRESH_MS) void this.#measure(connection);
  }

  /** `again`: of one that has just come up, of which what was measured can be too long, but not too short. */
  async #measure(connection: Connection, again = false): Promise<void> {
    this.#askedAt = this.#clock.now();
    const ms = await connection.ping(TIMEOUT_MS).catch(() => null);
    if (ms !== null && connection === this.#connection) this.#ms = again ? Math.min(this.#ms ?? ms, ms) : ms;
  }
}
