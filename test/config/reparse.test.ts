import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { Lexer } from 'yaml';
import { LIMITS } from '../../src/config/limits.ts';
import { toPlain, type Node } from '../../src/config/node.ts';
import { parse, type Parsed } from '../../src/config/parse.ts';
import { Problems } from '../../src/config/problems.ts';
import { reparse } from '../../src/config/reparse.ts';
import { createSource, rangeOf, type Span } from '../../src/config/source.ts';

/** Null where something is wrong with it. */
function whole(text: string): Parsed | null {
  const problems = new Problems();
  const parsed = parse(createSource('f', text), problems);
  return problems.failed ? null : parsed;
}

/** Values and places, as anything that is told of them would have them. */
function seen({ source, root }: Parsed): unknown {
  const place = (span: Span): unknown => [span.source === source, rangeOf(span), source.text.slice(span.start, span.end).trimEnd()];
  const all = (node: Node): unknown => {
    const about = [place(node.span), node.directive ?? null];
    if (node.kind === 'scalar') return [...about, node.value, node.written];
    if (node.kind === 'list') return [...about, node.items.map(all)];
    return [...about, [...node.entries].map(([name, { key, value }]) => [name, place(key), all(value)])];
  };
  return all(root);
}

/** Null where it was left to parse(); else it has to be what that gives. */
function edited(before: Parsed, after: string): Parsed | null {
  const read = reparse(before, createSource('f', after));
  if (!read || read === before) return read;
  const all = whole(after);
  const texts = [before.source.text, after];
  expect([...texts, read.isPlain, seen(read)]).toEqual([...texts, all?.isPlain, all && seen(all)]);
  return read;
}

const PAD = `pad: "${'p'.repeat(5_000)}"\n`;

const fromTo = (before: string, after: string): Parsed | null => {
  const parsed = whole(before);
  expect(parsed).not.toBeNull();
  return parsed && edited(parsed, after);
};

const MANY = Array.from({ length: 20 }, (_, index) => `  t${index}:\n    type: local\n    ingress: ${9000 + index}\n`);
const FILE = `name: x\nhosts:\n  a: {port: 1}\n  b: {port: 2}\n  c: {port: 3}\ntunnels:\n${MANY.join('')}`;

describe('of an edit only the entries around it are parsed', () => {
  test.each([
    ['a value', FILE.replace('9010', '9999')],
    ['a value that becomes longer', FILE.replace('9010', '127.0.0.1:9999')],
    ['a value that becomes a map of lines', FILE.replace('ingress: 9010', 'ingress:\n      x: 1\n      y: [2]')],
    ['a value that goes', FILE.replace('ingress: 9010', 'ingress:')],
    ['a key', FILE.replace('  t10:', '  other:')],
    ['a quoted key', FILE.replace('  t10:', '  "t 10":')],
    ['a new entry', FILE.replace('  t10:', '  new: {type: local}\n  t10:')],
    ['a new entry with a comment above', FILE.replace('  t10:', '  # it is new\n  new: {type: local}\n  t10:')],
    ['an entry that goes', FILE.replace(MANY[10] ?? '', '')],
    ['two entries that go', FILE.replace(`${MANY[10]}${MANY[11]}`, '')],
    ['two entries that change places', FILE.replace(`${MANY[10]}${MANY[11]}`, `${MANY[11]}${MANY[10]}`)],
    ['the first entry', FILE.replace('9000', '9999')],
    ['the first entry goes', FILE.replace(MANY[0] ?? '', '')],
    ['the last entry', FILE.replace('9019', '9999')],
    ['blank lines at the end', `${FILE}\n\n`],
    ['the end is marked', `${FILE}...\n`],
    ['a new entry at the end', `${FILE}  new: {type: local}\n`],
    ['a new entry at the end without an end of line', `${FILE}  new: {type: local}`],
    ['the last entry goes', FILE.replace(MANY[19] ?? '', '')],
    ['a blank line', FILE.replace('  t10:', '\n  t10:')],
    ['a comment', FILE.replace('  t10:', '  # the tenth\n  t10:')],
    ['a comment at a value', FILE.replace('9010', '9010 # the tenth')],
    ['an entry that is made a comment', FILE.replace(MANY[10] ?? '', (MANY[10] ?? '').replaceAll(/^(?=.)/gm, '#'))],
    ['an entry of another map', FILE.replace('port: 2', 'port: 9')],
    ['a map above', FILE.replace('name: x', 'name: y')],
    ['text of more than one line', FILE.replace('9010', '|\n      a\n\n      b')],
  ])('%s', (_, after) => {
    const read = fromTo(FILE, after);
    expect(read).not.toBeNull();
    expect(read?.lexemes).toBeLessThan((whole(FILE)?.lexemes ?? 0) * 1.5);
  });

  test('one edit after another', () => {
    let before = whole(FILE);
    for (let index = 0; index < 20 && before; index += 1) {
      const text = before.source.text;
      before = edited(before, text.replace(`ingress: ${9000 + index}`, `ingress: "${index}"\n    egress: db:${index}`));
    }
    expect(before && toPlain(before.root)).toHaveProperty('tunnels.t19.egress', 'db:19');
  });

  test('what is the same is taken as it is', () => {
    const before = whole(FILE);
    expect(before && reparse(before, createSource('f', FILE))).toBe(before);
  });
});

