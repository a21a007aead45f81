/**
 * The life of one SSH connection, as values.
 *
 *             needs met           connected
 *   waiting ────────────▶ connecting ───────▶ connected
 *      ▲  ◀──────────────   │  ▲                │ lost
 *      │   need missing     │  │ retry-due      ▼
 *      │            failed  └──┼────────────▶ backoff ◀─┐
 *      └────────── need missing┴───────────────┘        │
 *   idle: nobody wants it (on-demand) · failed: the user must act (kick or a changed spec tries again) · stop from anywhere: closing ─▶ closed
 */
import type { Failure } from './failure.ts';
import { retryClass } from './failure.ts';
import { unreachable } from './result.ts';

export type SessionState =
  | { readonly name: 'waiting'; readonly on: readonly string[]; readonly attempt: number; readonly failure: Failure | null }
  /** No tunnel wants it now: those that would are on-demand and asleep, or stopped. */
  | { readonly name: 'idle' }
  | { readonly name: 'connecting'; readonly attempt: number }
  | { readonly name: 'connected' }
  | { readonly name: 'backoff'; readonly attempt: number; readonly failure: Failure | null }
  | { readonly name: 'failed'; readonly failure: Failure }
  | { readonly name: 'closing' }
  | { readonly name: 'closed' };

export type SessionStateName = SessionState['name'];

export type SessionInput =
  /** What is missing of what the session needs: the hop before it, the tunnel its address is the ingress of. */
  | { readonly type: 'needs'; readonly missing: readonly string[]; readonly wanted: boolean }
  | { readonly type: 'connected' }
  /** `attempts`: how often in a row it is tried again, null for any number. */
  | { readonly type: 'connect-failed'; readonly failure: Failure; readonly attempts: number | null }
  /** The live connection went. `failure` is null where the cause is another one's (the jump host's). */
  | { readonly type: 'lost'; readonly failure: Failure | null; readonly missing: readonly string[] }
  | { readonly type: 'retry-due' }
  /** The spec changed so that the live connection no longer fits: a new one is dialled, the old one retires. */
  | { readonly type: 'reopen'; readonly missing: readonly string[] }
  /** Try again now: after a reload, a clock jump, a change of network. */
  | { readonly type: 'kick'; readonly missing: readonly string[] }
  | { readonly type: 'stop' }
  | { readonly type: 'ended' };

export type SessionCommand =
  | { readonly do: 'dial'; readonly attempt: number }
  | { readonly do: 'abort-dial' }
  | { readonly do: 'schedule-retry'; readonly attempt: number; readonly floorMs: number }
  | { readonly do: 'cancel-retry' }
  /** Let the live connection end once its channels have, or after the drain. */
  | { readonly do: 'retire' }
  | { readonly do: 'hang-up' };

export interface SessionStep {
  readonly state: SessionState;
  readonly commands: readonly SessionCommand[];
}

export const initialSession: SessionState = { name: 'waiting', on: [], attempt: 0, failure: null };

const stay = (state: SessionState): SessionStep => ({ state, commands: [] });
const dial = (attempt: number): SessionStep => ({ state: { name: 'connecting', attempt }, commands: [{ do: 'dial', attempt }] });

function retry(attempt: number, failure: Failure | null): SessionStep {
  const floorMs = failure?.retryAfterMs ?? 0;
  return { state: { name: 'backoff', attempt, failure }, commands: [{ do: 'schedule-retry', attempt, floorMs }] };
}

export function sessionTransition(state: SessionState, input: SessionInput): SessionStep {
  if (state.name === 'closed') return stay(state);
  if (state.name === 'closing') return input.type === 'ended' ? stay({ name: 'closed' }) : stay(state);
  switch (input.type) {
    case 'needs':
      return input.wanted ? onNeeds(state, input.missing) : onUnwanted(state);
    case 'connected':
      return state.name === 'connecting' ? stay({ name: 'connected' }) : stay(state);
    case 'connect-failed':
      return state.name === 'connecting' ? onFailure(state.attempt, input.failure, input.attempts) : stay(state);
    case 'lost':
      if (state.name !== 'connected') return stay(state);
      if (input.missing.length > 0) return stay({ name: 'waiting', on: input.missing, attempt: 0, failure: input.failure });
      return retry(1, input.failure);
    case 'retry-due':
      return state.name === 'backoff' ? dial(state.attempt) : stay(state);
    case 'reopen':
      return onReopen(state, input.missing);
    case 'kick':
      return onKick(state, input.missing);
    case 'stop':
      return onStop(state);
    case 'ended':
      return stay(state);
    default:
      return unreachable(input);
  }
}

