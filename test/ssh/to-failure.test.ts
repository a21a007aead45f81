import { expect, test } from 'vitest';
import { tcp, unix } from '../../src/core/address.ts';
import { lostDuring, protocolFailure } from '../../src/ssh/handshake-failure.ts';
import { channelOpenFailure, dialFailure, ofHost } from '../../src/ssh/to-failure.ts';

test.each([
  [1, 'open failed', tcp('db', 5432), 'target-forbidden'],
  [2, 'Connection refused', tcp('db', 5432), 'target-refused'],
  [2, 'No route to host', tcp('db', 5432), 'target-unreachable'],
  [2, 'Connection timed out', tcp('db', 5432), 'target-unreachable'],
  [2, 'Name or service not known', tcp('db', 5432), 'target-unreachable'],
  [2, 'unknown host (Temporary failure in name resolution)', tcp('db', 5432), 'target-unreachable'],
  [2, '', tcp('db', 5432), 'target-unreachable'],
  [2, 'open failed', unix('/run/x'), 'target-refused'],
  [3, 'unknown channel type', tcp('db', 5432), 'target-unreachable'],
  [4, 'resource shortage', tcp('db', 5432), 'target-unreachable'],
] as const)('channel open failure %i "%s" is %s', (reason, description, target, code) => {
  expect(channelOpenFailure(reason, `(SSH) Channel open failure: ${description}`, target).code).toBe(code);
});

test('what a server says of a target is stripped of escapes', () => {
  expect(channelOpenFailure(2, '(SSH) Channel open failure: \u001b[2Jgone\u0007', tcp('db', 1)).message).toBe('cannot reach db:1: gone');
});

const withCode = (code: string): Error => Object.assign(new Error(`connect ${code}`), { code });

test.each([
  [withCode('ENOTFOUND'), 'dns', 'no address found for bastion'],
  [withCode('EAI_AGAIN'), 'dns', 'the name server did not answer for bastion'],
  [withCode('EAI_FAIL'), 'dns', 'cannot resolve bastion'],
  [withCode('ECONNREFUSED'), 'refused', 'connection refused by bastion:22'],
  [withCode('EHOSTUNREACH'), 'refused', 'no route to bastion:22'],
  [withCode('ETIMEDOUT'), 'timeout', 'no answer from bastion:22'],
  [withCode('ECONNRESET'), 'connection-lost', 'connection reset by bastion:22'],
  [new AggregateError([withCode('ECONNREFUSED'), withCode('ENETUNREACH')]), 'refused', 'connection refused by bastion:22'],
  [new Error('something else'), 'refused', 'cannot connect to bastion:22: something else'],
])('dialling: %s is %s', (error, code, message) => {
  expect(dialFailure(error, 'bastion:22')).toMatchObject({ code, message });
});

test.each([
  ['handshake', 'Not allowed at this time', { code: 'refused', retryAfterMs: 15_000 }],
  ['handshake', 'Exceeded MaxStartups', { code: 'refused', retryAfterMs: 1_000 }],
  ['handshake', 'HTTP/1.1 400 Bad Request', { code: 'refused', message: expect.stringContaining('is no SSH server') }],
  ['handshake', '', { code: 'connection-lost', hint: expect.stringContaining('MaxStartups') }],
  ['handshake', 'SSH-2.0-OpenSSH_9.2', { code: 'connection-lost' }],
  ['authenticate', '', { code: 'connection-lost', hint: expect.stringContaining('LoginGraceTime') }],
  ['authenticate', 'Your account has expired.', { message: expect.stringContaining('; it said "Your account has expired."') }],
] as const)('closed in the %s after "%s"', (phase, said, expected) => {
  expect(lostDuring(phase, said, 'bastion:22')).toMatchObject(expected);
});

test.each([
  ['Too many authentication failures', 'authenticate', 'auth-rejected'],
  ['Handshake failed: no matching C->S cipher', 'handshake', 'refused'],
  ['Connection lost before handshake', 'handshake', 'connection-lost'],
  ['Not allowed at this time', 'handshake', 'refused'],
  ['anything else', 'authenticate', 'connection-lost'],
] as const)('"%s" in the %s is %s', (message, phase, code) => {
  expect(protocolFailure(new Error(message), phase, { said: '', address: 'bastion:22' }).code).toBe(code);
});

test('the host’s name stands in front, once', () => {
  const once = ofHost('bastion', { code: 'refused', message: 'no' });
  expect(ofHost('bastion', once.failure).failure.message).toBe('bastion: no');
});
