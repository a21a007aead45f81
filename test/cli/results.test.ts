import { PassThrough } from 'node:stream';
import { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { resultsTo } from '../../src/cli/results.ts';

type Stream = Parameters<typeof resultsTo>[0];
const failure = (code: string): NodeJS.ErrnoException => Object.assign(new Error(code), { code });

describe('into a file', () => {
  const file = (): Stream => Object.assign(new PassThrough(), { fd: 7 }) as unknown as Stream;

  it('writes until all of it is there, however little the disk takes at once', () => {
    const written: Uint8Array[] = [];
    const results = resultsTo(file(), (fd, bytes) => {
      expect(fd).toBe(7);
      written.push(bytes.slice(0, 3));
      return Math.min(3, bytes.length);
    });
    results.output.write('grüße and more\n');
    expect(Buffer.concat(written).toString()).toBe('grüße and more\n');
    expect(results.lost).toBeNull();
  });

  it('says what is wrong where there is no more room, and writes nothing more', () => {
    let calls = 0;
    let told = 0;
    const results = resultsTo(file(), () => {
      calls += 1;
      if (calls > 1) throw failure('ENOSPC');
      return 2;
    });
    results.onLost(() => (told += 1));
    results.output.write('results');
    results.output.write('more');
    expect({ calls, told }).toEqual({ calls: 2, told: 1 });
    expect(results.lost).toBe('cannot write the results: no space left on device (ENOSPC)');
  });
});

describe('into a pipe or a terminal', () => {
  const pipe = (isTTY = false): Stream => Object.assign(new Socket(), { fd: 1, isTTY }) as unknown as Stream;

  it('is left to node', () => {
    const stream = pipe();
    expect(resultsTo(stream).output).toBe(stream);
  });

  it.each([
    ['a reader that has gone', 'EPIPE', false, null],
    ['a terminal that has gone', 'EIO', true, null],
    ['a broken device', 'EIO', false, 'cannot write the results: i/o error (EIO)'],
    ['an error nobody knows', 'EWHAT', false, 'cannot write the results: EWHAT (EWHAT)'],
  ] as const)('%s', (_, code, isTTY, lost) => {
    const stream = pipe(isTTY);
    const results = resultsTo(stream);
    let told = 0;
    const unlisten = results.onLost(() => (told += 1));
    stream.emit('error', failure(code));
    unlisten();
    expect({ told, lost: results.lost }).toEqual({ told: 1, lost });
  });
});
