/** Listeners that are being closed: whoever binds waits for them, since a port may go from one tunnel to another. */
export class PendingCloses {
  readonly #pending = new Set<Promise<void>>();

  /** `close` never rejects and has its own limit (Listener). */
  add(close: Promise<void>): Promise<void> {
    const done = close.finally(() => this.#pending.delete(done));
    this.#pending.add(done);
    return done;
  }

  async settled(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending);
  }
}
