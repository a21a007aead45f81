import { describe, expect, test } from 'vitest';
import { codeFrame } from '../../src/config/code-frame.ts';
import { formatDestination, parseDestination } from '../../src/config/destination.ts';
import { didYouMean, editDistance, nearest } from '../../src/config/did-you-mean.ts';
import { parseDuration } from '../../src/config/duration.ts';
import { createSource, positionAt, rangeOf } from '../../src/config/source.ts';
import { loadText } from './loading.ts';

describe('durations', () => {
  test.each([
    ['500ms', 500],
    ['15s', 15_000],
    ['2m', 120_000],
    ['1h', 3_600_000],
    ['1m30s', 90_000],
    ['1h1m1s1ms', 3_661_001],
    ['0.5s', 500],
    ['1.5h', 5_400_000],
    ['0', 0],
    ['0s', 0],
    ['10', null],
    ['s', null],
    ['', null],
    ['10 s', null],
    ['10sec', null],
    ['-5s', null],
    ['1e3s', null],
    ['5S', null],
    ['1d', null],
  ])('%j', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });
});

describe('did you mean', () => {
  test.each([
    ['bastoin', ['bastion', 'gateway'], 'bastion'],
    ['Bastion', ['bastion'], 'bastion'],
    ['host-name', ['hostname', 'host_key'], 'hostname'],
    ['identity-file', ['identity_file'], 'identity_file'],
    ['ingres', ['egress', 'ingress'], 'ingress'],
    ['egrss', ['egress', 'ingress'], 'egress'],
    ['prt', ['port', 'park'], 'port'],
    ['db', ['dba', 'web'], 'dba'],
    ['a', ['b'], null],
    ['ab', ['xy'], null],
    ['new', ['web', 'git'], null],
    ['nope', ['opt'], null],
    ['wbe', ['web'], 'web'],
    ['something', ['bastion'], null],
    ['', ['a'], null],
    ['x'.repeat(1000), ['x'.repeat(1001)], null],
    ['same', ['same'], null],
  ])('%s of %j', (name, candidates, expected) => {
    expect(nearest(name, candidates)).toBe(expected);
  });

  test('is a question', () => {
    expect(didYouMean('prt', ['port'])).toBe('did you mean "port"?');
    expect(didYouMean('zzzz', ['port'])).toBeNull();
  });

  test.each([
    ['', '', 0],
    ['a', '', 1],
    ['kitten', 'sitting', 3],
    ['ab', 'ba', 1],
    ['abc', 'acb', 1],
    ['abcdef', 'uvwxyz', Number.POSITIVE_INFINITY],
  ])('%s to %s takes %s', (a, b, distance) => {
    expect(editDistance(a, b, 4)).toBe(distance);
  });
});

describe('destinations', () => {
  test.each([
    ['bastion', { host: 'bastion', user: null, port: null, variant: '' }],
    ['deploy@bastion:2222', { host: 'bastion', user: 'deploy', port: 2222, variant: '' }],
    ['a@b@c', { host: 'c', user: 'a@b', port: null, variant: '' }],
    ['corp\\me@h', { host: 'h', user: 'corp\\me', port: null, variant: '' }],
    ['a+b@h', { host: 'h', user: 'a+b', port: null, variant: '' }],
    ['machine$@h', { host: 'h', user: 'machine$', port: null, variant: '' }],
    ['fe80::1%eth0', { host: 'fe80::1%eth0', user: null, port: null, variant: '' }],
    ['u@[::1]:22', { host: '::1', user: 'u', port: 22, variant: '' }],
    ['h:22+via-gw+key-a', { host: 'h', user: null, port: 22, variant: '+via-gw+key-a' }],
  ])('%s', (text, destination) => {
    expect(parseDestination(text)).toEqual({ ok: true, value: destination });
    expect(formatDestination(destination)).toBe(text);
  });

  test.each([
    '',
    '@h',
    'u@',
    '-h',
    '-u@h',
    'h:0',
    'h:65536',
    'h:x',
    'h;id',
    'u$(id)@h',
    '`id`',
    "o'b@h",
    'a b',
    'a\nb',
    '%h',
    'u%r@h',
    'h|x',
    'ssh://',
    'h+',
    'h+a b',
    '[h]:22',
    'a/b',
    'u\\@h',
    '\u202eh',
  ])('%j is none', (text) => {
    expect(parseDestination(text).ok).toBe(false);
  });
});

