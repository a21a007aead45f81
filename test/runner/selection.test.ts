import { expect, it } from 'vitest';
import { activatedNames, joined, reread, selectionOf } from '../../src/runner/selection.ts';

/** `up` with these names, then with those …; `*` is none. */
const after = (...ups: readonly string[]) => {
  const [first = '*', ...rest] = ups.map((names) => (names === '*' ? [] : names.split(' ')));
  return rest.reduce((selection, names) => joined(selection, names, false), selectionOf(first === '*' ? [] : [...first], false));
};

it.each<[readonly string[], readonly string[] | null, readonly string[]]>([
  [['*'], null, []],
  [['web'], ['web'], ['web']],
  [
    ['web', 'db web'],
    ['web', 'db'],
    ['web', 'db'],
  ],
  [['web', '*'], null, []],
  [['*', 'debug'], null, ['debug']],
  [['*', 'debug', '*'], null, ['debug']],
])('after %j only %j run, and %j are activated', (ups, only, activated) => {
  expect(after(...ups).only).toEqual(only);
  expect(activatedNames(after(...ups))).toEqual(activated);
});

it('a later command line takes the place of the earlier one, and its profiles join those that are active', () => {
  const load = { cwd: '/p', files: ['a.yaml'], profiles: ['b'], envFiles: [] };
  const once = reread(selectionOf(['web'], false), load, ['a']);
  expect(once).toEqual({ only: ['web'], activated: [], noDeps: false, load: { ...load, profiles: ['a', 'b'] } });
  const twice = reread(joined(once, [], false), { ...load, files: [], profiles: ['c', 'a'] }, ['ignored']);
  expect(twice).toEqual({ only: null, activated: [], noDeps: false, load: { ...load, files: [], profiles: ['a', 'b', 'c'] } });
});
