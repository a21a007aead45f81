/** How a wait is told to end: what every AbortSignal is, and `Stop` for where each connection needs one and an AbortController costs too much. */
export interface StopSignal {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: () => void, options?: { readonly once?: boolean }): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

export class Stop implements StopSignal {
  #aborted = false;
  #listeners: readonly (() => void)[] = NONE;

  get aborted(): boolean {
    return this.#aborted;
  }

  /** Tells each listener once; a second call does nothing. */
  abort(): void {
    if (this.#aborted) return;
    this.#aborted = true;
    const listeners = this.#listeners;
    this.#listeners = NONE;
    for (const listener of listeners) listener();
  }

  addEventListener(_type: 'abort', listener: () => void): void {
    if (!this.#aborted) this.#listeners = [...this.#listeners, listener];
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners =
      this.#listeners.length < 2 && this.#listeners[0] === listener ? NONE : this.#listeners.filter((each) => each !== listener);
  }
}

const NONE: readonly (() => void)[] = [];
