import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { toPlain, type Node } from '../../src/config/node.ts';
import { ParsedFiles } from '../../src/config/parsed-files.ts';
import { Problems } from '../../src/config/problems.ts';
import { createSource } from '../../src/config/source.ts';

const fileOf = (count: number): string =>
  `hosts:\n  a: {hostname: x}\ntunnels:\n${Array.from(
    { length: count },
    (_, index) =>
      `  t${index}:\n    type: local\n    host: a\n    ingress: ${9000 + index}\n    egress: database-${index}.example.com:5432\n`,
  ).join('')}`;
const FILE = fileOf(20);

function read(files: ParsedFiles, name: string, text: string): { readonly root: Node | null; readonly failed: boolean } {
  const problems = new Problems();
  const root = files.parse(createSource(name, text), problems);
  return { root, failed: problems.failed };
}
const tunnels = (root: Node | null): unknown => root?.kind === 'map' && root.entries.get('tunnels')?.value;

test('a text that is the same is not parsed again', () => {
  const files = new ParsedFiles();
  const { root } = read(files, 'f', FILE);
  expect(tunnels(read(files, 'f', FILE).root)).toBe(tunnels(root));
});

test('what is wrong is told each time it is read, and forgotten when it is right', () => {
  const files = new ParsedFiles();
  read(files, 'f', FILE);
  expect(read(files, 'f', FILE.replace('9010', '[')).failed).toBe(true);
  const twice = FILE.replace('  t10:', '  t11:');
  expect(read(files, 'f', twice).failed).toBe(true);
  expect(read(files, 'f', twice).failed).toBe(true);
  const { root, failed } = read(files, 'f', FILE.replace('9010', '9999'));
  expect(failed).toBe(false);
  expect(root && toPlain(root)).toHaveProperty('tunnels.t10.ingress', 9999);
});

test('each file has its own', () => {
  const files = new ParsedFiles();
  const f = read(files, 'f', FILE).root;
  const g = read(files, 'g', FILE).root;
  expect(g?.span.source.name).toBe('g');
  expect(tunnels(read(files, 'f', FILE).root)).toBe(tunnels(f));
  files.keep([createSource('g', '')]);
  expect(tunnels(read(files, 'g', FILE).root)).toBe(tunnels(g));
  expect(tunnels(read(files, 'f', FILE).root)).not.toBe(tunnels(f));
});

test('of a file that is edited on and on no more is kept than of one', () => {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  const files = new ParsedFiles();
  let text = fileOf(500);
  const edited = (index: number): void => {
    // As if it had just been read: what was made of pieces would keep the pieces.
    text = Buffer.from(text.replace(`database-${index}.`, `database-${index}-b.`)).toString();
    expect(read(files, 'f', text).failed).toBe(false);
  };
  const used = (): number => {
    gc();
    return getHeapStatistics().used_heap_size / 1e6;
  };
  for (let index = 0; index < 10; index += 1) edited(index);
  const before = used();
  for (let index = 10; index < 210; index += 1) edited(index);
  // Each edit that kept its text would keep 50 KB.
  expect(used() - before).toBeLessThan(3);
});
