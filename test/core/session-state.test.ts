import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { failure } from '../../src/core/failure.ts';
import { initialSession, sessionTransition, type SessionInput, type SessionState } from '../../src/core/session-state.ts';

const refused = failure({ code: 'refused', message: 'refused' });
const penalty = failure({ code: 'refused', message: 'not now', retryAfterMs: 15_000 });
const changed = failure({ code: 'host-key-changed', message: 'changed' });
const lost = failure({ code: 'connection-lost', message: 'lost' });

const connecting: SessionState = { name: 'connecting', attempt: 0 };
const connected: SessionState = { name: 'connected' };
const backoff: SessionState = { name: 'backoff', attempt: 1, failure: refused };
const failed: SessionState = { name: 'failed', failure: changed };
const waiting: SessionState = { name: 'waiting', on: ['host a'], attempt: 0, failure: null };

/** `connecting(2)`, `backoff(1) refused`, `waiting on host a`. */
function brief(state: SessionState): string {
  const attempt = state.name === 'connecting' || state.name === 'backoff' ? `(${state.attempt})` : '';
  const on = state.name === 'waiting' ? ` on ${state.on.join()}` : '';
  const why = 'failure' in state && state.failure ? ` ${state.failure.code}` : '';
  return `${state.name}${attempt}${on}${why}`;
}

describe('what an input leads to', () => {
  it.each<[SessionState, SessionInput, string, string]>([
    [initialSession, { type: 'needs', missing: [], wanted: true }, 'connecting(0)', 'dial'],
    [initialSession, { type: 'needs', missing: ['host a'], wanted: true }, 'waiting on host a', ''],
    [waiting, { type: 'needs', missing: [], wanted: true }, 'connecting(0)', 'dial'],
    [connecting, { type: 'needs', missing: [], wanted: true }, 'connecting(0)', ''],
    [connecting, { type: 'needs', missing: ['host a'], wanted: true }, 'waiting on host a', 'abort-dial'],
    [connecting, { type: 'connected' }, 'connected', ''],
    [connecting, { type: 'connect-failed', failure: refused, attempts: null }, 'backoff(1) refused', 'schedule-retry'],
    [connecting, { type: 'connect-failed', failure: changed, attempts: null }, 'failed host-key-changed', ''],
    [{ name: 'connecting', attempt: 2 }, { type: 'connect-failed', failure: refused, attempts: 2 }, 'failed refused', ''],
    [{ name: 'connecting', attempt: 1 }, { type: 'connect-failed', failure: refused, attempts: 2 }, 'backoff(2) refused', 'schedule-retry'],
    [backoff, { type: 'retry-due' }, 'connecting(1)', 'dial'],
    [backoff, { type: 'needs', missing: ['host a'], wanted: true }, 'waiting on host a refused', 'cancel-retry'],
    [backoff, { type: 'kick', missing: [] }, 'connecting(0)', 'cancel-retry dial'],
    [connected, { type: 'lost', failure: lost, missing: [] }, 'backoff(1) connection-lost', 'schedule-retry'],
    [connected, { type: 'lost', failure: null, missing: ['host a'] }, 'waiting on host a', ''],
    [connected, { type: 'needs', missing: ['host a'], wanted: true }, 'connected', ''],
    [connected, { type: 'kick', missing: [] }, 'connected', ''],
    [connected, { type: 'reopen', missing: [] }, 'connecting(0)', 'retire dial'],
    [connected, { type: 'reopen', missing: ['host a'] }, 'waiting on host a', 'retire'],
    [backoff, { type: 'reopen', missing: [] }, 'connecting(0)', 'cancel-retry dial'],
    [failed, { type: 'needs', missing: [], wanted: true }, 'failed host-key-changed', ''],
    [initialSession, { type: 'needs', missing: [], wanted: false }, 'idle', ''],
    [{ name: 'idle' }, { type: 'needs', missing: [], wanted: true }, 'connecting(0)', 'dial'],
    [{ name: 'idle' }, { type: 'needs', missing: ['host a'], wanted: true }, 'waiting on host a', ''],
    [connected, { type: 'needs', missing: [], wanted: false }, 'idle', 'retire'],
    [connecting, { type: 'needs', missing: [], wanted: false }, 'idle', 'abort-dial'],
    [backoff, { type: 'needs', missing: [], wanted: false }, 'idle', 'cancel-retry'],
    [failed, { type: 'needs', missing: [], wanted: false }, 'failed host-key-changed', ''],
    [{ name: 'idle' }, { type: 'stop' }, 'closed', ''],
    [failed, { type: 'retry-due' }, 'failed host-key-changed', ''],
    [failed, { type: 'kick', missing: [] }, 'connecting(0)', 'dial'],
    [failed, { type: 'reopen', missing: [] }, 'connecting(0)', 'dial'],
    [waiting, { type: 'stop' }, 'closed', ''],
    [failed, { type: 'stop' }, 'closed', ''],
    [backoff, { type: 'stop' }, 'closed', 'cancel-retry'],
    [connecting, { type: 'stop' }, 'closing', 'abort-dial hang-up'],
    [connected, { type: 'stop' }, 'closing', 'hang-up'],
    [{ name: 'closing' }, { type: 'ended' }, 'closed', ''],
    [{ name: 'closing' }, { type: 'connected' }, 'closing', ''],
    [{ name: 'closed' }, { type: 'needs', missing: [], wanted: true }, 'closed', ''],
  ])('%j + %j → %s', (state, input, expected, commands) => {
    const step = sessionTransition(state, input);
    expect(brief(step.state)).toBe(expected);
    expect(step.commands.map((command) => command.do).join(' ')).toBe(commands);
  });

  it.each<[number, string | null, string]>([
    [0, null, 'not tried again (`reconnect: attempts`): tunnels restart tries anew'],
    [1, null, 'given up after 1 more try (`reconnect: attempts`): tunnels restart tries anew'],
    [3, 'is sshd up?', 'is sshd up?; given up after 3 more tries (`reconnect: attempts`): tunnels restart tries anew'],
  ])('after %i attempts it says that it has given up, and what tries again', (attempts, hint, said) => {
    const input = { type: 'connect-failed', failure: { ...refused, hint }, attempts } as const;
    const { state } = sessionTransition({ name: 'connecting', attempt: attempts }, input);
    expect(state).toEqual({ name: 'failed', failure: { ...refused, hint: said } });
  });

  it('a penalty notice sets the least wait', () => {
    const step = sessionTransition(connecting, { type: 'connect-failed', failure: penalty, attempts: null });
    expect(step.commands).toEqual([{ do: 'schedule-retry', attempt: 1, floorMs: 15_000 }]);
  });
});

