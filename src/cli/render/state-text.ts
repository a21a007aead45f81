/** The present state of a host or a tunnel in a few words: the same in the live view, the log and the summary. */
import type { EventBody } from '../../core/event.ts';
import { failureText } from './failure.ts';
import { fellText } from './fell-text.ts';
import { formatDuration, listed } from './quantity.ts';
import type { Style } from './style.ts';

export type StateEvent = Extract<EventBody, { readonly type: 'host-state' | 'tunnel-state' }>;

/** `host:bastion` or `bastion` → `host bastion`, `bastion`: what is waited for, as a sentence has it. */
export const needText = (need: string): string => need.replace(/^(host|tunnel):/, '$1 ');

const took = (ms: number | null): string => (ms === null ? '' : ` · ${formatDuration(ms)}`);

export function stateText(event: StateEvent, style: Style): string {
  const text = event.type === 'host-state' ? hostText(event, style) : tunnelText(event, style);
  const { cause } = event;
  return cause === undefined || event.waitingOn.includes(cause) ? text : `${text}, ${style('dim', `because of ${cause}`)}`;
}

export function waitingText(waitingOn: readonly string[]): string {
  return waitingOn.length === 0 ? 'waiting' : `waiting for ${listed(waitingOn.map(needText))}`;
}

const why = ({ failure, fell }: StateEvent, style: Style): string => (failure ? `${failureText(failure, style)}${fellText(fell)}` : '');

function hostText(event: Extract<StateEvent, { type: 'host-state' }>, style: Style): string {
  const reason = why(event, style);
  switch (event.to) {
    case 'waiting':
      return waitingText(event.waitingOn);
    case 'idle':
      return 'idle, nobody needs it now';
    case 'connecting':
      return 'connecting';
    case 'connected':
      return style('green', `connected${took(event.tookMs)}`);
    case 'backoff': {
      const next = event.retryInMs === null ? '' : `; next try in ${formatDuration(event.retryInMs)}`;
      return style('yellow', `${reason === '' ? 'not connected' : reason}${next}`);
    }
    case 'failed':
      return style('red', `failed: ${reason === '' ? 'unknown cause' : reason}`);
    case 'closing':
      return 'closing';
    case 'closed':
      return 'closed';
  }
}

function tunnelText(event: Extract<StateEvent, { type: 'tunnel-state' }>, style: Style): string {
  const reason = why(event, style);
  const where = event.ingress === null ? '' : ` ${event.ingress}`;
  switch (event.to) {
    case 'waiting':
      return waitingText(event.waitingOn);
    case 'opening':
      return event.failure ? style('yellow', `${reason}; trying again`) : 'opening';
    case 'open':
      return style('green', `open${where}${took(event.tookMs)}`);
    case 'unhealthy':
      return style('yellow', `unhealthy${reason === '' ? '' : `: ${reason}`}`);
    case 'reconnecting': {
      const missing = event.waitingOn.length === 0 ? '' : `, ${waitingText(event.waitingOn)}`;
      return style('yellow', `reconnecting${missing}${reason === '' ? '' : `: ${reason}`}`);
    }
    case 'idle':
      return style('green', `listening on${where === '' ? ' its ingress' : where}, connects at the first client`);
    case 'failed':
      return style('red', `failed: ${reason === '' ? 'unknown cause' : reason}`);
    case 'closing':
      return 'closing';
    case 'closed':
      return 'closed';
  }
}
