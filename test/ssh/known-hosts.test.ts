import { expect, describe, test } from 'vitest';
import { hashName, knownHostsName, lookUp, matchesName, parseKnownHosts } from '../../src/ssh/known-hosts.ts';
import { generateKey } from '../../src/ssh/generate-key.ts';

const { publicKey } = generateKey();
const other = generateKey().publicKey;

describe('names', () => {
  test.each([
    ['example.com', 'example.com', true],
    ['Example.COM', 'example.com', true],
    ['example.com', 'www.example.com', false],
    ['a,b,example.com', 'example.com', true],
    ['*.example.com', 'www.example.com', true],
    ['*.example.com', 'example.com', false],
    ['*', 'anything', true],
    ['web?.example.com', 'web1.example.com', true],
    ['web?.example.com', 'web12.example.com', false],
    ['*.example.com,!secret.example.com', 'www.example.com', true],
    ['*.example.com,!secret.example.com', 'secret.example.com', false],
    ['!secret.example.com,*.example.com', 'secret.example.com', false],
    ['!other', 'example.com', false],
    ['[example.com]:2222', '[example.com]:2222', true],
    ['[example.com]:2222', 'example.com', false],
    ['example.com', '[example.com]:2222', false],
    ['[*.example.com]:2222', '[www.example.com]:2222', true],
    ['192.168.0.?', '192.168.0.7', true],
    [hashName('example.com', Buffer.alloc(20, 1)), 'example.com', true],
    [hashName('example.com'), 'example.org', false],
    ['|1|broken', 'example.com', false],
    ['|2|AAAA|BBBB', 'example.com', false],
  ])('%s is about %s: %s', (names, name, expected) => {
    expect(matchesName(names, name)).toBe(expected);
  });

  test('many stars take no time', () => {
    const from = performance.now();
    expect(matchesName(`${'*a'.repeat(60)}b`, 'a'.repeat(5_000))).toBe(false);
    expect(performance.now() - from).toBeLessThan(500);
  });

  test.each([
    ['Example.com', 22, 'example.com'],
    ['example.com', 2222, '[example.com]:2222'],
    ['::1', 22, '::1'],
    ['::1', 2222, '[::1]:2222'],
  ])('%s port %i is written %s', (host, port, name) => {
    expect(knownHostsName(host, port)).toBe(name);
  });
});

describe('lines', () => {
  test('comments, blanks, nonsense and unknown markers are passed over, and lines are counted from 1', () => {
    const text = [
      '# comment',
      '',
      `a ${publicKey} me@here with words`,
      'nonsense',
      'b ssh-ed25519 not-base64!',
      `@future c ${publicKey}`,
      `  d\t${publicKey}\r`,
      `@revoked e ${publicKey}`,
      `@cert-authority *.f ${publicKey}`,
      `g ssh-rsa ${publicKey.split(' ')[1]}`,
    ].join('\n');
    expect(parseKnownHosts(text, 'kh').map(({ names, marker, line, file }) => ({ names, marker, line, file }))).toEqual([
      { names: 'a', marker: null, line: 3, file: 'kh' },
      { names: 'd', marker: null, line: 7, file: 'kh' },
      { names: 'e', marker: 'revoked', line: 8, file: 'kh' },
      { names: '*.f', marker: 'cert-authority', line: 9, file: 'kh' },
    ]);
  });

  test('the bare name counts where the port is not known, and only there', () => {
    const bare = parseKnownHosts(`example.com ${publicKey}`, 'kh');
    expect(lookUp(bare, '[example.com]:2222')).toMatchObject({ exact: [], bareName: bare });
    const both = parseKnownHosts(`example.com ${publicKey}\n[example.com]:2222 ${other}`, 'kh');
    expect(lookUp(both, '[example.com]:2222')).toMatchObject({ exact: [both[1]], bareName: [] });
  });
});
