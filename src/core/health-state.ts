/** What a row of probes says of a tunnel, as compose reads a healthcheck: `retries` failures in a row make it unhealthy, one success healthy. */
export type Verdict = 'starting' | 'healthy' | 'unhealthy';

export interface HealthState {
  readonly verdict: Verdict;
  /** Failures in a row. */
  readonly failures: number;
}

export const initialHealth: HealthState = { verdict: 'starting', failures: 0 };

export interface ProbeResult {
  readonly ok: boolean;
  /** Less than `start_period` after it opened: failures do not count until it was healthy once. */
  readonly inStartPeriod: boolean;
  /** Failures in a row that make it unhealthy, at least 1. */
  readonly retries: number;
}

export function healthTransition(state: HealthState, { ok, inStartPeriod, retries }: ProbeResult): HealthState {
  if (ok) return { verdict: 'healthy', failures: 0 };
  if (inStartPeriod && state.verdict === 'starting') return state;
  const failures = state.failures + 1;
  return { verdict: failures >= retries ? 'unhealthy' : state.verdict, failures };
}
