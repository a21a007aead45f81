import { describe, expect, test } from 'vitest';
import { advantage, draw, place } from '../../bench/picture.mjs';

const row = (more: object) => ({
  id: 'idle.p50',
  group: 'idle',
  title: '64 bytes, p50',
  unit: 'µs',
  better: 'lower',
  goal: {},
  ratio: 0.5,
  medians: { tunnels: 50, ssh: 100 },
  ...more,
});

const picture = (...rows: ReturnType<typeof row>[]) =>
  draw({
    at: '2026-01-02T03:04:05.678Z',
    surroundings: { commit: '0123456789abcdef', versions: { node: '20.0.0', ssh: 'OpenSSH_9.2p1' } },
    rows,
  });

/** WCAG's contrast of two colours. */
function contrast(one: string, other: string): number {
  const luminance = (colour: string): number => {
    const [red = 0, green = 0, blue = 0] = [1, 3, 5]
      .map((from) => Number.parseInt(colour.slice(from, from + 2), 16) / 255)
      .map((share) => (share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

const bars = (svg: string) =>
  [...svg.matchAll(/<rect class="(\w+)" x="([\d.]+)" y="\d+" width="([\d.]+)"/g)].map((match) => match.slice(1));

describe('the picture of the ratios', () => {
  test('to the right is better, whichever way is better', () => {
    expect(advantage({ ratio: 0.5, better: 'lower' })).toBe(2);
    expect(advantage({ ratio: 0.5, better: 'higher' })).toBe(0.5);
    const [[good, from, width] = [], [bad, left] = []] = bars(picture(row({}), row({ better: 'higher' })));
    expect([good, bad]).toEqual(['good', 'bad']);
    expect(Number(from)).toBeCloseTo(place(1), 0);
    expect(Number(from) + Number(width)).toBeCloseTo(place(2), 0);
    expect(Number(left)).toBeCloseTo(place(0.5), 0);
  });

  test('twice and half are as far from ssh, and nothing leaves the picture', () => {
    expect(place(2) - place(1)).toBeCloseTo(place(1) - place(0.5));
    expect(place(1_000)).toBe(place(16));
    expect(place(0)).toBe(place(1 / 16));
  });

  test('shows what has a goal and a counterpart', () => {
    const svg = picture(row({}), row({ goal: undefined }), row({ ratio: null }));
    expect(bars(svg)).toHaveLength(1);
  });

  test('is legible on a light and on a dark page', () => {
    const colours = [...picture(row({})).matchAll(/(text|\.good|\.bad) \{[^}]*fill: (#[0-9a-f]{6})/g)];
    expect(colours).toHaveLength(3);
    for (const [, what, colour = ''] of colours)
      for (const page of ['#ffffff', '#0d1117'])
        expect(contrast(colour, page), `${what} on ${page}`).toBeGreaterThan(what === 'text' ? 4 : 3);
  });

  test('is well-formed, and says its numbers in words', () => {
    const svg = picture(row({ title: 'a < b & c' }));
    expect(svg).toContain('a &lt; b &amp; c');
    expect(svg).toContain('a &lt; b &amp; c: 0.50 times ssh, lower is better');
    const open: string[] = [];
    for (const [, closing, name = '', rest = ''] of svg.matchAll(/<(\/?)([a-z]+)([^>]*)>/g)) {
      if (closing === '/') expect(open.pop()).toBe(name);
      else if (!rest.endsWith('/')) open.push(name);
    }
    expect(open).toEqual([]);
  });
});
