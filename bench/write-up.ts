/** A kept result in the documentation: no figure there is typed in. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { draw } from './picture.mjs';
import type { Result } from './result.ts';
import { describeSurroundings } from './surroundings.ts';
import { table } from './table.ts';

const BEGIN = '<!-- from bench/results, by npm run bench -- --write-up -->';
const END = '<!-- end of the figures -->';

/** The page with the table of `result` between its marks. Throws where it has none. */
export function withFigures(page: string, name: string, result: Result): string {
  const [before, rest] = page.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new Error(`there is no ${BEGIN} … ${END} in the page`);
  const { at, runs, rows, surroundings } = result;
  const about = `[${name}](../bench/results/${name}), ${at.slice(0, 10)}, at least ${runs} runs of each:`;
  return `${before}${BEGIN}\n\n${about}\n\n\`\`\`text\n${describeSurroundings(surroundings)}\n\n${table(rows).trimEnd()}\n\`\`\`\n\n${END}${after}`;
}

/** The newest one that is kept. */
export function newestResult(root: string): { readonly name: string; readonly result: Result } {
  const folder = join(root, 'bench', 'results');
  const name = readdirSync(folder)
    .filter((each) => each.endsWith('.json'))
    .sort()
    .at(-1);
  if (name === undefined) throw new Error(`there is no result in ${folder}: npm run bench -- --save`);
  return { name, result: JSON.parse(readFileSync(join(folder, name), 'utf8')) as Result };
}

export const pageFile = (root: string): string => join(root, 'docs', 'performance.md');
export const pictureFile = (root: string): string => join(root, 'docs', 'performance.svg');

export function writeUp(root: string): void {
  const { name, result } = newestResult(root);
  writeFileSync(pageFile(root), withFigures(readFileSync(pageFile(root), 'utf8'), name, result));
  writeFileSync(pictureFile(root), draw(result));
  process.stderr.write(`${pageFile(root)} and ${pictureFile(root)}, from ${name}\n`);
}
