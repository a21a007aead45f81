import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { leadOf, lightest, stateOf, surplus } from '../../src/core/connection-pool.ts';
import type { SessionState } from '../../src/core/session-state.ts';

const failure = { code: 'connection-lost', message: 'gone', hint: null, cause: null } as const;
const STATES = {
  waiting: { name: 'waiting', on: [], attempt: 0, failure: null },
  idle: { name: 'idle' },
  connecting: { name: 'connecting', attempt: 0 },
  connected: { name: 'connected' },
  backoff: { name: 'backoff', attempt: 1, failure },
  failed: { name: 'failed', failure },
  closing: { name: 'closing' },
  closed: { name: 'closed' },
} as const satisfies Record<SessionState['name'], SessionState>;
type Name = keyof typeof STATES;

interface Fake {
  readonly id: number;
  readonly state: SessionState;
  readonly channels: number;
  readonly queuedBytes: number;
}

const link = (id: number, name: Name, { channels = 0, queuedBytes = 0 } = {}): Fake => ({ id, state: STATES[name], channels, queuedBytes });
const links = (...names: readonly Name[]): Fake[] => names.map((name, id) => link(id, name));

describe('which connection leads', () => {
  it.each<{ what: string; names: Name[]; lead: number; now: number }>([
    { what: 'one that is connected stays', names: ['connected', 'connected'], lead: 1, now: 1 },
    { what: 'one that is lost hands over to the first that is connected', names: ['backoff', 'connecting', 'connected'], lead: 0, now: 2 },
    { what: 'one that is back does not take the lead again', names: ['connected', 'connected'], lead: 1, now: 1 },
    { what: 'with none connected the last one stays: its retry is that of the host', names: ['idle', 'backoff'], lead: 1, now: 1 },
    { what: 'a rejected one leads while there is no other', names: ['failed', 'idle'], lead: 0, now: 0 },
  ])('$what', ({ names, lead, now }) => {
    const all = links(...names);
    expect(leadOf(all, all[lead] as Fake).id).toBe(now);
  });

  it('the state of the host is that of its lead: connected exactly while any connection is', () => {
    const name = fc.constantFrom<Name>('waiting', 'idle', 'connecting', 'connected', 'backoff', 'failed');
    fc.assert(
      fc.property(fc.array(name, { minLength: 1, maxLength: 16 }), fc.nat(15), (names, index) => {
        const all = links(...names);
        const lead = leadOf(all, all[index % all.length] as Fake);
        expect(stateOf(all, lead).name === 'connected').toBe(names.includes('connected'));
        expect(stateOf(all, lead)).toBe(lead.state);
      }),
    );
  });

  it('a host is closed when the last of its connections is', () => {
    const [closed, closing] = [links('closed', 'closed'), links('closed', 'closing')];
    expect(stateOf(closed, closed[0] as Fake).name).toBe('closed');
    expect(stateOf(closing, closing[0] as Fake).name).toBe('closing');
  });
});

describe('which connection takes the next channel', () => {
  it.each<{ what: string; channels: number[]; queued?: number[]; last: number | null; now: number }>([
    { what: 'the first at first', channels: [0, 0], last: null, now: 0 },
    { what: 'the one with the fewest open channels', channels: [2, 1, 3], last: 1, now: 1 },
    { what: 'few channels outweigh bytes that are queued', channels: [1, 0], queued: [0, 262_144], last: null, now: 1 },
    { what: 'of as many channels the one with the least queued', channels: [1, 1, 1], queued: [9_000, 0, 1], last: 0, now: 1 },
    { what: 'of equals each in turn', channels: [1, 1, 1], last: 1, now: 2 },
    { what: 'of equals the first after the last', channels: [1, 1, 1], last: 2, now: 0 },
    { what: 'the turn passes over those that are busier', channels: [0, 5, 0], last: 0, now: 2 },
  ])('$what', ({ channels, queued = [], last, now }) => {
    const all = channels.map((count, id) => link(id, 'connected', { channels: count, queuedBytes: queued[id] ?? 0 }));
    expect(lightest(all, last === null ? null : (all[last] as Fake))?.id).toBe(now);
  });

  it('one whose predecessor has gone begins anew', () => {
    expect(lightest(links('connected', 'connected'), link(9, 'backoff'))?.id).toBe(0);
  });

  it('none where there is none', () => {
    expect(lightest([], null)).toBeNull();
  });

  it('channels that stay open are spread evenly, and those that close at once go round', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 16 }), fc.nat(200), fc.boolean(), (size, count, stay) => {
        let all = Array.from({ length: size }, (_, id) => link(id, 'connected'));
        const taken = all.map(() => 0);
        let last: number | null = null;
        for (let index = 0; index < count; index += 1) {
          const { id } = lightest(all, last === null ? null : (all[last] as Fake)) as Fake;
          taken[id] = (taken[id] ?? 0) + 1;
          if (stay) all = all.map((each) => (each.id === id ? { ...each, channels: each.channels + 1 } : each));
          last = id;
        }
        expect(Math.max(...taken) - Math.min(...taken)).toBeLessThanOrEqual(1);
      }),
    );
  });
});

describe('which connections go where fewer are wanted', () => {
  const all = [link(0, 'connected', { channels: 3 }), link(1, 'connected', { channels: 2 }), link(2, 'backoff'), link(3, 'connected')];
  it.each([
    { wanted: 4, gone: [] },
    { wanted: 9, gone: [] },
    { wanted: 3, gone: [2] },
    { wanted: 2, gone: [2, 3] },
    { wanted: 1, gone: [2, 3, 1] },
  ])('down to $wanted: $gone', ({ wanted, gone }) => {
    expect(surplus(all, all[0] as Fake, wanted).map(({ id }) => id)).toEqual(gone);
  });

  it('never the one that leads, however little it carries', () => {
    expect(surplus(all, all[3] as Fake, 1).map(({ id }) => id)).toEqual([2, 1, 0]);
  });
});
