import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { clientAddress, formatAddress, isLoopback, isWildcard, parseAddress, sameLocalHost, tcp, unix } from '../../src/core/address.ts';

describe('an address is read in every form', () => {
  test.each([
    [8080, tcp('localhost', 8080), 1],
    ['8080', tcp('localhost', 8080), 1],
    ['0', tcp('localhost', 0), 1],
    [0, tcp('localhost', 0), 1],
    ['65535', tcp('localhost', 65535), 1],
    ['127.0.0.1:8080', tcp('127.0.0.1', 8080), 1],
    ['web-server:80', tcp('web-server', 80), 1],
    ['a_b.example.com.:80', tcp('a_b.example.com.', 80), 1],
    ['[::1]:8080', tcp('::1', 8080), 1],
    ['[::]:8080', tcp('::', 8080), 1],
    ['[fe80::1%eth0]:22', tcp('fe80::1%eth0', 22), 1],
    ['[::ffff:10.0.0.1]:22', tcp('::ffff:10.0.0.1', 22), 1],
    ['[1:2:3:4:5:6:7:8]:22', tcp('1:2:3:4:5:6:7:8', 22), 1],
    ['*:8080', tcp('*', 8080), 1],
    [':8080', tcp('*', 8080), 1],
    ['0.0.0.0:8080', tcp('0.0.0.0', 8080), 1],
    ['9000-9010', tcp('localhost', 9000), 11],
    ['web:9000-9000', tcp('web', 9000), 1],
    ['[::1]:9000-9001', tcp('::1', 9000), 2],
    ['/run/web.sock', unix('/run/web.sock'), 1],
    ['/run/with blank:80', unix('/run/with blank:80'), 1],
    ['~/web.sock', unix('~/web.sock'), 1],
  ])('%s', (text, address, count) => {
    expect(parseAddress(text, 'localhost')).toEqual({ ok: true, value: { address, count } });
  });
});

describe('what is no address is refused', () => {
  test.each([
    ['', 'is empty'],
    ['web', 'has no port: write web:PORT'],
    ['./rel.sock', 'is no whole path: a unix socket is written /path/to.sock or ~/path/to.sock'],
    ['run/rel.sock', 'is no whole path: a unix socket is written /path/to.sock or ~/path/to.sock'],
    ['::1', 'has no port: write [::1]:PORT'],
    ['[::1]', 'has no port: write [::1]:PORT'],
    ['fe80::1:zz', 'has an IPv6 address without brackets: write [fe80::1]:zz'],
    ['[fe80::1]:zz', 'has a port "zz" that is no number'],
    ['::1:80:99999', 'has an IPv6 address without brackets: write [::1:80]:99999'],
    ['web:http', 'has a port "http" that is no number'],
    ['web:', 'has a port "" that is no number'],
    ['web:65536', 'has a port above 65535'],
    ['web:9010-9000', 'has a port range that ends before it begins'],
    ['0-10', 'has a port range that begins at 0'],
    ['-1', 'has no port: write -1:PORT'],
    ['-web:80', 'has a host "-web" that is no name or address'],
    ['web-:80', 'has a host "web-" that is no name or address'],
    ['w*b:80', 'has a host "w*b" that is no name or address'],
    ['127.0.0.256:80', 'has a host "127.0.0.256" that is no name or address'],
    ['127.1:80', 'has a host "127.1" that is no name or address'],
    ['[::g]:80', 'has a host "::g" that is no name or address'],
    ['[1::2::3]:80', 'has a host "1::2::3" that is no name or address'],
    ['[1:2:3]:80', 'has a host "1:2:3" that is no name or address'],
    ['web :80', 'has a space or a control character in it'],
    ['web\n:80', 'has a space or a control character in it'],
    ['/run/\u0000.sock', 'has a control character in its path'],
    ['$(id):80', 'has a host "$(id)" that is no name or address'],
  ])('%j', (text, error) => {
    const parsed = parseAddress(text, 'localhost');
    expect(parsed.ok ? null : parsed.error).toBe(error);
  });

  test('whatever it is, it never throws', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void parseAddress(text, 'localhost')));
  });
});

test('what is written is read as the same', () => {
  const hosts = fc.constantFrom('localhost', '127.0.0.1', '::1', 'fe80::1%eth0', 'web-server', '*', '10.1.2.3');
  fc.assert(
    fc.property(hosts, fc.integer({ min: 0, max: 65535 }), (host, port) => {
      expect(parseAddress(formatAddress(tcp(host, port)), 'elsewhere')).toEqual({
        ok: true,
        value: { address: tcp(host, port), count: 1 },
      });
    }),
  );
});

test.each([
  ['localhost', true, false],
  ['127.0.0.1', true, false],
  ['127.8.8.8', true, false],
  ['::1', true, false],
  ['IP6-localhost', true, false],
  ['*', false, true],
  ['', false, true],
  ['0.0.0.0', false, true],
  ['::', false, true],
  ['10.0.0.1', false, false],
  ['web', false, false],
])('%s: loopback %s, wildcard %s', (host, loopback, wildcard) => {
  expect([isLoopback(host), isWildcard(host)]).toEqual([loopback, wildcard]);
});

test.each([
  ['localhost', '127.0.0.1', true],
  ['localhost', '::1', true],
  ['127.0.0.1', '127.0.0.2', false],
  ['127.0.0.2', '127.0.0.2', true],
  ['*', 'localhost', true],
  ['0.0.0.0', '127.0.0.2', true],
  ['*', '10.0.0.1', false],
  ['localhost', '*', true],
  ['Web', 'web', true],
  ['web', 'localhost', false],
])('a listener on %s and one who dials %s: the same place is %s', (bind, dial, same) => {
  expect(sameLocalHost(bind, dial)).toBe(same);
});

test.each([
  ['localhost', '127.0.0.1'],
  ['*', '127.0.0.1'],
  ['::', '127.0.0.1'],
  ['::1', '::1'],
  ['127.0.0.2', '127.0.0.2'],
  ['10.0.0.5', '10.0.0.5'],
])('a client beside a listener on %s connects to %s', (bound, address) => {
  expect(clientAddress(tcp(bound, 80))).toBe(address);
});
