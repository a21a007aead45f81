import { describe, expect, test } from 'vitest';
import { RateMeter } from '../../src/ssh/rate-meter.ts';

const KIB = 1024;

/** All that it says of pieces that come each `everyMs`. */
function rates({ pieces, bytes, everyMs, tripMs }: { pieces: number; bytes: number; everyMs: number; tripMs: number }): number[] {
  const meter = new RateMeter(0);
  const said: number[] = [];
  for (let piece = 0; piece < pieces; piece += 1) {
    const rate = meter.add(bytes, 1_000 + piece * everyMs, tripMs);
    if (rate !== null) said.push(rate);
  }
  return said;
}

describe('it tells the rate', () => {
  test.each([
    { pieces: 200, bytes: 32 * KIB, everyMs: 1, tripMs: 1, each: 10 },
    { pieces: 200, bytes: 32 * KIB, everyMs: 1, tripMs: 50, each: 50 },
    { pieces: 200, bytes: 4 * KIB, everyMs: 1, tripMs: 5, each: 32 },
    { pieces: 50, bytes: 64 * KIB, everyMs: 90, tripMs: 1, each: 180 },
    { pieces: 50, bytes: 64 * KIB, everyMs: 190, tripMs: 100, each: 380 },
  ])('of $bytes bytes each $everyMs ms, each $each ms where a round trip takes $tripMs', ({ each, ...stream }) => {
    const said = rates(stream);
    expect(said.length).toBeGreaterThan(0);
    expect(said.length).toBeCloseTo(((stream.pieces - 1) * stream.everyMs) / each, -1);
    for (const rate of said) expect(rate / (stream.bytes / stream.everyMs)).toBeCloseTo(1, 1);
  });

  test.each([
    { what: 'of a quiet application', pieces: 1_000, bytes: 50, everyMs: 20, tripMs: 10 },
    { what: 'across pauses', pieces: 100, bytes: 200 * KIB, everyMs: 101, tripMs: 10 },
    { what: 'across pauses of more than two round trips', pieces: 100, bytes: 200 * KIB, everyMs: 401, tripMs: 200 },
    { what: 'of one burst', pieces: 30, bytes: 64 * KIB, everyMs: 0.1, tripMs: 1 },
  ])('nothing $what', (stream) => {
    expect(rates(stream)).toEqual([]);
  });

  test('without what came before a pause', () => {
    const meter = new RateMeter(0);
    for (let ms = 0; ms < 9; ms += 1) expect(meter.add(100 * KIB, ms, 1)).toBeNull();
    for (let ms = 500; ms < 510; ms += 1) expect(meter.add(20 * KIB, ms, 1)).toBeNull();
    expect(meter.add(20 * KIB, 510, 1)).toBeCloseTo(20 * KIB, -1);
  });
});
