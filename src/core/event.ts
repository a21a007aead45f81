/** Everything that happens, as one union: the log, `--progress json`, the event stream and the tests all read it. */
import type { Diagnostic } from './diagnostic.ts';
import type { Failure } from './failure.ts';
import type { SessionStateName } from './session-state.ts';
import type { TunnelStateName } from './tunnel-state.ts';

export interface Subject {
  readonly kind: 'project' | 'host' | 'tunnel';
  readonly name: string;
}

/**
 * A chain that falls together is told once: by the one that fell by itself. Those that fell with it refer to it.
 * Both name nodes as `waitingOn` does: `host bastion`, `tunnel git`.
 */
interface Fall {
  /** With whom it fell, and whom it waits for since: that one's event has the failure, and this one has none. */
  readonly cause?: string;
  /** What went down with it, by as many steps as it takes. */
  readonly fell?: readonly string[];
}

interface Base {
  /** 1, 2, 3 … within one runner. */
  readonly seq: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly subject: Subject;
}

export type EventBody =
  | (Fall & {
      readonly type: 'host-state';
      readonly from: SessionStateName;
      readonly to: SessionStateName;
      /** What is missing, while `waiting`. */
      readonly waitingOn: readonly string[];
      readonly failure: Failure | null;
      /** Milliseconds until the next try, while in `backoff`. */
      readonly retryInMs: number | null;
      /** Milliseconds the way from the first dial took, on `connected`. */
      readonly tookMs: number | null;
    })
  | (Fall & {
      readonly type: 'tunnel-state';
      readonly from: TunnelStateName;
      readonly to: TunnelStateName;
      readonly waitingOn: readonly string[];
      readonly failure: Failure | null;
      /** The bound ingress, once it is bound. */
      readonly ingress: string | null;
      readonly tookMs: number | null;
    })
  /** All that fell with it and did not fail by itself is up again; `tookMs` since it fell. */
  | { readonly type: 'recovered'; readonly back: readonly string[]; readonly tookMs: number }
  | { readonly type: 'health'; readonly verdict: 'starting' | 'healthy' | 'unhealthy'; readonly failure: Failure | null }
  | { readonly type: 'connection-opened'; readonly from: string; readonly target: string }
  | {
      readonly type: 'connection-closed';
      readonly from: string;
      readonly target: string;
      readonly rxBytes: number;
      readonly txBytes: number;
    }
  | { readonly type: 'connection-failed'; readonly from: string; readonly target: string; readonly failure: Failure }
  | { readonly type: 'connection-refused'; readonly from: string; readonly why: 'allow' | 'max-connections' | 'park-timeout' | 'draining' }
  /** The tunnel goes by another of its hosts. */
  | { readonly type: 'failover'; readonly from: string; readonly to: string }
  | { readonly type: 'retargeted'; readonly egress: string }
  | { readonly type: 'applied'; readonly plan: string; readonly changes: number }
  | { readonly type: 'rejected'; readonly diagnostics: readonly Diagnostic[] }
  | { readonly type: 'banner'; readonly text: string }
  | { readonly type: 'host-key'; readonly fingerprint: string; readonly trusted: string }
  | { readonly type: 'warning'; readonly message: string; readonly hint: string | null }
  /** Level 1 to 3 are ssh's -v, -vv, -vvv. */
  | { readonly type: 'debug'; readonly level: 1 | 2 | 3; readonly message: string }
  | { readonly type: 'stopping'; readonly openConnections: number }
  | { readonly type: 'stopped' };

export type TunnelsEvent = Base & EventBody;
