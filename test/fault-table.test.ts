/** docs/faults.md names the test of each fault: it must be there. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
const rows = readFileSync(join(ROOT, 'docs', 'faults.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| fault |') && !line.startsWith('| ---'))
  .map((line) => line.split('|').map((cell) => cell.trim()));

describe('the table of faults', () => {
  it.each(rows.map(([, fault = '', , measured = '', test = '']) => ({ fault, measured, test })))('$fault', ({ measured, test }) => {
    const file = /^`([\w-]+)`/.exec(test)?.[1] ?? '';
    const names = [...test.matchAll(/"([^"]+)"/g)].map(([, name = '']) => name);
    expect(names.length).toBeGreaterThan(0);
    expect(measured).not.toBe('');
    const source = readFileSync(join(ROOT, 'test', 'e2e', `${file}.test.ts`), 'utf8');
    expect(source).toContain('figure(');
    for (const name of names) expect(source).toContain(name);
  });
});