describe('code frames', () => {
  const text = 'one\ntwo three\nfour\nfive\n';
  const range = (line: number, column: number, endLine: number, endColumn: number) => ({
    file: 'f',
    start: { line, column },
    end: { line: endLine, column: endColumn },
  });

  test.each([
    ['in the middle', range(2, 5, 2, 10), '1 | one\n2 | two three\n  |     ^^^^^\n3 | four'],
    ['at the first line', range(1, 1, 1, 4), '1 | one\n  | ^^^\n2 | two three'],
    ['at the last line', range(4, 1, 4, 5), '3 | four\n4 | five\n  | ^^^^'],
    ['over several lines', range(2, 5, 4, 2), '1 | one\n2 | two three\n  |     ^^^^^\n3 | four'],
    ['of no width', range(3, 5, 3, 5), '2 | two three\n3 | four\n  |     ^\n4 | five'],
    ['at the end of the file', range(5, 1, 5, 1), '4 | five\n5 |\n  | ^'],
  ])('%s', (_, at, expected) => {
    expect(codeFrame(text, at)).toBe(expected);
  });

  test('hold no control characters, and keep the mark under a tab', () => {
    expect(codeFrame('a:\tb\u001b[31m\u202e', range(1, 4, 1, 5))).toBe('1 | a: b\ufffd[31m\ufffd\n  |    ^');
  });

  test('of a line that is too long show the place', () => {
    const frame = codeFrame(`${'x'.repeat(1000)}HERE${'y'.repeat(1000)}`, range(1, 1001, 1, 1005));
    const [line = '', mark = ''] = frame.split('\n');
    expect(line.length).toBeLessThan(200);
    expect(line.slice(mark.indexOf('^'), mark.lastIndexOf('^') + 1)).toBe('HERE');
  });

  test('are coloured by who asks for it', () => {
    const style = { gutter: (part: string) => `<${part}>`, mark: (part: string) => `{${part}}` };
    expect(codeFrame('a\n', range(1, 1, 1, 2), style)).toBe('<1 |> a\n<  |> {^}');
  });

  test('align their numbers', () => {
    const lines = `${'x\n'.repeat(12)}`;
    expect(codeFrame(lines, range(10, 1, 10, 2))).toBe(' 9 | x\n10 | x\n   | ^\n11 | x');
  });
});

describe('places', () => {
  test.each([
    [0, 1, 1],
    [2, 1, 3],
    [3, 2, 1],
    [5, 3, 1],
    [6, 3, 2],
  ])('offset %i is %i:%i', (offset, line, column) => {
    expect(positionAt(createSource('f', 'ab\nc\nd'), offset)).toEqual({ line, column });
  });

  test('a range ends where the text does, not with the blanks after it', () => {
    const source = createSource('f', 'a: b  \n\nc');
    expect(rangeOf({ source, start: 3, end: 8 })).toEqual({ file: 'f', start: { line: 1, column: 4 }, end: { line: 1, column: 5 } });
    expect(rangeOf({ source, start: 9, end: 9 }).start).toEqual({ line: 3, column: 2 });
  });
});

test('a secret in the file is in no message, and in no text that frames are made of', async () => {
  const { failure, messages } = await loadText(
    'hosts:\n  a: {password: "hunter2 hunter2"}\n  b:\n    passphrase: |\n      hunter2\n      more\ntunnels:\n  web: -L 1:b:1 a\n',
  );
  const text = failure?.sources.get('tunnels.yaml') ?? '';
  expect(text + messages.join('\n')).not.toMatch(/hunter2|more/);
  expect(text.split('\n')).toHaveLength(9);
  expect(messages[0]).toBe(
    'tunnels.yaml:2:17 the password stands in the file, say where it comes from: password: {env: NAME}, or {prompt: true}',
  );
});

test('a secret that is a variable in the file is told how to say that', async () => {
  const { messages } = await loadText('hosts:\n  a: {password: "${DB_PW}"}\ntunnels: {web: -D 1 a}\n', { env: { DB_PW: 'hunter2' } });
  expect(messages).toEqual([
    'tunnels.yaml:2:17 the password stands in the file, say where it comes from: password: {env: DB_PW}, or {prompt: true}',
  ]);
});