describe('what is not plainly so is left to parse()', () => {
  const inserted = (text: string): string => FILE.replace('9010', text);
  test.each([
    ['something is wrong with it', FILE, inserted('[1')],
    ['a name is there twice', FILE, FILE.replace('  t10:', '  t11:')],
    ['a name is there twice, far away', FILE, FILE.replace('  t10:', '  t2:')],
    ['there is an anchor now', FILE, inserted('&a 1')],
    ['there is an alias now', FILE, inserted('*a')],
    ['there is a tag now', FILE, inserted('!reset')],
    ['there is a merge key now', FILE, FILE.replace('    ingress: 9010', '    <<: {x: 1}')],
    ['there was an anchor elsewhere', FILE.replace('9001', '&a 9001'), FILE.replace('9001', '&a 9001').replace('9010', '9999')],
    ['there was a directive', `%YAML 1.2\n---\n${FILE}`, `%YAML 1.2\n---\n${inserted('9999')}`],
    ['a quote is left open', FILE, inserted('"9010')],
    ['the line before is lengthened', FILE, FILE.replace('9010\n', '9010')],
    ['a document ends', FILE, FILE.replace('  t10:', '...\n  t10:')],
    ['a document begins', FILE, FILE.replace('tunnels:', '---\ntunnels:')],
    ['a tab indents', FILE, FILE.replace('    ingress: 9010', '\t    ingress: 9010')],
    ['it is further to the right', FILE, FILE.replace('  t10:', '   t10:')],
    ['the first key of a map is further down', FILE, FILE.replace('  t0:', '\n\n  t0:')],
    ['a comment is before the first key of a map', FILE, FILE.replace('  t0:', '  # a comment\n  t0:')],
    ['the last line is a comment', FILE, `${FILE}# end\n`],
    ['all of it is another', FILE, 'a: 1\n'],
    ['nothing is left', FILE, ''],
    ['what comes after it is most of the file', FILE, FILE.replace('hosts:', 'x-note: z\nhosts:')],
    ['it is the last of its map, and something follows', FILE, FILE.replace('port: 3', 'port: 9')],
    ['it was no map', '- a\n- b\n- c\n- d\n', '- a\n- x\n- c\n- d\n'],
    // Its value is what the comma ends, and not `9,`.
    ['it is a flow map', `x: {\n  a: 1,\n  b: 2,\n  c: 3,\n  d: 4\n }\n${PAD}`, `x: {\n  a: 1,\n  b: 9,\n  c: 3,\n  d: 4\n }\n${PAD}`],
    ['what is before it is no blank', `${PAD}x:\n k: 1\n`, `${PAD}x:\n\uFEFFk: 1\n`],
    ['it is further to the left', `${PAD}x:\n k: 1\n`, `${PAD}x:\nk: 1\n`],
    ['it begins with a byte order mark', `\uFEFF${FILE}`, `\uFEFF${inserted('9999')}`],
    ['it is before the first key', `# one\n${FILE}`, `# two\n${FILE}`],
    ['the next key is far from its mark', `a: 1\nb: 1\n?\n   c\n: 1\nd: 1\n${PAD}`, `a: 1\nb: 1\n? x\n   c\n: 1\nd: 1\n${PAD}`],
    ['the line after is a comment now', `a: 1\nb: 1\nc: 1\nd: 1\n${PAD}`, `a: 1\nb: 1 #c: 1\nd: 1\n${PAD}`],
  ])('%s', (_, before, after) => {
    expect(fromTo(before, after)).toBeNull();
  });

  test('a text that is too large now', () => {
    const before = `${FILE}pad: "${'p'.repeat(LIMITS.bytes - FILE.length - 20)}"\n`;
    expect(fromTo(before, before.replace('9010', '9999'))).not.toBeNull();
    expect(fromTo(before, before.replace('9010', '127.0.0.1:9999'.repeat(2)))).toBeNull();
  });

  test('a file of another name', () => {
    const before = whole(FILE);
    expect(before && reparse(before, createSource('g', FILE))).toBeNull();
  });

  test('a file that many edits may have made too large', () => {
    const before = whole(FILE);
    const after = createSource('f', inserted('9999'));
    const read = before && reparse(before, after);
    expect(read?.lexemes).toBeGreaterThan(before?.lexemes ?? 0);
    expect(before && reparse({ ...before, lexemes: LIMITS.values }, after)).toBeNull();
  });

  /** Entries `b`, `c` and `d` in maps within maps, each of which goes on after the next; what would be parsed for them is no half of the text. */
  const nested = (levels: number, { b, c }: { readonly b: string; readonly c: string }): string => {
    const indents = Array.from({ length: levels }, (_, level) => ' '.repeat(level));
    const inner = Object.entries({ b, c, d: '1' }).map(([key, value]) => `${' '.repeat(levels)}${key}: ${value}\n`);
    const lines = [...indents.map((indent) => `${indent}a:\n`), ...inner, ...indents.toReversed().map((indent) => `${indent}z: 1\n`)];
    return `${lines.join('')}pad: "${'p'.repeat(5_000 + 2 * b.length)}"\n`;
  };

  test('what is nested in what is nested', () => {
    const nest = (c: string): string => nested(28, { b: '1', c });
    expect(fromTo(nest('1'), nest('2'))).not.toBeNull();
    expect(fromTo(nest('1'), nest('[[[[[[1]]]]]]'))).toBeNull();
    expect(whole(nest('[[[[[[1]]]]]]'))).not.toBeNull();
  });

  test('where what is wrong is within many maps it is not parsed again for each of them', () => {
    const nest = (c: string): string => nested(20, { b: 'b'.repeat(10_000), c });
    const before = whole(nest('1'));
    const lex = vi.spyOn(Lexer.prototype, 'lex');
    try {
      expect(before && reparse(before, createSource('f', nest('[')))).toBeNull();
      expect(lex).toHaveBeenCalledOnce();
    } finally {
      lex.mockRestore();
    }
  });

  test('what is nested deeply', () => {
    const deep = `${'['.repeat(LIMITS.depth - 4)}${']'.repeat(LIMITS.depth - 4)}`;
    expect(fromTo(FILE, inserted(deep))).toBeNull();
    expect(whole(inserted(deep))).not.toBeNull();
  });
});