/** What ends that a state has under way; a live connection may still let its channels finish. */
const LEAVE = { waiting: [], idle: [], failed: [], backoff: ['cancel-retry'], connecting: ['abort-dial'], connected: ['retire'] } as const;

const leaving = (state: keyof typeof LEAVE): readonly SessionCommand[] => LEAVE[state].map((command) => ({ do: command }));

function onUnwanted(state: Exclude<SessionState, { name: 'closing' | 'closed' }>): SessionStep {
  if (state.name === 'failed') return stay(state);
  return { state: { name: 'idle' }, commands: leaving(state.name) };
}

function onNeeds(state: Exclude<SessionState, { name: 'closing' | 'closed' }>, missing: readonly string[]): SessionStep {
  switch (state.name) {
    case 'idle':
      return missing.length === 0 ? dial(0) : stay({ name: 'waiting', on: missing, attempt: 0, failure: null });
    case 'waiting':
      return missing.length === 0 ? dial(state.attempt) : stay({ ...state, on: missing });
    case 'connecting':
      if (missing.length === 0) return stay(state);
      return { state: { name: 'waiting', on: missing, attempt: state.attempt, failure: null }, commands: [{ do: 'abort-dial' }] };
    case 'backoff':
      if (missing.length === 0) return stay(state);
      return { state: { name: 'waiting', on: missing, attempt: 0, failure: state.failure }, commands: [{ do: 'cancel-retry' }] };
    // A live connection is believed until it is lost itself; a failed one waits for the user.
    case 'connected':
    case 'failed':
      return stay(state);
    default:
      return unreachable(state);
  }
}

function onFailure(attempt: number, failure: Failure, attempts: number | null): SessionStep {
  if (retryClass(failure.code) === 'needs-user') return stay({ name: 'failed', failure });
  const next = attempt + 1;
  if (attempts !== null && next > attempts) return stay({ name: 'failed', failure: givenUp(failure, attempts) });
  return retry(next, failure);
}

/** Why it is not tried again, where the failure by itself could be: the file says so. */
function givenUp(failure: Failure, attempts: number): Failure {
  const tries = attempts === 0 ? 'not tried again' : `given up after ${attempts} more ${attempts === 1 ? 'try' : 'tries'}`;
  const next = `${tries} (\`reconnect: attempts\`): tunnels restart tries anew`;
  return { ...failure, hint: failure.hint === null ? next : `${failure.hint}; ${next}` };
}

function onKick(state: Exclude<SessionState, { name: 'closing' | 'closed' }>, missing: readonly string[]): SessionStep {
  if (state.name !== 'failed' && state.name !== 'backoff') return stay(state);
  const commands: readonly SessionCommand[] = state.name === 'backoff' ? [{ do: 'cancel-retry' }] : [];
  if (missing.length > 0) return { state: { name: 'waiting', on: missing, attempt: 0, failure: null }, commands };
  return { state: { name: 'connecting', attempt: 0 }, commands: [...commands, { do: 'dial', attempt: 0 }] };
}

function onReopen(state: Exclude<SessionState, { name: 'closing' | 'closed' }>, missing: readonly string[]): SessionStep {
  if (state.name === 'idle') return stay(state);
  const commands = leaving(state.name);
  if (missing.length > 0) return { state: { name: 'waiting', on: missing, attempt: 0, failure: null }, commands };
  return { state: { name: 'connecting', attempt: 0 }, commands: [...commands, { do: 'dial', attempt: 0 }] };
}

function onStop(state: Exclude<SessionState, { name: 'closing' | 'closed' }>): SessionStep {
  switch (state.name) {
    case 'waiting':
    case 'idle':
    case 'failed':
      return stay({ name: 'closed' });
    case 'backoff':
      return { state: { name: 'closed' }, commands: [{ do: 'cancel-retry' }] };
    case 'connecting':
      return { state: { name: 'closing' }, commands: [{ do: 'abort-dial' }, { do: 'hang-up' }] };
    case 'connected':
      return { state: { name: 'closing' }, commands: [{ do: 'hang-up' }] };
    default:
      return unreachable(state);
  }
}
