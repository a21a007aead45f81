import { expect, it } from 'vitest';
import { objectionTo, OPEN_TO_OTHERS, WRITABLE_BY_OTHERS, type OnDisk } from '../../src/core/ownership.ts';

const ours = { is: 'directory', uid: 1000, mode: 0o40700 } as const;

it.each<[string, Partial<OnDisk>, string | null]>([
  ['ours alone', {}, null],
  ['readable by others, where only writing counts', { mode: 0o40755 }, null],
  ['writable by the group', { mode: 0o40770 }, 'is open to others (mode 0770): chmod'],
  ['writable by all, as /tmp is', { mode: 0o41777 }, 'is open to others (mode 0777): chmod'],
  ["somebody else's", { uid: 0 }, 'belongs to uid 0: remove'],
  ['a link, whoever it belongs to', { is: 'link', uid: 0, mode: 0o120777 }, 'is a symbolic link: unlink'],
  ['a file', { is: 'file', mode: 0o100600 }, 'is not a directory: remove'],
  ['a FIFO', { is: 'other', mode: 0o10600 }, 'is not a directory: remove'],
])('a directory, %s', (_, part, expected) => {
  const found = objectionTo({ ...ours, ...part }, { is: 'directory', uid: 1000, bits: WRITABLE_BY_OTHERS });
  expect(found && `${found.what}: ${found.mend}`).toBe(expected);
});

it.each<[string, Partial<OnDisk>, string | null]>([
  ['ours alone', {}, null],
  ['readable by others, where nothing is allowed', { mode: 0o100644 }, 'is open to others (mode 0644)'],
  ['a directory', { is: 'directory' }, 'is no regular file'],
])('a file, %s', (_, part, expected) => {
  const found = objectionTo({ is: 'file', uid: 1000, mode: 0o100600, ...part }, { is: 'file', uid: 1000, bits: OPEN_TO_OTHERS });
  expect(found?.what ?? null).toBe(expected);
});
