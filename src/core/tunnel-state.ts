/**
 * The life of one tunnel, as values. A tunnel is open while its ingress is bound and everything it needs is up.
 *
 *            needs met         opened            need missing, lost, adrift
 *   waiting ───────────▶ opening ─────▶ open ───────────────────────▶ reconnecting
 *      ◀──────────────      │            ◀──────────────────────────      │
 *        need missing       │                       opened                │
 *                           └─────────▶ failed ◀──────────────────────────┘
 *   on-demand, unwanted: opening ─▶ idle (bound, nothing dialled) ── wanted ─▶ waiting or opening; open ── unwanted ─▶ idle
 *   failed: the user must act (kick or a changed spec tries again) · stop from anywhere: closing ─▶ closed
 */
import { retryClass, type Failure } from './failure.ts';
import { unreachable } from './result.ts';

export type TunnelState =
  | { readonly name: 'waiting'; readonly on: readonly string[] }
  /** `retrying`: the last try failed and the next one is scheduled. */
  | { readonly name: 'opening'; readonly attempt: number; readonly failure: Failure | null; readonly retrying: boolean }
  | { readonly name: 'open'; readonly bound: string }
  /** On-demand and asleep: it listens, and nothing is dialled until a client comes. */
  | { readonly name: 'idle'; readonly bound: string }
  | {
      readonly name: 'reconnecting';
      readonly on: readonly string[];
      readonly attempt: number;
      readonly failure: Failure | null;
      readonly retrying: boolean;
    }
  | { readonly name: 'failed'; readonly failure: Failure }
  | { readonly name: 'closing' }
  | { readonly name: 'closed' };

/** `unhealthy` is an open tunnel whose healthcheck fails. */
export type TunnelStateName = TunnelState['name'] | 'unhealthy';

export type TunnelInput =
  | { readonly type: 'needs'; readonly missing: readonly string[]; readonly failure: Failure | null; readonly wanted: boolean }
  | { readonly type: 'opened'; readonly bound: string; readonly wanted: boolean }
  /** The place is still held, and is waited for within this try. */
  | { readonly type: 'held'; readonly failure: Failure }
  /** `final`: not to be tried again whatever its class (on_conflict: fail). */
  | { readonly type: 'open-failed'; readonly failure: Failure; readonly final: boolean }
  /** The ingress went although everything it needs is up: a launched ssh that ended. */
  | { readonly type: 'lost'; readonly failure: Failure }
  /** The connection its ingress was on went, and the host goes on by another one. */
  | { readonly type: 'adrift' }
  | { readonly type: 'retry-due' }
  /** The way to the egress, or the place of the ingress, changed: open again. */
  | { readonly type: 'reopen'; readonly missing: readonly string[] }
  | { readonly type: 'kick'; readonly missing: readonly string[] }
  | { readonly type: 'stop' }
  | { readonly type: 'drained' };

export type TunnelCommand =
  | { readonly do: 'open' }
  | { readonly do: 'abort-open' }
  /** Keep what is bound here, park arriving clients. */
  | { readonly do: 'suspend' }
  | { readonly do: 'unbind' }
  | { readonly do: 'schedule-retry'; readonly attempt: number; readonly floorMs: number }
  | { readonly do: 'cancel-retry' }
  | { readonly do: 'drain' };

export interface TunnelStep {
  readonly state: TunnelState;
  readonly commands: readonly TunnelCommand[];
}

export const initialTunnel: TunnelState = { name: 'waiting', on: [] };

type Live = Exclude<TunnelState, { name: 'closing' | 'closed' }>;

const stay = (state: TunnelState): TunnelStep => ({ state, commands: [] });
const open = (): TunnelStep => ({ state: { name: 'opening', attempt: 0, failure: null, retrying: false }, commands: [{ do: 'open' }] });

export function tunnelTransition(state: TunnelState, input: TunnelInput): TunnelStep {
  if (state.name === 'closed') return stay(state);
  if (state.name === 'closing') return input.type === 'drained' ? stay({ name: 'closed' }) : stay(state);
  switch (input.type) {
    case 'needs':
      return input.wanted ? onNeeds(state, input.missing, input.failure) : onUnwanted(state);
    case 'opened':
      if (state.name !== 'opening' && state.name !== 'reconnecting') return stay(state);
      return stay({ name: input.wanted ? 'open' : 'idle', bound: input.bound });
    case 'held':
      if ((state.name !== 'opening' && state.name !== 'reconnecting') || state.retrying) return stay(state);
      // After a try that ended so, it is no news.
      return stay(state.failure?.code === input.failure.code ? state : { ...state, failure: input.failure });
    case 'open-failed':
      return onOpenFailed(state, input.failure, input.final);
    case 'lost':
      if (state.name !== 'open') return stay(state);
      if (retryClass(input.failure.code) === 'needs-user')
        return { state: { name: 'failed', failure: input.failure }, commands: [{ do: 'unbind' }] };
      return {
        state: { name: 'reconnecting', on: [], attempt: 1, failure: input.failure, retrying: true },
        commands: [{ do: 'unbind' }, { do: 'schedule-retry', attempt: 1, floorMs: input.failure.retryAfterMs ?? 0 }],
      };
    case 'adrift':
      if (state.name !== 'open') return stay(state);
      return {
        state: { name: 'reconnecting', on: [], attempt: 0, failure: null, retrying: false },
        commands: [{ do: 'suspend' }, { do: 'open' }],
      };
    case 'retry-due':
      if ((state.name === 'opening' || state.name === 'reconnecting') && state.retrying)
        return { state: { ...state, retrying: false }, commands: [{ do: 'open' }] };
      return stay(state);
    case 'reopen':
      return onReopen(state, input.missing);
    case 'kick':
      return onKick(state, input.missing);
    case 'stop':
      return { state: { name: 'closing' }, commands: [...ceaseTrying(state), { do: 'drain' }] };
    case 'drained':
      return stay(state);
    default:
      return unreachable(input);
  }
}

