/** One colour a state, wherever it is shown. */
import type { TunnelStateName } from '../../core/tunnel-state.ts';
import type { Colour } from './style.ts';

export function stateColour(state: TunnelStateName): Colour {
  switch (state) {
    case 'open':
    case 'idle':
      return 'green';
    case 'failed':
      return 'red';
    case 'closing':
    case 'closed':
      return 'gray';
    case 'waiting':
    case 'opening':
    case 'unhealthy':
    case 'reconnecting':
      return 'yellow';
  }
}
