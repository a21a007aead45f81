import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../src/config/limits.ts';
import { parse } from '../../src/config/parse.ts';
import { toPlain } from '../../src/config/node.ts';
import { Problems } from '../../src/config/problems.ts';
import { createSource } from '../../src/config/source.ts';

function parsed(text: string): { value: unknown; problems: string[]; took: number } {
  const problems = new Problems();
  const started = performance.now();
  const node = parse(createSource('f', text), problems)?.root ?? null;
  const took = performance.now() - started;
  const found = problems.inOrder(['f']).map((each) => `${each.range?.start.line}:${each.range?.start.column} ${each.message}`);
  return { value: found.length > 0 || !node ? null : JSON.parse(JSON.stringify(toPlain(node))), problems: found, took };
}

describe('YAML 1.2 with merge keys', () => {
  test.each([
    ['a: 1', { a: 1 }],
    ['a: yes', { a: 'yes' }],
    ['a: 0x10', { a: 16 }],
    ['a: 0600', { a: 600 }],
    ['a: 0o600', { a: 384 }],
    ['a: 22:22', { a: '22:22' }],
    ['a: ~', { a: null }],
    ['a:', { a: null }],
    ['8080: x', { 8080: 'x' }],
    ['0600: x', { '0600': 'x' }],
    ['true: x', { true: 'x' }],
    ['__proto__: {x: 1}', JSON.parse('{"__proto__": {"x": 1}}')],
    ['a: &x {b: 1}\nc: *x', { a: { b: 1 }, c: { b: 1 } }],
    ['a: &x 1\nb: &x 2\nc: *x', { a: 1, b: 2, c: 2 }],
    ['a: &x {b: 1, c: 2}\nd: {<<: *x, c: 3}', { a: { b: 1, c: 2 }, d: { b: 1, c: 3 } }],
    ['d: {c: 3, <<: {c: 4, e: 5}}', { d: { c: 3, e: 5 } }],
    ['d: {<<: [{a: 1}, {a: 2, b: 2}]}', { d: { a: 1, b: 2 } }],
    ['"<<": 1', { '<<': 1 }],
    ['\ufeffa: 1', { a: 1 }],
    ['%YAML 1.2\n---\na: 1\n', { a: 1 }],
    ['a: !!str 1', { a: '1' }],
    ['a: 1\r\nb: 2\r\n', { a: 1, b: 2 }],
  ])('%j', (text, expected) => {
    expect(parsed(text).value).toEqual(expected);
  });
});

describe('what it will not read says why', () => {
  test.each([
    ['a: *b', ['1:4 the alias *b stands for nothing: there is no &b before it']],
    ['a: &b {c: *b}', ['1:11 the alias *b is inside what it stands for']],
    ['a: 1\na: 2\na: 3', ['2:1 the key "a" is here twice', '3:1 the key "a" is here twice']],
    ['{a: 1, "a": 2}', ['1:8 the key "a" is here twice']],
    ['a: !foo 1', ['1:4 the tag !foo means nothing here']],
    ['a: !!set {x}', ['1:4 the tag !!set means nothing here']],
    ['? [a]\n: b', ['1:3 a key must be text']],
    ['a: 1\n---\nb: 2', ['2:1 a second YAML document begins here']],
    ['<<: 5', ['1:5 << takes a map, or a list of maps']],
  ])('%j', (text, problems) => {
    const found = parsed(text).problems;
    for (const [index, problem] of problems.entries())
      expect(found[index]?.replace(/^(\d+):\d+/, '$1')).toBe(problem.replace(/^(\d+):\d+/, '$1'));
    expect(found).toHaveLength(problems.length);
  });
});

const lol = (levels: number, of: (name: string) => string): string =>
  ['a0: &a0 [lol]', ...Array.from({ length: levels }, (_, index) => `a${index + 1}: &a${index + 1} ${of(`*a${index}`)}`)].join('\n');

describe('a bomb is refused within 100 ms', () => {
  test.each([
    ['a billion laughs', lol(9, (name) => `[${Array(9).fill(name).join(', ')}]`), 'aliases write out'],
    ['a billion laughs of maps', lol(40, (name) => `{x: ${name}, y: ${name}}`), 'aliases write out'],
    ['a billion laughs of merge keys', lol(30, (name) => `{x: ${name}, <<: {y: ${name}, z: ${name}}}`), 'aliases write out'],
    ['a chain of aliases', lol(300, (name) => `[${name}]`), 'aliases write out'],
    ['flow lists without end', '['.repeat(1_000_000), 'nested more than'],
    ['flow maps without end', '{a: '.repeat(200_000), 'nested more than'],
    ['lists in one line', '- '.repeat(200_000), 'nested more than'],
    ['maps in ever deeper lines', Array.from({ length: 1000 }, (_, index) => `${' '.repeat(index)}a:`).join('\n'), 'nested more than'],
    ['questions in one line', '? '.repeat(200_000), 'nested more than'],
    ['too large a file', `a: ${'x'.repeat(LIMITS.bytes)}`, 'larger than 1 MiB'],
  ])('%s', (_, text, says) => {
    // The fastest of some: other work of the machine is not what is measured.
    const tries = Array.from({ length: 5 }, () => parsed(text));
    expect(tries[0]?.problems[0]).toContain(says);
    expect(Math.min(...tries.map((each) => each.took))).toBeLessThan(100);
  });

  test('and a file that is only long is read in time that grows with its length', () => {
    const lines = (count: number): string => `tunnels:\n${Array.from({ length: count }, (_, index) => `  t${index}: *x`).join('\n')}`;
    const { took, problems } = parsed(`x: &x {a: 1}\n${lines(10_000)}`);
    expect(problems).toEqual([]);
    expect(took).toBeLessThan(5000);
  });
});
