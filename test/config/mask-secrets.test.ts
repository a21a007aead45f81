import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { codeFrame } from '../../src/config/code-frame.ts';
import { maskSecrets } from '../../src/config/mask-secrets.ts';
import { createSource } from '../../src/config/source.ts';
import { loadText } from './loading.ts';

const masked = (text: string): string => maskSecrets([createSource('a', text)], []).get('a') ?? '';

describe('what stands after the key of a secret is not shown, whether it was found or not', () => {
  test.each([
    ['password: hunter2', 'password: *******'],
    ['  passphrase: "hunter 2" # mine', '  passphrase: *****************'],
    ["  'password' : hunter2\r", "  'password' : *******\r"],
    ['- {user: me, password: hunter2}', '- {user: me, password: ********'],
    ['password: |\n  hunter2\n\n  hunter3\nport: 22', 'password: |\n*********\n\n*********\nport: 22'],
    ['password: &pw >-\n  hunter2\nport: 22', 'password: &pw >-\n*********\nport: 22'],
    ['a:\n  password: !!str |\n    hunter2\n  port: 22', 'a:\n  password: !!str |\n***********\n  port: 22'],
  ])('%j', (text, expected) => {
    expect(masked(text)).toBe(expected);
  });
});

test.each([
  'password: {env: PW}',
  'password:\n  env: PW',
  'x-password-file: a',
  '# password: in the vault',
  'no-password: 1',
  'passwords: 3',
])('but this is no secret: %j', (text) => {
  expect(masked(text)).toBe(text);
});

test('every place in the text stays where it was', () => {
  const line = fc.constantFrom('password: hunter2', '  password: |', '    hunter2', 'tunnels:', '', '  a: {password: x}', '\r');
  fc.assert(
    fc.property(fc.array(line), (lines) => {
      const text = lines.join('\n');
      expect(masked(text).replace(/[^\n\r]/g, '.')).toBe(text.replace(/[^\n\r]/g, '.'));
    }),
  );
});

test.each([
  ['a syntax error', 'hosts:\n  a:\n    password: hunter2\n    port: [\ntunnels: {}\n'],
  ['an anchor', 'x-pw: &pw hunter2\nhosts: {a: {password: *pw}}\ntunnels: {web: -L 8080:web:80 a}\n'],
  ['a problem on the next line', 'hosts:\n  a:\n    password: hunter2\n    prot: 22\ntunnels: {web: -L 8080:web:80 a}\n'],
])('no frame has it: %s', async (_, yaml) => {
  const { failure } = await loadText(yaml);
  const frames = (failure?.diagnostics ?? []).flatMap(({ range }) =>
    range ? [codeFrame(failure?.sources.get(range.file) ?? '', range)] : [],
  );
  expect(frames.length).toBeGreaterThan(0);
  expect(frames.join('\n')).not.toContain('hunter2');
});
