/** Probes an open tunnel at its interval and says when the verdict changes. */
import { failure, isFailureError, type Failure } from '../core/failure.ts';
import { healthTransition, initialHealth, type HealthState, type Verdict } from '../core/health-state.ts';
import type { Healthcheck } from '../core/spec.ts';
import type { Clock } from './clock.ts';

export interface HealthCheckOptions {
  readonly clock: Clock;
  readonly check: Healthcheck;
  /** Resolves when the tunnel answers; rejects with a FailureError otherwise. */
  readonly probe: (signal: AbortSignal) => Promise<void>;
  readonly onVerdict: (verdict: Verdict, failure: Failure | null) => void;
}

export class HealthCheck {
  readonly #options: HealthCheckOptions;
  readonly #startedAt: number;
  #state: HealthState = initialHealth;
  #timer: unknown = null;
  #probing: AbortController | null = null;

  /** Begins at once. */
  constructor(options: HealthCheckOptions) {
    this.#options = options;
    this.#startedAt = options.clock.now();
    void this.#round();
  }

  get verdict(): Verdict {
    return this.#state.verdict;
  }

  stop(): void {
    this.#options.clock.clearTimeout(this.#timer);
    this.#probing?.abort();
    this.#probing = null;
  }

  async #round(): Promise<void> {
    const { clock, check } = this.#options;
    const probing = new AbortController();
    this.#probing = probing;
    const problem = await this.#probeWithin(probing);
    if (this.#probing !== probing) return;
    const inStartPeriod = clock.now() - this.#startedAt < check.startPeriodMs;
    const before = this.#state.verdict;
    this.#state = healthTransition(this.#state, { ok: problem === null, inStartPeriod, retries: check.retries });
    this.#timer = clock.setTimeout(() => void this.#round(), check.intervalMs);
    if (this.#state.verdict !== before) this.#options.onVerdict(this.#state.verdict, problem);
  }

  /** Null when it answered in time. */
  async #probeWithin(probing: AbortController): Promise<Failure | null> {
    const { clock, check, probe } = this.#options;
    let timer: unknown;
    const late = new Promise<Failure>((resolve) => {
      timer = clock.setTimeout(() => {
        resolve(failure({ code: 'timeout', message: `the healthcheck got no answer within ${check.timeoutMs} ms` }));
        probing.abort();
      }, check.timeoutMs);
    });
    const answer = probe(probing.signal).then(
      () => null,
      (error: unknown) => (isFailureError(error) ? error.failure : failure({ code: 'target-unreachable', message: String(error) })),
    );
    const result = await Promise.race([answer, late]);
    clock.clearTimeout(timer);
    return result;
  }
}
