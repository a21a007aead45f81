import { describe, expect, it } from 'vitest';
import { coloured } from '../../../src/cli/render/style.ts';
import { fit, table, visibleWidth } from '../../../src/cli/render/table.ts';

describe('a table', () => {
  it('aligns its columns and leaves no trailing space', () => {
    expect(
      table(
        [
          ['NAME', 'HOST'],
          ['a', 'bastion'],
          ['longer', ''],
        ],
        { width: null },
      ),
    ).toEqual(['NAME    HOST', 'a       bastion', 'longer']);
  });

  it('does not count colour as width', () => {
    const [head, row] = table(
      [
        ['NAME', 'X'],
        [coloured('red', 'ab'), 'y'],
      ],
      { width: null },
    );
    expect(head?.indexOf('X')).toBe(6);
    expect(visibleWidth(row ?? '')).toBe(7);
  });

  it('narrows the widest column to fit, never below eight', () => {
    const rows = table([['name', 'a'.repeat(40)]], { width: 30 });
    expect(rows).toEqual([`name  ${'a'.repeat(23)}…`]);
    expect(table([['name', 'a'.repeat(40)]], { width: 4 })).toEqual([`name  ${'a'.repeat(7)}…`]);
  });

  it.each([
    ['abc', 3, 'abc'],
    ['abcd', 3, 'ab…'],
    ['abcd', 0, ''],
  ])('fits %s into %d', (text, width, expected) => {
    expect(fit(text, width)).toBe(expected);
  });
});
