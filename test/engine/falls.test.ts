import { beforeEach, describe, expect, it } from 'vitest';
import type { EventBody } from '../../src/core/event.ts';
import { failure } from '../../src/core/failure.ts';
import { Falls } from '../../src/engine/falls.ts';

const lost = failure({ code: 'connection-lost', message: 'connection lost' });
const denied = failure({ code: 'remote-forward-denied', message: 'port 9000 is taken' });

/** host outer ← host inner ← tunnel far; host outer ← tunnel near. */
const REACH: Readonly<Record<string, readonly string[]>> = {
  'host:outer': ['tunnel:near', 'host:inner', 'tunnel:far'],
  'host:inner': ['tunnel:far'],
};
let now: number;
let told: string[];
let falls: Falls;
/** Those that are down already are not reached. */
let down: Set<string>;

beforeEach(() => {
  [now, told, down] = [0, [], new Set()];
  falls = new Falls({
    clock: { now: () => now },
    publish: ({ kind, name }, body) => void told.push(`${kind} ${name} ${brief(body)}`),
    reach: (id) => (REACH[id] ?? []).filter((each) => !down.has(each)),
  });
});

function brief(body: EventBody): string {
  if (body.type === 'recovered') return `recovered ${body.back.join(', ')} after ${body.tookMs}`;
  if (body.type !== 'host-state' && body.type !== 'tunnel-state') return body.type;
  const parts = [body.to, body.failure?.code, body.cause && `because of ${body.cause}`, body.fell && `with ${body.fell.join(', ')}`];
  return parts.filter(Boolean).join(' ');
}

const bodies = {
  host: { type: 'host-state', retryInMs: null, tookMs: null },
  tunnel: { type: 'tunnel-state', ingress: '127.0.0.1:8080', tookMs: null },
} as const;

interface Told {
  readonly on?: string;
  readonly failure?: typeof lost;
  readonly ingress?: string;
}

/** `connected>backoff` of `host:outer`. */
function say(id: string, step: string, { on, ...rest }: Told = {}): void {
  const [from, to] = step.split('>');
  const common = { from, to, failure: null, waitingOn: on === undefined ? [] : [on], ...rest };
  if (['connected', 'open'].includes(to ?? '')) down.delete(id);
  falls.tell(id, { ...(id.startsWith('host:') ? bodies.host : bodies.tunnel), ...common } as EventBody);
  if (!['connected', 'open'].includes(to ?? '')) down.add(id);
}

function fall(): void {
  say('host:outer', 'connected>backoff', { failure: lost });
  say('tunnel:near', 'open>reconnecting', { on: 'host outer', failure: lost });
  say('host:inner', 'connected>waiting', { on: 'host outer' });
  say('tunnel:far', 'open>reconnecting', { on: 'host inner' });
}

describe('a chain that falls together', () => {
  it('is told by the one that fell by itself, with all that fell with it, and by the others by reference', () => {
    fall();
    expect(told).toEqual([
      'host outer backoff connection-lost with tunnel near, host inner, tunnel far',
      'tunnel near reconnecting because of host outer',
      'host inner waiting because of host outer',
      'tunnel far reconnecting because of host outer',
    ]);
  });

  it('refers to its root until it is up, and its return is told once', () => {
    fall();
    told.length = 0;
    say('host:outer', 'backoff>connecting');
    say('host:outer', 'connecting>connected');
    say('tunnel:near', 'reconnecting>open');
    say('host:inner', 'waiting>connecting');
    say('host:inner', 'connecting>connected');
    now = 700;
    say('tunnel:far', 'reconnecting>open');
    say('tunnel:far', 'open>closing');
    expect(told).toEqual([
      'host outer connecting',
      'host outer connected',
      'tunnel near open because of host outer',
      'host inner connecting because of host outer',
      'host inner connected because of host outer',
      'tunnel far open because of host outer',
      'host outer recovered tunnel near, host inner, tunnel far after 700',
      'tunnel far closing',
    ]);
  });

  it('falls again before all are back: one fall, counted from its beginning', () => {
    fall();
    say('host:outer', 'connecting>connected');
    say('tunnel:near', 'reconnecting>open');
    told.length = 0;
    now = 100;
    say('host:outer', 'connected>backoff', { failure: lost });
    expect(told).toEqual(['host outer backoff connection-lost with host inner, tunnel far, tunnel near']);
    for (const id of ['host:outer', 'host:inner']) say(id, 'connecting>connected');
    for (const id of ['tunnel:far', 'tunnel:near']) say(id, 'reconnecting>open');
    expect(told.at(-1)).toBe('host outer recovered host inner, tunnel far, tunnel near after 100');
  });

  it('one that then fails by itself tells that, and the return of the others does not wait for it', () => {
    fall();
    say('host:outer', 'connecting>connected');
    say('tunnel:near', 'reconnecting>open');
    say('host:inner', 'connecting>connected');
    told.length = 0;
    say('tunnel:far', 'reconnecting>reconnecting', { failure: denied });
    say('tunnel:far', 'reconnecting>open');
    expect(told).toEqual([
      'tunnel far reconnecting remote-forward-denied',
      'host outer recovered tunnel near, host inner after 0',
      'tunnel far open',
    ]);
  });

  it('one that comes back at another place tells that itself', () => {
    fall();
    told.length = 0;
    say('tunnel:near', 'reconnecting>open', { ingress: '127.0.0.1:9090' });
    expect(told).toEqual(['tunnel near open']);
  });

  it('one that is closed meanwhile is waited for no longer; a root that is closed takes the reference with it', () => {
    fall();
    for (const [id, step] of [
      ['host:outer', 'connecting>connected'],
      ['tunnel:near', 'reconnecting>open'],
      ['tunnel:far', 'reconnecting>closing'],
      ['host:inner', 'waiting>closed'],
    ] as const)
      say(id, step);
    expect(told.at(-1)).toBe('host outer recovered tunnel near after 0');
    say('tunnel:near', 'open>waiting');
    fall();
    say('host:outer', 'backoff>closed');
    told.length = 0;
    say('tunnel:near', 'reconnecting>open');
    expect(told).toEqual(['tunnel near open']);
  });
});

describe('what is no fall', () => {
  it.each<[string, string, string, Told, string]>([
    ['a first try that fails', 'host:outer', 'connecting>backoff', { failure: lost }, 'host outer backoff connection-lost'],
    ['a need that is missing at first', 'tunnel:near', 'waiting>waiting', { on: 'host outer' }, 'tunnel near waiting'],
    ['a changed spec', 'host:outer', 'connected>connecting', {}, 'host outer connecting'],
    ['a host that nobody needs now', 'host:outer', 'connected>idle', {}, 'host outer idle'],
  ])('%s', (_, id, step, part, expected) => {
    say(id, step, part);
    expect(told).toEqual([expected]);
  });

  it('one that nobody needs falls alone, and its return is its own', () => {
    say('host:other', 'connected>backoff', { failure: lost });
    say('host:other', 'connecting>connected');
    expect(told).toEqual(['host other backoff connection-lost', 'host other connected']);
  });
});
