import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { failure } from '../../src/core/failure.ts';
import { initialTunnel, tunnelTransition, type TunnelInput, type TunnelState } from '../../src/core/tunnel-state.ts';

const busy = failure({ code: 'bind-in-use', message: 'busy' });
const denied = failure({ code: 'bind-denied', message: 'denied' });
const lost = failure({ code: 'connection-lost', message: 'lost' });

const opening: TunnelState = { name: 'opening', attempt: 0, failure: null, retrying: false };
const retrying: TunnelState = { name: 'opening', attempt: 1, failure: busy, retrying: true };
const open: TunnelState = { name: 'open', bound: '127.0.0.1:1' };
const suspended: TunnelState = { name: 'reconnecting', on: ['host a'], attempt: 0, failure: lost, retrying: false };
const reopening: TunnelState = { name: 'reconnecting', on: [], attempt: 0, failure: lost, retrying: false };
const failed: TunnelState = { name: 'failed', failure: denied };

function brief(state: TunnelState): string {
  const on = 'on' in state && state.on.length > 0 ? ` on ${state.on.join()}` : '';
  const retry = 'retrying' in state && state.retrying ? ` retry ${state.attempt}` : '';
  const why = 'failure' in state && state.failure ? ` ${state.failure.code}` : '';
  return `${state.name}${on}${retry}${why}`;
}

describe('what an input leads to', () => {
  it.each<[TunnelState, TunnelInput, string, string]>([
    [initialTunnel, { type: 'needs', missing: ['host a'], failure: null, wanted: true }, 'waiting on host a', ''],
    [initialTunnel, { type: 'needs', missing: [], failure: null, wanted: true }, 'opening', 'open'],
    [opening, { type: 'opened', bound: '127.0.0.1:1', wanted: true }, 'open', ''],
    [opening, { type: 'needs', missing: ['host a'], failure: lost, wanted: true }, 'waiting on host a', 'abort-open'],
    [opening, { type: 'open-failed', failure: denied, final: false }, 'failed bind-denied', 'unbind'],
    [opening, { type: 'open-failed', failure: busy, final: false }, 'opening retry 1 bind-in-use', 'schedule-retry'],
    [opening, { type: 'open-failed', failure: busy, final: true }, 'failed bind-in-use', 'unbind'],
    [retrying, { type: 'retry-due' }, 'opening bind-in-use', 'open'],
    [retrying, { type: 'needs', missing: ['host a'], failure: null, wanted: true }, 'waiting on host a', 'cancel-retry'],
    [retrying, { type: 'kick', missing: [] }, 'opening bind-in-use', 'cancel-retry open'],
    [open, { type: 'needs', missing: ['host a'], failure: lost, wanted: true }, 'reconnecting on host a connection-lost', 'suspend'],
    [open, { type: 'needs', missing: [], failure: null, wanted: true }, 'open', ''],
    [open, { type: 'lost', failure: lost }, 'reconnecting retry 1 connection-lost', 'unbind schedule-retry'],
    [open, { type: 'lost', failure: denied }, 'failed bind-denied', 'unbind'],
    [open, { type: 'adrift' }, 'reconnecting', 'suspend open'],
    [retrying, { type: 'adrift' }, 'opening retry 1 bind-in-use', ''],
    [suspended, { type: 'adrift' }, 'reconnecting on host a connection-lost', ''],
    [open, { type: 'reopen', missing: [] }, 'waiting', 'unbind'],
    [open, { type: 'reopen', missing: ['host a'] }, 'waiting on host a', 'unbind'],
    [open, { type: 'kick', missing: [] }, 'open', ''],
    [suspended, { type: 'needs', missing: [], failure: null, wanted: true }, 'reconnecting', 'open'],
    [
      suspended,
      { type: 'needs', missing: ['host a', 'host b'], failure: null, wanted: true },
      'reconnecting on host a,host b connection-lost',
      '',
    ],
    [reopening, { type: 'opened', bound: '127.0.0.1:1', wanted: true }, 'open', ''],
    [
      reopening,
      { type: 'needs', missing: ['host a'], failure: lost, wanted: true },
      'reconnecting on host a connection-lost',
      'abort-open',
    ],
    [reopening, { type: 'reopen', missing: [] }, 'waiting', 'abort-open unbind'],
    [failed, { type: 'needs', missing: [], failure: null, wanted: true }, 'failed bind-denied', ''],
    [initialTunnel, { type: 'needs', missing: ['host a'], failure: null, wanted: false }, 'opening', 'open'],
    [opening, { type: 'opened', bound: '127.0.0.1:1', wanted: false }, 'idle', ''],
    [{ name: 'idle', bound: 'x' }, { type: 'needs', missing: ['host a'], failure: null, wanted: true }, 'waiting on host a', ''],
    [{ name: 'idle', bound: 'x' }, { type: 'needs', missing: [], failure: null, wanted: true }, 'opening', 'open'],
    [open, { type: 'needs', missing: [], failure: null, wanted: false }, 'idle', 'suspend'],
    [suspended, { type: 'needs', missing: ['host a'], failure: null, wanted: false }, 'opening', 'abort-open open'],
    [reopening, { type: 'held', failure: busy }, 'reconnecting bind-in-use', ''],
    [retrying, { type: 'held', failure: lost }, 'opening retry 1 bind-in-use', ''],
    [
      { ...reopening, failure: busy },
      { type: 'held', failure: failure({ code: 'bind-in-use', message: 'held' }) },
      'reconnecting bind-in-use',
      '',
    ],
    [open, { type: 'held', failure: busy }, 'open', ''],
    [failed, { type: 'kick', missing: [] }, 'opening', 'open'],
    [failed, { type: 'kick', missing: ['host a'] }, 'waiting on host a', ''],
    [open, { type: 'stop' }, 'closing', 'drain'],
    [opening, { type: 'stop' }, 'closing', 'abort-open drain'],
    [retrying, { type: 'stop' }, 'closing', 'cancel-retry drain'],
    [{ name: 'closing' }, { type: 'opened', bound: 'x', wanted: true }, 'closing', ''],
    [{ name: 'closing' }, { type: 'drained' }, 'closed', ''],
    [{ name: 'closed' }, { type: 'kick', missing: [] }, 'closed', ''],
  ])('%j + %j → %s', (state, input, expected, commands) => {
    const step = tunnelTransition(state, input);
    expect(brief(step.state)).toBe(expected);
    expect(step.commands.map((command) => command.do).join(' ')).toBe(commands);
  });
});

