/** Probes an open tunnel at its interval, one probe at a time, and says when the verdict changes. */
import { failure, isFailureError, type Failure } from '../core/failure.ts';
import { healthTransition, initialHealth, type HealthState, type Verdict } from '../core/health-state.ts';
import type { Healthcheck } from '../core/spec.ts';
import type { Clock } from './clock.ts';
import { shownWord } from './command.ts';

export interface HealthCheckOptions {
  readonly clock: Clock;
  readonly check: Healthcheck;
  /** Resolves when the tunnel answers; rejects with a FailureError otherwise. */
  readonly probe: (signal: AbortSignal) => Promise<void>;
  readonly onVerdict: (verdict: Verdict, failure: Failure | null) => void;
  /** Each failed probe of one that is unhealthy already: it may fail for another reason by now. */
  readonly onStillUnhealthy: (failure: Failure) => void;
  /** What must have ended before the first probe: the last one of the check before. */
  readonly after?: Promise<void> | null;
}

export class HealthCheck {
  readonly #options: HealthCheckOptions;
  readonly #startedAt: number;
  #state: HealthState = initialHealth;
  #timer: unknown = null;
  #probing: AbortController | null = null;
  /** Of the probe under way: a command that is being ended may take a moment. */
  #ended: Promise<void> = Promise.resolve();
  #stopped = false;

  /** Begins at once, or `after`. */
  constructor(options: HealthCheckOptions) {
    this.#options = options;
    this.#startedAt = options.clock.now();
    if (options.after) void options.after.then(() => this.#round());
    else void this.#round();
  }

  get verdict(): Verdict {
    return this.#state.verdict;
  }

  /** Resolves when nothing of it is under way any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#options.clock.clearTimeout(this.#timer);
    this.#probing?.abort();
    this.#probing = null;
    await this.#options.after;
    await this.#ended;
  }

  async #round(): Promise<void> {
    if (this.#stopped) return;
    const { clock, check } = this.#options;
    const probing = new AbortController();
    this.#probing = probing;
    const problem = await this.#probeWithin(probing);
    if (this.#probing !== probing) return;
    const inStartPeriod = clock.now() - this.#startedAt < check.startPeriodMs;
    const before = this.#state.verdict;
    this.#state = healthTransition(this.#state, { ok: problem === null, inStartPeriod, retries: check.retries });
    this.#timer = clock.setTimeout(() => void this.#ended.then(() => this.#round()), check.intervalMs);
    if (this.#state.verdict !== before) this.#options.onVerdict(this.#state.verdict, problem);
    else if (before === 'unhealthy' && problem !== null) this.#options.onStillUnhealthy(problem);
  }

  /** Null when it answered in time. */
  async #probeWithin(probing: AbortController): Promise<Failure | null> {
    const { clock, check, probe } = this.#options;
    let timer: unknown;
    const late = new Promise<Failure>((resolve) => {
      timer = clock.setTimeout(() => {
        resolve(tooLate(check));
        probing.abort();
      }, check.timeoutMs);
    });
    const answer = probe(probing.signal).then(
      () => null,
      (error: unknown) => (isFailureError(error) ? error.failure : failure({ code: 'target-unreachable', message: String(error) })),
    );
    this.#ended = answer.then(() => undefined);
    const result = await Promise.race([answer, late]);
    clock.clearTimeout(timer);
    return result;
  }
}

function tooLate({ probe, timeoutMs }: Healthcheck): Failure {
  if (probe.kind !== 'command') {
    const hint = 'does the service behind the tunnel hang? if it needs longer, raise timeout';
    return failure({ code: 'timeout', message: `the healthcheck got no answer within ${timeoutMs} ms`, hint });
  }
  const program = shownWord(probe.command.argv[0] ?? '');
  const hint = 'it was ended; if it needs longer, raise timeout';
  return failure({ code: 'timeout', message: `the healthcheck ${program} was not done within ${timeoutMs} ms`, hint });
}
