import { expect, it } from 'vitest';
import { tunnelsNamed } from '../../src/core/named.ts';

const KNOWN = ['web', 'ports-9000', 'ports-9001', 'ports-x', 'ports', 'db-1-5', 'db-1-6'];

it.each([
  ['web', ['web']],
  ['ports-9001', ['ports-9001']],
  ['ports', ['ports']],
  ['db-1', ['db-1-5', 'db-1-6']],
  ['db', []],
  ['', []],
])('%j means %j', (name, meant) => {
  expect(tunnelsNamed(name, KNOWN)).toEqual(meant);
});

it('a range is meant where nothing has its own name', () => {
  expect(tunnelsNamed('ports', new Set(['ports-9000', 'ports-9001', 'ports-x']))).toEqual(['ports-9000', 'ports-9001']);
});