/** What ends a try that is under way or scheduled. */
function ceaseTrying(state: Live): readonly TunnelCommand[] {
  if (state.name !== 'opening' && state.name !== 'reconnecting') return [];
  return state.retrying ? [{ do: 'cancel-retry' }] : [{ do: 'abort-open' }];
}

/** Nobody wants the way to its egress: it is bound and waits for a client. */
function onUnwanted(state: Live): TunnelStep {
  switch (state.name) {
    case 'waiting':
      return open();
    case 'open':
      return { state: { name: 'idle', bound: state.bound }, commands: [{ do: 'suspend' }] };
    case 'reconnecting':
      return { state: { name: 'opening', attempt: 0, failure: null, retrying: false }, commands: [...ceaseTrying(state), { do: 'open' }] };
    case 'opening':
    case 'idle':
    case 'failed':
      return stay(state);
    default:
      return unreachable(state);
  }
}

function onNeeds(state: Live, missing: readonly string[], failure: Failure | null): TunnelStep {
  switch (state.name) {
    case 'waiting':
    case 'idle':
      return missing.length === 0 ? open() : stay({ name: 'waiting', on: missing });
    case 'opening':
      if (missing.length === 0) return stay(state);
      return { state: { name: 'waiting', on: missing }, commands: ceaseTrying(state) };
    case 'open':
      if (missing.length === 0) return stay(state);
      return { state: { name: 'reconnecting', on: missing, attempt: 0, failure, retrying: false }, commands: [{ do: 'suspend' }] };
    case 'reconnecting':
      if (missing.length > 0) {
        const ceased = state.on.length === 0 ? ceaseTrying(state) : [];
        return { state: { ...state, on: missing, failure: failure ?? state.failure, retrying: false }, commands: ceased };
      }
      if (state.on.length === 0) return stay(state);
      // What was missing is there again: its failure says nothing any more.
      return { state: { ...state, on: [], failure: null, retrying: false }, commands: [{ do: 'open' }] };
    case 'failed':
      return stay(state);
    default:
      return unreachable(state);
  }
}

function onOpenFailed(state: Live, failure: Failure, final: boolean): TunnelStep {
  if (state.name !== 'opening' && state.name !== 'reconnecting') return stay(state);
  if (final || retryClass(failure.code) === 'needs-user') return { state: { name: 'failed', failure }, commands: [{ do: 'unbind' }] };
  const attempt = state.attempt + 1;
  return {
    state: { ...state, attempt, failure, retrying: true },
    commands: [{ do: 'schedule-retry', attempt, floorMs: failure.retryAfterMs ?? 0 }],
  };
}

/** To `waiting` even where nothing is missing: ports may change hands, so all let go before the first one binds again. */
function onReopen(state: Live, missing: readonly string[]): TunnelStep {
  return { state: { name: 'waiting', on: missing }, commands: [...ceaseTrying(state), { do: 'unbind' }] };
}

function onKick(state: Live, missing: readonly string[]): TunnelStep {
  if (state.name === 'failed') return missing.length > 0 ? stay({ name: 'waiting', on: missing }) : open();
  if ((state.name === 'opening' || state.name === 'reconnecting') && state.retrying)
    return { state: { ...state, attempt: 0, retrying: false }, commands: [{ do: 'cancel-retry' }, { do: 'open' }] };
  return stay(state);
}

/** Is the step from one state to the next worth an event? A new name is, and so is other news within `waiting`, a failed try, or a held place. */
export function announces(before: TunnelState, after: TunnelState): boolean {
  if (before.name !== after.name) return true;
  const on = (state: TunnelState): string => ('on' in state ? state.on.join() : '');
  const failed = 'retrying' in after && after.retrying && after.failure !== null && retryClass(after.failure.code) === 'backoff';
  const held = 'retrying' in after && !after.retrying && after.failure !== null && on(after) === '';
  if (held && 'failure' in before && before.failure !== after.failure) return true;
  return on(before) !== on(after) || (failed && 'attempt' in before && 'attempt' in after && before.attempt !== after.attempt);
}
