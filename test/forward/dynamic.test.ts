import { duplexPair, type Duplex } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { formatAddress, type TcpAddress } from '../../src/core/address.ts';
import { FailureError, type FailureParts } from '../../src/core/failure.ts';
import { negotiateProxy } from '../../src/forward/dynamic.ts';
import { parseAuthority } from '../../src/forward/http-connect.ts';
import type { Negotiated } from '../../src/forward/negotiation.ts';
import { splice } from '../../src/forward/splice.ts';
import { flush, manualClock } from '../helpers/clock.ts';

interface Session {
  hand: Duplex;
  asked: string[];
  outcome: Promise<Negotiated>;
  far: Duplex;
  clock: ReturnType<typeof manualClock>;
}

function session(failWith?: FailureParts): Session {
  const [near, hand] = duplexPair();
  const [target, far] = duplexPair();
  for (const stream of [near, hand, target, far]) stream.on('error', () => {});
  const asked: string[] = [];
  const clock = manualClock();
  const outcome = negotiateProxy(near, {
    clock,
    signal: new AbortController().signal,
    connect: async (to: TcpAddress) => {
      asked.push(formatAddress(to));
      await flush();
      if (failWith) throw new FailureError(failWith);
      return target;
    },
  });
  return { hand, asked, outcome, far, clock };
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 12; turn += 1) await flush();
}

/** Sends in pieces of `size` bytes, a turn apart. */
async function send(stream: Duplex, data: Buffer, size: number): Promise<void> {
  for (let at = 0; at < data.length; at += size) {
    stream.write(data.subarray(at, at + size));
    await flush();
  }
  await settled();
}

const socks4 = Buffer.from([4, 1, 0, 80, 10, 0, 0, 9, 0]);
const socks4a = Buffer.concat([Buffer.from([4, 1, 0, 80, 0, 0, 0, 1, 0]), Buffer.from('web\0')]);
const socks5 = Buffer.concat([Buffer.from([5, 1, 0, 5, 1, 0, 3, 3]), Buffer.from('web'), Buffer.from([0, 80])]);
const connect = Buffer.from('CONNECT web:80 HTTP/1.1\r\nHost: web:80\r\nUser-Agent: x\r\n\r\n');
const connect6 = Buffer.from('CONNECT [2001:db8::1]:443 HTTP/1.1\r\nHost: x\r\n\r\n');

