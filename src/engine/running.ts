/** What runs, as the parts of the engine see it. */
import type { SessionDriver } from './session.ts';
import type { TunnelDriver } from './tunnel.ts';

export interface Running {
  readonly sessions: Map<string, SessionDriver>;
  readonly tunnels: Map<string, TunnelDriver>;
  /** On their way out: removed from the file, not closed yet. */
  readonly leaving: { readonly sessions: Set<SessionDriver>; readonly tunnels: Set<TunnelDriver> };
}
