import { parseEnv } from 'node:util';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { dotenvText } from '../../../src/cli/render/dotenv-text.ts';
import { readAsCompose } from './compose-dotenv.ts';

const written = (value: string): string | null => {
  const file = dotenvText({ V: value });
  return 'text' in file ? file.text : null;
};
const bothRead = (text: string, value: string): boolean => parseEnv(text)['V'] === value && readAsCompose(text) === value;

it.each([
  ['plain', 'V=plain\n'],
  ['127.0.0.1:80', 'V=127.0.0.1:80\n'],
  ['', 'V=\n'],
  ['two words', "V='two words'\n"],
  ['$HOME', "V='$HOME'\n"],
  ['C:\\shop\\', 'V=C:\\shop\\\n'],
  ['two\nlines', "V='two\nlines'\n"],
  ["it's", 'V="it\'s"\n'],
  ["it's\ntwo lines", 'V="it\'s\ntwo lines"\n'],
  ['it\'s "so"', 'V=it\'s "so"\n'],
])('writes %j as it needs to be', (value, text) => {
  expect(written(value)).toBe(text);
  expect(bothRead(text, value)).toBe(true);
});

it.each(["it's $5", 'two\r\nlines', '\'a\' "b"', "# it's \\"])('%j is refused by name: no spelling is read back by both', (value) => {
  expect(dotenvText({ A: 'fine', V: value })).toEqual({ unwritable: ['V'] });
});

const sample = fc.sample(fc.string({ unit: fc.constantFrom(...'\'"$`\\#=- \t\r\n\u0085\u00a0aénr0é✓'.split('')), maxLength: 6 }), {
  numRuns: 5_000,
  seed: 7,
});

it('what is written is read back by node and by compose; what is not could not be, by any quotes', () => {
  let refused = 0;
  for (const value of sample) {
    const text = written(value);
    if (text !== null) expect({ value, isRead: bothRead(text, value) }).toEqual({ value, isRead: true });
    else {
      refused += 1;
      const quoted = [`'${value}'`, `"${value}"`, `\`${value}\``, `"${value.replace(/["$\\]/g, '\\$&')}"`];
      // A backtick that is never closed means nothing to node; but one of the next lines would close it.
      const spellings = value.startsWith('`') ? quoted : [value, ...quoted];
      expect({ value, by: spellings.filter((spelling) => bothRead(`V=${spelling}\n`, value)) }).toEqual({ value, by: [] });
    }
  }
  expect(refused).toBeGreaterThan(500);
  expect(refused).toBeLessThan(sample.length / 2);
});

it('a value does not reach into the next line, whatever is in it', () => {
  const values = Object.fromEntries(sample.filter((value) => written(value) !== null).map((value, index) => [`V${index}`, value]));
  const file = dotenvText(values);
  expect('text' in file && parseEnv(file.text)).toEqual(values);
});
