import { describe, expect, it } from 'vitest';
import { eventText, stamped } from '../../../src/cli/render/event-line.ts';
import { plain } from '../../../src/cli/render/style.ts';
import type { EventBody, TunnelsEvent } from '../../../src/core/event.ts';
import { failure } from '../../../src/core/failure.ts';

const event = (body: EventBody): TunnelsEvent => ({ seq: 1, at: 0, subject: { kind: 'tunnel', name: 'git' }, ...body });
const host = (part: Partial<Extract<EventBody, { type: 'host-state' }>>): EventBody => ({
  type: 'host-state',
  from: 'waiting',
  to: 'connecting',
  waitingOn: [],
  failure: null,
  retryInMs: null,
  tookMs: null,
  ...part,
});
const tunnel = (part: Partial<Extract<EventBody, { type: 'tunnel-state' }>>): EventBody => ({
  type: 'tunnel-state',
  from: 'waiting',
  to: 'opening',
  waitingOn: [],
  failure: null,
  ingress: null,
  tookMs: null,
  ...part,
});
const refused = failure({ code: 'refused', message: 'bastion:22 refused the connection', hint: 'is sshd running there?' });

describe('the text of an event', () => {
  it.each<[EventBody, readonly string[], number]>([
    [host({ to: 'connecting' }), ['connecting'], 0],
    [host({ to: 'waiting', waitingOn: ['host:bastion', 'tunnel:git'] }), ['waiting for host bastion and tunnel git'], 0],
    [host({ to: 'connected', tookMs: 312 }), ['connected · 0.31s'], 0],
    [
      host({ to: 'backoff', failure: refused, retryInMs: 1500 }),
      ['bastion:22 refused the connection [refused]; next try in 1.50s', '→ is sshd running there?'],
      0,
    ],
    [
      host({ to: 'backoff', failure: refused, fell: ['tunnel echo'] }),
      ['bastion:22 refused the connection [refused]; tunnel echo waits for it', '→ is sshd running there?'],
      0,
    ],
    [
      host({ to: 'backoff', failure: refused, retryInMs: 300, fell: ['tunnel a', 'host inner', 'tunnel b'] }),
      [
        'bastion:22 refused the connection [refused]; tunnels a and b and host inner wait for it; next try in 0.30s',
        '→ is sshd running there?',
      ],
      0,
    ],
    [
      tunnel({ to: 'failed', failure: refused, fell: ['tunnel a', 'host x', 'tunnel b', 'host y'] }),
      ['failed: bastion:22 refused the connection [refused]; 2 tunnels and 2 hosts wait for it', '→ is sshd running there?'],
      -1,
    ],
    [tunnel({ to: 'reconnecting', waitingOn: ['host bastion'], cause: 'host bastion' }), ['reconnecting, waiting for host bastion'], 2],
    [
      tunnel({ to: 'reconnecting', waitingOn: ['host inner'], cause: 'host bastion' }),
      ['reconnecting, waiting for host inner, because of host bastion'],
      2,
    ],
    [tunnel({ to: 'open', ingress: '[::1]:1', tookMs: 310, cause: 'host x' }), ['open [::1]:1 · 0.31s, because of host x'], 2],
    [{ type: 'recovered', back: ['tunnel echo'], tookMs: 1_200 }, ['tunnel echo is back · 1.20s'], 0],
    [
      { type: 'recovered', back: ['tunnel a', 'tunnel b', 'tunnel c', 'tunnel d', 'host x'], tookMs: 1_200 },
      ['4 tunnels and 1 host are back · 1.20s'],
      0,
    ],
    [host({ to: 'failed', failure: refused }), ['failed: bastion:22 refused the connection [refused]', '→ is sshd running there?'], -1],
    [host({ to: 'closing' }), ['closing'], 1],
    [tunnel({ to: 'open', ingress: '127.0.0.1:8080', tookMs: 310 }), ['open 127.0.0.1:8080 · 0.31s'], 0],
    [tunnel({ to: 'waiting', waitingOn: ['host bastion'] }), ['waiting for host bastion'], 0],
    [tunnel({ to: 'idle', ingress: '127.0.0.1:8080' }), ['listening on 127.0.0.1:8080, connects at the first client'], 0],
    [tunnel({ to: 'reconnecting', waitingOn: ['host bastion'] }), ['reconnecting, waiting for host bastion'], 0],
    [tunnel({ to: 'closed' }), ['closed'], 1],
    [{ type: 'connection-opened', from: '127.0.0.1:5', target: 'web:80' }, ['127.0.0.1:5 → web:80'], 1],
    [
      { type: 'connection-closed', from: '127.0.0.1:5', target: 'web:80', rxBytes: 2048, txBytes: 10 },
      ['127.0.0.1:5 → web:80 closed, 10 B sent, 2.0 KiB received'],
      1,
    ],
    [
      { type: 'connection-failed', from: 'a:1', target: 'web:80', failure: failure({ code: 'target-refused', message: 'web:80 refused' }) },
      ['a:1 → web:80: web:80 refused [target-refused]'],
      0,
    ],
    [{ type: 'connection-refused', from: 'a:1', why: 'allow' }, ['a:1 refused: not in `allow`'], 0],
    [{ type: 'retargeted', egress: 'b:2' }, ['new connections now go to b:2'], 0],
    [{ type: 'debug', level: 2, message: 'kex done' }, ['debug2: kex done'], 2],
    [{ type: 'warning', message: 'weak', hint: 'do better' }, ['warning: weak', '→ do better'], 0],
  ])('%o', (body, lines, level) => {
    expect(eventText(event(body), plain)).toEqual({ lines, level });
  });

  it('leaves to others what needs the files', () => {
    expect(eventText(event({ type: 'applied', plan: 'no changes', changes: 0 }), plain)).toBeNull();
    expect(eventText(event({ type: 'rejected', diagnostics: [] }), plain)).toBeNull();
  });
});

it('a line has a time, a padded subject and its explanation below', () => {
  const [first, second] = stamped(
    { lines: ['failed', '→ hint'], level: -1 },
    { at: 0, subject: { kind: 'host', name: 'bastion' }, width: 14, style: plain },
  );
  expect(first).toMatch(/^\d\d:\d\d:\d\d {2}host bastion {4}failed$/);
  expect(second).toBe(`${' '.repeat(26)}→ hint`);
});
