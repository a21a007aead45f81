import { describe, expect, test } from 'vitest';
import { tcp } from '../../src/core/address.ts';
import { AllowedSources } from '../../src/forward/allowed-sources.ts';
import { canonicalHost } from '../../src/forward/canonical-host.ts';
import { compileTargets, parseTargetPattern } from '../../src/forward/target-pattern.ts';

describe('allow_targets', () => {
  test.each<[pattern: string, host: string, port: number, allowed: boolean]>([
    ['db:5432', 'db', 5432, true],
    ['db:5432', 'DB.', 5432, true],
    ['db:5432', 'db', 5433, false],
    ['db:5432', 'db2', 5432, false],
    ['*:443', 'anything.example', 443, true],
    ['*:443', 'anything.example', 80, false],
    ['*.example.com:*', 'www.example.com', 8080, true],
    ['*.example.com:*', 'example.com', 8080, false],
    ['*.example.com:*', 'www.example.com.evil', 80, false],
    ['a*b*c:80', 'abc', 80, true],
    ['a*b*c:80', 'axxbyyc', 80, true],
    ['a*b*c:80', 'ac', 80, false],
    ['aa*aa:80', 'aaa', 80, false],
    ['web:8000-8100', 'web', 8000, true],
    ['web:8000-8100', 'web', 8100, true],
    ['web:8000-8100', 'web', 8101, false],
    ['10.0.0.0/8:22', '10.9.8.7', 22, true],
    ['10.0.0.0/8:22', '11.9.8.7', 22, false],
    ['10.0.0.0/8:22', 'ten.example', 22, false],
    ['10.0.0.0/8:22', '::ffff:10.1.2.3', 22, true],
    ['10.0.0.0/8:22', '::ffff:a01:203', 22, true],
    ['[fd00::/8]:*', 'fd12::1', 1, true],
    ['[fd00::/8]:*', 'fe80::1', 1, false],
    ['[::1]:80', '0:0:0:0:0:0:0:1', 80, true],
    ['127.0.0.1:80', '127.0.0.1', 80, true],
    ['127.0.0.1:80', '127.0.0.10', 80, false],
  ])('%s and %s port %i: %s', (pattern, host, port, allowed) => {
    expect(compileTargets([pattern])(tcp(host, port))).toBe(allowed);
  });

  test('no patterns allow all, any of several allows, one that cannot be read allows nothing', () => {
    expect(compileTargets([])(tcp('x', 1))).toBe(true);
    expect(compileTargets(['a:1', 'b:2'])(tcp('b', 2))).toBe(true);
    expect(compileTargets(['nonsense'])(tcp('nonsense', 80))).toBe(false);
  });

  test.each(['', 'db', 'db:', 'db:0', 'db:70000', 'db:9-8', 'db:x', '::1:80', '10.0.0.0/99:80', '10.0.0/8:80', '[fd00::]', 'a b:80'])(
    '"%s" is refused with words',
    (pattern) => {
      const parsed = parseTargetPattern(pattern);
      expect(parsed.ok).toBe(false);
      if (!parsed.ok) expect(parsed.error).toMatch(/^(is|has) /);
    },
  );
});

describe('allow', () => {
  test.each<[cidrs: string[], address: string, allowed: boolean]>([
    [[], '8.8.8.8', true],
    [['127.0.0.1'], '127.0.0.1', true],
    [['127.0.0.1'], '127.0.0.2', false],
    [['10.0.0.0/8', '192.168.0.0/16'], '192.168.3.4', true],
    [['10.0.0.0/8'], '::ffff:10.0.0.1', true],
    [['fe80::/10'], 'fe80::1%eth0', true],
    [['::1'], '127.0.0.1', false],
    [['nonsense'], '127.0.0.1', false],
    [['10.0.0.0/33'], '10.0.0.1', false],
    [['10.0.0.0/8'], 'not an address', false],
  ])('%j and %s: %s', (cidrs, address, allowed) => {
    expect(new AllowedSources(cidrs).has(address)).toBe(allowed);
  });
});

test.each([
  ['Example.COM.', 'example.com'],
  ['0:0:0:0:0:0:0:0', '::'],
  ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ['::ffff:7f00:1', '127.0.0.1'],
  ['fe80::1%eth0', 'fe80::1'],
])('%s has the one spelling %s', (host, spelling) => {
  expect(canonicalHost(host)).toBe(spelling);
});
