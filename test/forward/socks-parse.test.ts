import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatAddress, type TcpAddress } from '../../src/core/address.ts';
import { parseSocks4, parseSocks5Greeting, parseSocks5Request, type Parsed } from '../../src/forward/socks-parse.ts';

const bytes = (...parts: (number | string)[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === 'number' ? Buffer.from([part]) : Buffer.from(part, 'latin1'))));

/** Every shorter prefix asks for more; the whole, and the whole with something behind it, give the same. */
function byteByByte<T>(parse: (bytes: Buffer) => Parsed<T>, message: Buffer): Parsed<T> {
  for (let length = 0; length < message.length; length += 1) expect(parse(message.subarray(0, length))).toEqual({ kind: 'more' });
  const whole = parse(message);
  expect(parse(Buffer.concat([message, Buffer.from('early data')]))).toEqual(whole);
  return whole;
}

const target = (parsed: Parsed<TcpAddress>): string => (parsed.kind === 'done' ? formatAddress(parsed.value) : parsed.kind);

describe('SOCKS4 and 4a', () => {
  test.each([
    ['an address', bytes(4, 1, 0, 80, 10, 1, 2, 3, 0), '10.1.2.3:80'],
    ['an address and a user', bytes(4, 1, 0x1f, 0x90, 127, 0, 0, 1, 'me', 0), '127.0.0.1:8080'],
    ['a name', bytes(4, 1, 1, 0xbb, 0, 0, 0, 1, 0, 'www.example.com', 0), 'www.example.com:443'],
    ['a name and a user', bytes(4, 1, 1, 0xbb, 0, 0, 0, 9, 'me', 0, 'db', 0), 'db:443'],
  ])('%s, byte by byte', (_what, message, expected) => {
    const parsed = byteByByte(parseSocks4, message);
    expect(target(parsed)).toBe(expected);
    expect(parsed).toMatchObject({ consumed: message.length });
  });

  test.each([
    ['BIND', bytes(4, 2), /command 2 is not supported/],
    ['a user without an end', bytes(4, 1, 0, 80, 1, 2, 3, 4, 'x'.repeat(256)), /too long/],
    ['a name without an end', bytes(4, 1, 0, 80, 0, 0, 0, 1, 0, 'x'.repeat(256)), /too long/],
    ['an empty name', bytes(4, 1, 0, 80, 0, 0, 0, 1, 0, 0), /no host name/],
    ['a name with a space', bytes(4, 1, 0, 80, 0, 0, 0, 1, 0, 'a b', 0), /no host name/],
    ['port 0', bytes(4, 1, 0, 0, 1, 2, 3, 4, 0), /port 0/],
  ])('%s is refused', (_what, message, why) => {
    const parsed = parseSocks4(message);
    expect(parsed).toMatchObject({ kind: 'bad', why: expect.stringMatching(why) });
  });

  test('0.0.0.0 is an address, not a name', () => {
    expect(target(parseSocks4(bytes(4, 1, 0, 80, 0, 0, 0, 0, 0)))).toBe('0.0.0.0:80');
  });
});

describe('SOCKS5', () => {
  test('a greeting with method 0, byte by byte', () => {
    expect(byteByByte(parseSocks5Greeting, bytes(5, 3, 2, 1, 0))).toEqual({ kind: 'done', value: null, consumed: 5 });
  });

  test.each([bytes(5, 0), bytes(5, 1, 2)])('a greeting without method 0 has no acceptable method', (message) => {
    expect(parseSocks5Greeting(message)).toMatchObject({ kind: 'bad', reply: 0xff });
  });

  test.each([
    ['IPv4', bytes(5, 1, 0, 1, 10, 1, 2, 3, 0, 80), '10.1.2.3:80'],
    ['IPv6', bytes(5, 1, 0, 4, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x1f, 0x90), '[2001:db8::1]:8080'],
    ['IPv6 loopback', bytes(5, 1, 0, 4, ...Array<number>(15).fill(0), 1, 0, 22), '[::1]:22'],
    ['mapped IPv4', bytes(5, 1, 0, 4, ...Array<number>(10).fill(0), 255, 255, 10, 0, 0, 1, 0, 22), '10.0.0.1:22'],
    ['a name', bytes(5, 1, 0, 3, 11, 'example.com', 1, 0xbb), 'example.com:443'],
    ['an address as a name', bytes(5, 1, 0, 3, 3, '::1', 1, 0xbb), '[::1]:443'],
  ])('%s, byte by byte', (_what, message, expected) => {
    const parsed = byteByByte(parseSocks5Request, message);
    expect(target(parsed)).toBe(expected);
    expect(parsed).toMatchObject({ consumed: message.length });
  });

  test.each([
    ['BIND', bytes(5, 2, 0, 1, 1, 2, 3, 4, 0, 80), 7],
    ['UDP ASSOCIATE', bytes(5, 3, 0, 1, 0, 0, 0, 0, 0, 0), 7],
    ['an unknown address type', bytes(5, 1, 0, 9, 0), 8],
    ['an empty name', bytes(5, 1, 0, 3, 0, 0, 80), 1],
    ['a name with a line end', bytes(5, 1, 0, 3, 3, 'a\nb', 0, 80), 1],
    ['a name that begins with a dash', bytes(5, 1, 0, 3, 2, '-x', 0, 80), 1],
    ['port 0', bytes(5, 1, 0, 1, 1, 2, 3, 4, 0, 0), 1],
    ['another version', bytes(4, 1, 0, 1, 1), 1],
  ])('%s is answered with its code', (_what, message, reply) => {
    expect(parseSocks5Request(message)).toMatchObject({ kind: 'bad', reply });
  });
});

test.each([
  ['SOCKS4', parseSocks4],
  ['SOCKS5 greeting', parseSocks5Greeting],
  ['SOCKS5 request', parseSocks5Request],
] as const)('no bytes make the %s parser throw, wait for ever, or name what is no host', (_name, parse) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 700 }), (array) => {
      const parsed = parse(Buffer.from(array));
      if (parsed.kind === 'more') expect(array.length).toBeLessThan(600);
      if (parsed.kind !== 'done') return;
      expect(parsed.consumed).toBeLessThanOrEqual(array.length);
      if (parsed.value) expect(parsed.value.host).toMatch(/^[a-z0-9_.:-]+$/);
    }),
    { numRuns: 2_000 },
  );
});
