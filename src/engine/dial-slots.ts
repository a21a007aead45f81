/** At most so many dials at a time: twenty parallel logins trip sshd's MaxStartups. */
export type Turn = 'first' | 'later';

interface Waiter {
  readonly turn: Turn;
  readonly onTurn: () => void;
}

export class DialSlots {
  readonly #size: number;
  readonly #busy = { first: 0, later: 0 };
  #queue: readonly Waiter[] = [];

  constructor(size: number) {
    this.#size = size;
  }

  /**
   * Resolves to what gives the slot back; rejects with the signal's reason while still queued. `later` waits until no `first` does, and never
   * has more than half of the slots: a server that is slow to answer must not hold up those that were not dialled yet.
   */
  async take(signal: AbortSignal, turn: Turn = 'first'): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#isFree(turn)) this.#busy[turn] += 1;
    else await this.#wait(signal, turn);
    let given = false;
    return () => {
      if (given) return;
      given = true;
      this.#busy[turn] -= 1;
      this.#next('first');
      this.#next('later');
    };
  }

  #isFree(turn: Turn): boolean {
    const { first, later } = this.#busy;
    return first + later < this.#size && (turn === 'first' || later < this.#size / 2);
  }

  #next(turn: Turn): void {
    const next = this.#queue.find((each) => each.turn === turn);
    if (!next || !this.#isFree(turn)) return;
    this.#queue = this.#queue.filter((each) => each !== next);
    this.#busy[turn] += 1;
    next.onTurn();
  }

  #wait(signal: AbortSignal, turn: Turn): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        turn,
        onTurn: () => {
          signal.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      const onAbort = (): void => {
        this.#queue = this.#queue.filter((each) => each !== waiter);
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#queue = [...this.#queue, waiter];
    });
  }
}
