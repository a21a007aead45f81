import { expect, test } from 'vitest';
import { Unsent } from '../../src/ssh/unsent.ts';

const buffers = (texts: readonly string[]): Buffer[] => texts.map((text) => Buffer.from(text));

test.each([
  { what: 'a chunk that is longer than a packet is cut', chunks: ['abcdefg'], packets: ['abc', 'def', 'g'] },
  { what: 'small ones are put together', chunks: ['a', 'b', 'cde', 'f'], packets: ['abc', 'def'] },
  { what: 'empty ones are not packets', chunks: ['', 'ab', '', 'cd', ''], packets: ['abc', 'd'] },
  { what: 'nothing is nothing', chunks: ['', ''], packets: [] },
])('$what', ({ chunks, packets }) => {
  const unsent = new Unsent();
  unsent.set(buffers(chunks));
  const taken: string[] = [];
  while (!unsent.isEmpty) taken.push(unsent.take(3).toString());
  expect(taken).toEqual(packets);
});

test('what fills a packet is not copied', () => {
  const unsent = new Unsent();
  const [chunk = Buffer.alloc(0)] = buffers(['abcdef']);
  unsent.set([chunk, ...buffers(['g'])]);
  expect(unsent.take(3).buffer).toBe(chunk.buffer);
  expect(unsent.take(3).byteOffset).toBe(chunk.byteOffset + 3);
});

test('what is cleared is not sent', () => {
  const unsent = new Unsent();
  unsent.set(buffers(['abcdef', 'g']));
  unsent.take(3);
  unsent.clear();
  expect(unsent.isEmpty).toBe(true);
});
