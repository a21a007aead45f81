/** Probes a tunnel while it is open, and only then, and keeps the verdict. */
import type { EventBody } from '../core/event.ts';
import type { Failure } from '../core/failure.ts';
import type { TunnelNode } from '../core/graph.ts';
import type { Verdict } from '../core/health-state.ts';
import type { Clock } from './clock.ts';
import { HealthCheck } from './health-check.ts';
import { probeTunnel, type ProbeWay } from './tunnel-probe.ts';

export interface TunnelHealthDeps {
  readonly clock: Clock;
  /** The way its connections go at the moment. */
  way(): ProbeWay;
  readonly onVerdict: (body: EventBody) => void;
}

export class TunnelHealth {
  readonly #deps: TunnelHealthDeps;
  #check: HealthCheck | null = null;
  /** Of the check before this one. */
  #ending: Promise<void> | null = null;
  #sick: Failure | null = null;

  constructor(deps: TunnelHealthDeps) {
    this.#deps = deps;
  }

  /** `none` without a healthcheck; `starting` until the first verdict after each opening. */
  verdict(node: TunnelNode): 'none' | Verdict {
    if (node.spec.healthcheck === null) return 'none';
    return this.#check?.verdict ?? 'starting';
  }

  /** Why it is unhealthy; null where it is not. */
  failure(node: TunnelNode): Failure | null {
    return this.verdict(node) === 'unhealthy' ? this.#sick : null;
  }

  /** Probes from now on where it is open and is to be checked, else no more. */
  watch(node: TunnelNode, open: boolean): void {
    const check = node.spec.healthcheck;
    const wanted = open && check !== null;
    if (wanted === (this.#check !== null)) return;
    this.stop();
    if (!wanted) return;
    this.#check = new HealthCheck({
      clock: this.#deps.clock,
      check,
      after: this.#ending,
      probe: (signal) => probeTunnel(node, this.#deps.way(), signal),
      onVerdict: (verdict, failure) => {
        this.#sick = verdict === 'unhealthy' ? failure : null;
        this.#deps.onVerdict({ type: 'health', verdict, failure });
      },
      onStillUnhealthy: (failure) => {
        const before = this.#sick;
        this.#sick = failure;
        // What a command says may be other words each time: only another kind of failure is news.
        if (failure.code !== before?.code) this.#deps.onVerdict({ type: 'health', verdict: 'unhealthy', failure });
      },
    });
  }

  /** What it was told is forgotten: its settings may be other ones. */
  stop(): void {
    if (!this.#check) return;
    const ending = this.#check.stop().then(() => {
      if (this.#ending === ending) this.#ending = null;
    });
    this.#ending = ending;
    this.#check = null;
  }

  /** When nothing of a check that was stopped is under way any more. */
  async ended(): Promise<void> {
    await this.#ending;
  }
}
