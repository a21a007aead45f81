/** Settings of the JavaScript engine that the moving of bytes wants; for the program only, never where we are somebody's library. */
import { setFlagsFromString } from 'node:v8';

/**
 * Buffers die by the thousand a second while bytes are moved. By default another thread frees them: the allocator then hands out cold
 * pages, and half of the processor time of a transfer is spent on them (docs/performance.md). An engine without a flag ignores it.
 */
const FLAGS = ['--no-concurrent-array-buffer-sweeping', '--no-parallel-scavenge'] as const;

export function freeBuffersAtOnce(): void {
  for (const flag of FLAGS) setFlagsFromString(flag);
}