const inputs = fc.oneof(
  fc.constantFrom<SessionInput>({ type: 'connected' }, { type: 'retry-due' }, { type: 'ended' }),
  fc.record({
    type: fc.constantFrom('needs', 'kick', 'reopen'),
    wanted: fc.boolean(),
    missing: fc.constantFrom([], ['host a']),
  }) as fc.Arbitrary<SessionInput>,
  fc.record({
    type: fc.constant('connect-failed'),
    failure: fc.constantFrom(refused, changed),
    attempts: fc.constantFrom(null, 3),
  }) as fc.Arbitrary<SessionInput>,
  fc.record({
    type: fc.constant('lost'),
    failure: fc.constantFrom(lost, null),
    missing: fc.constantFrom([], ['host a']),
  }) as fc.Arbitrary<SessionInput>,
);

describe('whatever happens', () => {
  it('at most one dial and one retry are under way, and none after stop', () => {
    fc.assert(
      fc.property(fc.array(inputs, { maxLength: 40 }), (list) => {
        let state = initialSession;
        let dialing = false;
        let scheduled = false;
        const feed = (input: SessionInput): void => {
          if (input.type === 'retry-due') {
            if (!scheduled) return;
            scheduled = false;
          }
          if (input.type === 'connected' || input.type === 'connect-failed') {
            if (!dialing) return;
            dialing = false;
          }
          const step = sessionTransition(state, input);
          state = step.state;
          for (const command of step.commands) {
            if (command.do === 'dial') {
              expect(dialing).toBe(false);
              dialing = true;
            } else if (command.do === 'abort-dial') dialing = false;
            else if (command.do === 'schedule-retry') {
              expect(scheduled).toBe(false);
              scheduled = true;
            } else if (command.do === 'cancel-retry') scheduled = false;
          }
          expect(dialing).toBe(state.name === 'connecting');
          expect(scheduled).toBe(state.name === 'backoff');
        };
        for (const input of list) feed(input);
        feed({ type: 'stop' });
        feed({ type: 'ended' });
        expect(state.name).toBe('closed');
      }),
    );
  });
});
