import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { jsonText, shellText } from '../../../src/cli/render/exports-text.ts';

/** What a process that sh starts after eval finds in its environment. */
function throughShell(variables: Record<string, string>): Record<string, string> {
  const print = 'process.stdout.write(JSON.stringify(process.argv.slice(1).map((name) => process.env[name])))';
  const script = 'eval "$1"; shift; exec "$@"';
  const names = Object.keys(variables);
  const { stdout } = spawnSync('sh', ['-c', script, 'sh', shellText(variables), process.execPath, '-e', print, ...names], {
    encoding: 'utf8',
  });
  const values = JSON.parse(stdout) as string[];
  return Object.fromEntries(names.map((name, index) => [name, values[index] ?? '']));
}

const named = (values: readonly string[]): Record<string, string> => Object.fromEntries(values.map((value, index) => [`V${index}`, value]));
// An environment has no NUL, and no halves of characters.
const sample = fc.sample(fc.string({ unit: fc.constantFrom(...'\'"$`\\!*?~#;&|<>(){}[] \t\n=-aé✓%'.split('')) }), {
  numRuns: 300,
  seed: 7,
});

it('any value survives eval in sh', () => {
  expect(throughShell(named(sample))).toEqual(named(sample));
});

it('json is one object', () => {
  expect(JSON.parse(jsonText({ A: '1', B: '"' }))).toEqual({ A: '1', B: '"' });
});
