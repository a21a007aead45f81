/** Whether a tunnel is as far as somebody who uses it waits for. */
import type { TunnelView } from '../core/snapshot.ts';

/** `healthy` is open where there is no healthcheck. */
export type Condition = 'open' | 'healthy';

export function isMet({ state, health }: TunnelView, condition: Condition): boolean {
  // Asleep it takes clients, and is not probed before the first of them wakes it.
  if (state === 'idle') return true;
  if (condition === 'open') return state === 'open' || state === 'unhealthy';
  return state === 'open' && (health === 'none' || health === 'healthy');
}