const inputs = fc.oneof(
  fc.constantFrom<TunnelInput>(
    { type: 'opened', bound: 'x', wanted: true },
    { type: 'retry-due' },
    { type: 'adrift' },
    { type: 'held', failure: busy },
    { type: 'lost', failure: lost },
    { type: 'lost', failure: denied },
  ),
  fc.record({ type: fc.constantFrom('kick', 'reopen'), missing: fc.constantFrom([], ['host a']) }) as fc.Arbitrary<TunnelInput>,
  fc.record({
    type: fc.constant('needs'),
    wanted: fc.boolean(),
    missing: fc.constantFrom([], ['host a']),
    failure: fc.constantFrom(lost, null),
  }) as fc.Arbitrary<TunnelInput>,
  fc.record({ type: fc.constant('open-failed'), failure: fc.constantFrom(busy, denied), final: fc.boolean() }) as fc.Arbitrary<TunnelInput>,
);

it('whatever happens, at most one try to open and one retry are under way, and stop ends in closed', () => {
  fc.assert(
    fc.property(fc.array(inputs, { maxLength: 40 }), (list) => {
      let state = initialTunnel;
      let trying = false;
      let scheduled = false;
      const feed = (input: TunnelInput): void => {
        if (input.type === 'retry-due') {
          if (!scheduled) return;
          scheduled = false;
        }
        if (input.type === 'opened' || input.type === 'open-failed') {
          if (!trying) return;
          trying = false;
        }
        const step = tunnelTransition(state, input);
        state = step.state;
        for (const command of step.commands) {
          if (command.do === 'open') {
            expect(trying).toBe(false);
            trying = true;
          } else if (command.do === 'abort-open') trying = false;
          else if (command.do === 'schedule-retry') {
            expect(scheduled).toBe(false);
            scheduled = true;
          } else if (command.do === 'cancel-retry') scheduled = false;
        }
        expect([trying, scheduled].filter(Boolean).length).toBeLessThan(2);
        if (state.name !== 'opening' && state.name !== 'reconnecting') expect(trying || scheduled).toBe(false);
      };
      for (const input of list) feed(input);
      feed({ type: 'stop' });
      feed({ type: 'drained' });
      expect(state.name).toBe('closed');
    }),
  );
});
