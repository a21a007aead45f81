/** Loaded into a program with `node --expose-gc --import`: at SIGUSR2 it collects garbage and writes what is left into $MEMORY_FILE. */
import { renameSync, writeFileSync } from 'node:fs';

const file = process.env.MEMORY_FILE ?? '';
let count = 0;

process.on('SIGUSR2', () => {
  globalThis.gc();
  // What finalizers let go of goes with the second.
  globalThis.gc();
  const { heapUsed, rss, arrayBuffers } = process.memoryUsage();
  count += 1;
  writeFileSync(`${file}~`, JSON.stringify({ count, heapUsed, rss, arrayBuffers }));
  renameSync(`${file}~`, file);
});
