/** Runs in every test file: fails it when it leaves something behind. */
import { afterAll } from 'vitest';
import { baseline, leftovers } from '../helpers/leftovers.ts';
import { sleep } from '../helpers/wait.ts';

const before = baseline();
/** Sockets and processes take a moment to be gone after they were told to. */
const GRACE_MS = 2_000;

// Hooks run last in, first out: registered before the file's own, this one comes after all of them.
afterAll(async () => {
  const deadline = performance.now() + GRACE_MS;
  let left = leftovers(before);
  while (left.length > 0 && performance.now() < deadline) {
    await sleep(25);
    left = leftovers(before);
  }
  if (left.length > 0) throw new Error(`the tests of this file left something behind:\n  ${left.join('\n  ')}`);
});
