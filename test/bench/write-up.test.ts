import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { draw } from '../../bench/picture.mjs';
import { newestResult, pageFile, pictureFile, withFigures } from '../../bench/write-up.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

describe('the figures in the documentation', () => {
  const { name, result } = newestResult(root);
  const page = readFileSync(pageFile(root), 'utf8');

  test('are those of the newest result that is kept, and nobody typed them in', () => {
    expect(page).toBe(withFigures(page, name, result));
    expect(page).toContain(result.surroundings.commit.slice(0, 10));
  });

  test('and so is the picture', () => {
    expect(readFileSync(pictureFile(root), 'utf8')).toBe(draw(result));
  });

  test('are of a whole run, not of a smoke run', () => {
    expect(result).toMatchObject({ quick: false });
    expect(result.runs).toBeGreaterThanOrEqual(5);
  });

  test('take the place of those before, and nothing else', () => {
    const once = withFigures(page, name, { ...result, at: '2020-01-01T00:00:00Z' });
    expect(once).toContain('2020-01-01');
    expect(withFigures(once, name, result)).toBe(page);
  });

  test('have no place in a page without the marks', () => {
    expect(() => withFigures('# A page\n', name, result)).toThrow('in the page');
  });
});