describe('it gives what parse() gives', () => {
  const good = join(import.meta.dirname, '..', 'corpus', 'good');

  test('for each line of the corpus that goes, is there twice, is a comment, or is indented', () => {
    let read = 0;
    for (const name of readdirSync(good).filter((each) => each.endsWith('.yaml'))) {
      const before = whole(readFileSync(join(good, name), 'utf8'));
      const lines = before?.source.text.split('\n') ?? [];
      for (const [index, line] of lines.entries()) {
        for (const instead of [[], [line, line], [`#${line}`], [` ${line}`], [`${line} x`]]) {
          if (before && edited(before, lines.toSpliced(index, 1, ...instead).join('\n'))) read += 1;
        }
      }
    }
    expect(read).toBeGreaterThan(300);
  });

  /** Blocks of lines with all that makes the end of a line, of a text or of a map hard to see. */
  const scalars = (indent: string): readonly string[] => [
    ' 1',
    ' text',
    ' "q: 1"',
    '',
    ' # nothing',
    ' text # more',
    ` |\n${indent}  line\n${indent}  two`,
    ` |+\n${indent}  line\n\n`,
    ` >-\n${indent}  folded\n${indent}   more`,
    ` plain\n${indent}  goes on`,
    ` "two\n${indent}  lines"`,
    ' [1, 2]',
    ` {\n${indent}  a: 1,\n${indent}  b: 2\n${indent} }`,
    `\n${indent}- a\n${indent}- b: 1`,
    `\n${indent}  - a\n${indent}  - b`,
  ];
  const block = (indent: string, depth: number): fc.Arbitrary<string> =>
    fc
      .array(
        fc.tuple(
          fc.constantFrom('', '', '', '', '? '),
          fc.constantFrom('', '', '', '\n', '# about\n', `${indent}# about\n`),
          depth === 0
            ? fc.constantFrom(...scalars(indent))
            : fc.oneof(
                fc.constantFrom(...scalars(indent)),
                fc.constantFrom('  ', '    ').chain((more) => inner(indent + more, depth - 1)),
              ),
        ),
        { minLength: 1, maxLength: 5 },
      )
      .map((entries) =>
        entries
          .map(([mark, above, value], index) => `${above}${indent}${mark}k${index}${mark === '' ? '' : `\n${indent}`}:${value}\n`)
          .join(''),
      );
  const inner = (indent: string, depth: number): fc.Arbitrary<string> => block(indent, depth).map((text) => `\n${text.replace(/\n$/, '')}`);
  const PIECES = [
    '\n',
    '#',
    "'",
    '"',
    ' |+\n',
    '- ',
    '? ',
    '{',
    '}',
    '&a ',
    '*a',
    '---\n',
    '...\n',
    '\t',
    '\r\n',
    ': ',
    ',',
    '  ',
    '\n  y: 2',
    '1',
    'a',
    'b:',
  ];
  const edit = fc.record({ at: fc.nat(), cut: fc.constantFrom(0, 0, 1, 2, 5, 30), put: fc.constantFrom('', ...PIECES) });

  test('for anything, edited anyhow', () => {
    let read = 0;
    fc.assert(
      fc.property(block('', 3), fc.array(edit, { minLength: 1, maxLength: 6 }), (text, edits) => {
        let before = whole(text);
        for (const { at, cut, put } of edits) {
          if (!before) return;
          const old = before.source.text;
          const from = at % (old.length + 1);
          const after = old.slice(0, from) + put + old.slice(from + cut);
          const next = edited(before, after);
          if (next && next !== before) read += 1;
          before = next ?? whole(after) ?? before;
        }
      }),
      { numRuns: 500 },
    );
    expect(read).toBeGreaterThan(20);
  });
});
