import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { commandText, visible } from '../../../src/cli/render/command-text.ts';

it.each<[string, readonly string[], string]>([
  ['plain words', ['pg_isready', '-p', '5432', '--host=db.internal'], 'pg_isready -p 5432 --host=db.internal'],
  ['blanks', ['echo', 'a b'], "echo 'a b'"],
  ['an empty word', ['echo', ''], "echo ''"],
  ['what a shell would read', ['sh', '-c', 'a && $b | `c` > /dev/null'], "sh -c 'a && $b | `c` > /dev/null'"],
  ['a quote', ['echo', "it's"], String.raw`echo 'it'\''s'`],
  ['letters of other alphabets', ['echo', 'größe 大'], "echo 'größe 大'"],
  ['terminal escapes', ['echo', '\u001b[2K\u001b[1Gls'], String.raw`echo $'\x1b[2K\x1b[1Gls'`],
  ['a carriage return, which would overwrite the line', ['rm', '-rf', '/\rls'], String.raw`rm -rf $'/\x0dls'`],
  ['an override of the direction', ['echo', 'a\u202eb'], String.raw`echo $'a\u202eb'`],
  ['what has no width', ['ec\u200bho', '\u2060'], String.raw`$'ec\u200bho' $'\u2060'`],
  ['a blank that is none', ['ls\u00a0-l'], String.raw`$'ls\xa0-l'`],
  ['characters beyond the first plane', ['\u{e0041}'], String.raw`$'\U000e0041'`],
  ['quotes and backslashes beside them', ["'\\\u0007"], String.raw`$'\'\\\x07'`],
])('%s', (_, argv, text) => {
  expect(commandText(argv)).toBe(text);
});

describe('what is shown is what runs: bash reads it as the same words', () => {
  const WORDS = ['a b', "it's", '\u001b[1m', 'a\u202eb\\', '', '$HOME', 'line\nbreak', '\u{e0041}', 'tab\there', '*'];
  it.runIf(spawnSync('bash', ['-c', 'true']).status === 0)('all of them', () => {
    const script = `printf '%s\\0' ${commandText(WORDS)}`;
    const { stdout } = spawnSync('bash', ['-c', script], {
      encoding: 'utf8',
      env: { LANG: 'C.UTF-8', LC_ALL: 'C.UTF-8', PATH: process.env['PATH'] ?? '' },
    });
    expect(stdout.split('\0').slice(0, -1)).toEqual(WORDS);
  });
});

it('text that is no command keeps its blanks and shows the rest', () => {
  expect(visible('my file\u001b[1m.yaml')).toBe(String.raw`my file\x1b[1m.yaml`);
});
