import { expect, it } from 'vitest';
import { activatedNames, alone, joined, nothingOf, withUses, type Selection } from '../../src/runner/selection.ts';

const load = { cwd: '/p', files: ['a.yaml'], profiles: ['a'], envFiles: [] };
const nothing = nothingOf(load);

/** `up` with these names, then with those …; `*` is none, `!` before them is --no-deps. */
const after = (...ups: readonly string[]): Selection =>
  ups.reduce((selection, words) => {
    const names = words.replace('!', '');
    return joined(selection, { names: names === '*' ? [] : names.split(' '), noDeps: words.startsWith('!') });
  }, nothing);

it.each<[readonly string[], readonly string[] | null, readonly string[], readonly string[]]>([
  [['*'], null, [], []],
  [['web'], ['web'], [], ['web']],
  [['web', 'db web'], ['web', 'db'], [], ['web', 'db']],
  [['web', '*'], null, [], []],
  [['*', 'debug'], null, [], ['debug']],
  [['*', 'debug', '*'], null, [], ['debug']],
  [['web', '!git'], ['web'], ['git'], ['web', 'git']],
  [['!git', 'git'], ['git'], ['git'], ['git']],
  [['!git', '*'], null, ['git'], ['git']],
])('after %j only %j run, %j without their needs, and %j are activated', (ups, only, bare, activated) => {
  expect(after(...ups)).toMatchObject({ only, bare });
  expect(activatedNames(after(...ups))).toEqual(activated);
});

it.each(['*', 'web', '!web', 'web git'])('up %s alone is the same as after nothing', (words) => {
  const { only, bare } = after(words);
  const names = words.replace('!', '');
  expect(alone({ names: names === '*' ? [] : names.split(' '), noDeps: words.startsWith('!') })).toEqual({ only, bare });
});

it('a later command line takes the place of the earlier one, and its profiles join those that are active', () => {
  const once = joined(after('web'), { names: ['web'], noDeps: false, load: { ...load, files: ['b.yaml'], profiles: ['b'] } });
  expect(once.load).toEqual({ ...load, files: ['b.yaml'], profiles: ['a', 'b'] });
  expect(joined(once, { names: [], noDeps: false, load: { ...load, files: [], profiles: ['c', 'a'] } }).load).toEqual({
    ...load,
    files: [],
    profiles: ['a', 'b', 'c'],
  });
});

it('what runs meanwhile asks for more, and for its profiles, as long as it does', () => {
  const web = after('web');
  const uses = [
    { names: ['git'], noDeps: true, profiles: [] },
    { names: ['debug'], noDeps: false, profiles: ['b'] },
  ];
  expect(withUses(web, uses)).toEqual({ only: ['web', 'debug'], bare: ['git'], activated: [], load: { ...load, profiles: ['a', 'b'] } });
  expect(withUses(web, [{ names: [], noDeps: false, profiles: [] }]).only).toBeNull();
  expect(withUses(web, [])).toEqual(web);
});
