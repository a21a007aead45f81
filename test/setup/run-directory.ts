/** Global setup: the directory that all test processes of the run share, and the end of what killed runs left. */
import { remove, runDirectory, sweepStale } from '../helpers/scratch.ts';

export function setup(): () => void {
  sweepStale();
  const dir = runDirectory();
  return () => remove(dir);
}
