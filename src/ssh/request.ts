/** A request to a server: it ends with its answer, with the connection, with a signal, or when its time is up. */
import type { Bag, BagEntry } from '../core/bag.ts';
import { FailureError, type FailureParts } from '../core/failure.ts';
import type { StopSignal } from '../core/stop.ts';

/** How an asynchronous answer is given; false when nobody waits any more. */
export interface Answer<T> {
  succeed(value: T): boolean;
  fail(error: FailureError): boolean;
}

export interface RequestTerms {
  /** The host's name. */
  readonly name: string;
  /** What is waited for, as in `to run a command`. */
  readonly what: () => string;
  readonly timeoutMs: number;
  readonly signal?: StopSignal | undefined;
  /** The failure when the time is up, where it is not a plain `timeout`. */
  readonly timedOut?: FailureParts;
}

/** Those of a connection that wait: who is in it is failed with it. */
export type Requests = Bag<Pick<Answer<never>, 'fail'>>;

interface Settling<T> {
  resolve(value: T): void;
  reject(error: FailureError): void;
}

export class Request<T> implements Answer<T> {
  private readonly terms: RequestTerms;
  private readonly requests: Requests;
  private readonly entry: BagEntry<Pick<Answer<never>, 'fail'>>;
  private readonly timer: NodeJS.Timeout;
  private readonly onAbort: (() => void) | null;
  private readonly settle: Settling<T>;
  private waiting = true;

  /** The promise of the answer to what `start` asks; it is not started where the signal has fired. */
  static make<T>(requests: Requests, terms: RequestTerms, start: (answer: Answer<T>) => void): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const request = new Request(requests, terms, { resolve, reject });
      if (terms.signal?.aborted) request.onStop();
      else start(request);
    });
  }

  private constructor(requests: Requests, terms: RequestTerms, settle: Settling<T>) {
    const { signal } = terms;
    this.requests = requests;
    this.terms = terms;
    this.settle = settle;
    this.entry = requests.add(this);
    this.timer = setTimeout(expire, terms.timeoutMs, this);
    this.onAbort = signal ? () => this.onStop() : null;
    if (this.onAbort) signal?.addEventListener('abort', this.onAbort, { once: true });
  }

  succeed(value: T): boolean {
    if (!this.end()) return false;
    this.settle.resolve(value);
    return true;
  }

  fail(error: FailureError): boolean {
    if (!this.end()) return false;
    this.settle.reject(error);
    return true;
  }

  expire(): void {
    const { name, what, timeoutMs, timedOut } = this.terms;
    const parts = timedOut ?? { code: 'timeout', message: `${name}: the server did not answer ${what()} within ${timeoutMs} ms` };
    this.fail(new FailureError(parts));
  }

  private onStop(): void {
    const { name, what } = this.terms;
    this.fail(new FailureError({ code: 'connection-lost', message: `${name}: gave up waiting ${what()}` }));
  }

  private end(): boolean {
    if (!this.waiting) return false;
    this.waiting = false;
    clearTimeout(this.timer);
    this.requests.delete(this.entry);
    if (this.onAbort) this.terms.signal?.removeEventListener('abort', this.onAbort);
    return true;
  }
}

const expire = (request: { expire(): void }): void => request.expire();