const GRANTED4 = Buffer.from([0, 0x5a, 0, 0, 0, 0, 0, 0]);
const GRANTED5 = Buffer.from([5, 0, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
const GRANTED_HTTP = Buffer.from('HTTP/1.1 200 Connection established\r\n\r\n');

describe('one port for all proxies', () => {
  test.each([
    ['SOCKS4', socks4, '10.0.0.9:80', GRANTED4],
    ['SOCKS4a', socks4a, 'web:80', GRANTED4],
    ['SOCKS5', socks5, 'web:80', GRANTED5],
    ['HTTP CONNECT', connect, 'web:80', GRANTED_HTTP],
    ['HTTP CONNECT to IPv6', connect6, '[2001:db8::1]:443', GRANTED_HTTP],
  ])('%s, whole, in pieces, and with early data', async (_name, request, expected, granted) => {
    for (const size of [1, 3, 10_000]) {
      const { hand, asked, outcome, far } = session();
      await send(hand, Buffer.concat([request, Buffer.from('early data')]), size);
      expect(asked).toEqual([expected]);
      const got = await outcome;
      expect(got.ok).toBe(true);
      if (!got.ok) return;
      splice(got.near, got.far);
      hand.write(', late data');
      far.write('answer');
      await settled();
      expect(far.read()?.toString()).toBe('early data, late data');
      expect(hand.read()).toEqual(Buffer.concat([granted, Buffer.from('answer')]));
    }
  });

  const refused: FailureParts = { code: 'target-refused', message: 'nothing listens at web:80' };
  const forbidden: FailureParts = { code: 'target-forbidden', message: 'web:80 is not in allow_targets' };
  const unreachable: FailureParts = { code: 'target-unreachable', message: 'cannot reach web:80', cause: 'EHOSTUNREACH: no route' };
  const noNetwork: FailureParts = { code: 'target-unreachable', message: 'cannot reach web:80', cause: 'ENETUNREACH: x' };
  const slow: FailureParts = { code: 'target-unreachable', message: 'web:80 did not answer within 30 s' };
  const down: FailureParts = { code: 'connection-lost', message: 'gone' };

  test.each([
    ['refused', refused, 5, 502],
    ['forbidden', forbidden, 2, 403],
    ['unreachable', unreachable, 4, 502],
    ['network unreachable', noNetwork, 3, 502],
    ['slow', slow, 4, 504],
    ['lost', down, 1, 502],
  ])('a %s target has its code in every protocol', async (_name, problem, code5, status) => {
    const five = session(problem);
    await send(five.hand, socks5, 100);
    expect((five.hand.read() as Buffer)[3]).toBe(code5);
    const four = session(problem);
    await send(four.hand, socks4, 100);
    expect((four.hand.read() as Buffer)[1]).toBe(0x5b);
    const http = session(problem);
    await send(http.hand, connect, 100);
    const answer = String(http.hand.read());
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(answer).toContain(`\r\n\r\n${problem.message}\n`);
    for (const each of [five, four, http]) expect(await each.outcome).toMatchObject({ ok: false, failure: { code: problem.code } });
  });

  test.each([
    ['BIND', Buffer.from([5, 1, 0, 5, 2, 0, 1, 1, 2, 3, 4, 0, 80]), 7],
    ['UDP ASSOCIATE', Buffer.from([5, 1, 0, 5, 3, 0, 1, 1, 2, 3, 4, 0, 80]), 7],
    ['an unknown address type', Buffer.from([5, 1, 0, 5, 1, 0, 2, 1, 2, 3, 4, 0, 80]), 8],
  ])('SOCKS5 %s is answered, then ended', async (_name, request, code) => {
    const { hand, outcome, asked } = session();
    await send(hand, request, 100);
    const reply = hand.read() as Buffer;
    expect([reply[2], reply[3]]).toEqual([5, code]);
    expect((await outcome).ok).toBe(false);
    expect(asked).toEqual([]);
  });

  test('SOCKS5 that insists on a password is told that no method fits', async () => {
    const { hand, outcome } = session();
    await send(hand, Buffer.from([5, 1, 2]), 100);
    expect(hand.read()).toEqual(Buffer.from([5, 0xff]));
    expect((await outcome).ok).toBe(false);
  });

  test.each([
    ['GET of an absolute URI', 'GET http://web/ HTTP/1.1\r\nHost: web\r\n\r\n', 405, /CONNECT/],
    ['CONNECT without a port', 'CONNECT web HTTP/1.1\r\nHost: web\r\n\r\n', 400, /host:port/],
    ['CONNECT to port 0', 'CONNECT web:0 HTTP/1.1\r\nHost: web\r\n\r\n', 400, /host:port/],
    ['no HTTP at all', 'HELO there\r\n\r\n', 400, /no HTTP/],
  ])('%s is answered in plain text', async (_name, request, status, why) => {
    const { hand, outcome, asked } = session();
    await send(hand, Buffer.from(request), 1_000);
    const answer = String(hand.read());
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(answer).toMatch(why);
    expect((await outcome).ok).toBe(false);
    expect(asked).toEqual([]);
  });

  test.each([
    ['TLS', Buffer.from([0x16, 3, 1, 2, 0]), /0x16/],
    ['nothing, and leaves', null, /left/],
  ])('a client that sends %s is closed with a reason', async (_name, data, why) => {
    const { hand, outcome } = session();
    if (data) hand.write(data);
    else hand.end();
    const got = await outcome;
    expect(got).toMatchObject({ ok: false, failure: { message: expect.stringMatching(why) } });
  });

  test.each([
    ['nothing', Buffer.alloc(0)],
    ['half of SOCKS5', Buffer.from([5, 1, 0, 5, 1])],
    ['half of a CONNECT', Buffer.from('CONNECT web:80 HTTP/1.1\r\nHos')],
  ])('a client that sends %s and waits is let go after 10 s', async (_name, data) => {
    const { hand, outcome, clock } = session();
    if (data.length > 0) hand.write(data);
    await settled();
    await clock.advance(10_000);
    expect(await outcome).toMatchObject({ ok: false });
  });

  test('a dial may take longer than the handshake', async () => {
    const { hand, outcome, clock } = session();
    hand.write(socks5);
    await settled();
    await clock.advance(60_000);
    expect((await outcome).ok).toBe(true);
    expect(clock.pending()).toEqual([]);
  });

  test('headers without end are refused', async () => {
    const { hand, outcome } = session();
    hand.write(`CONNECT web:80 HTTP/1.1\r\nX: ${'x'.repeat(40_000)}`);
    expect((await outcome).ok).toBe(false);
  });
});

test.each([
  ['web:80', 'web:80'],
  ['[::1]:443', '[::1]:443'],
  ['WEB.example.:80', 'web.example:80'],
  ['web', null],
  ['web:', null],
  ['web:99999', null],
  ['*:80', null],
  [':80', null],
  ['80', null],
  ['/path', null],
  ['web:80-90', null],
])('the target of CONNECT %s is %s', (text, expected) => {
  const target = parseAuthority(text);
  expect(target && formatAddress(target)).toBe(expected);
});
