/** What only one test of the run may have at a time, though files run beside each other: the port that the demo takes. */
import { mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { runSubdirectory } from './scratch.ts';
import { until } from './wait.ts';

/** Waits until nobody has it, at most `ms` (default 90 s), and returns what gives it back. */
export async function turn(name: string, ms = 90_000): Promise<() => void> {
  const held = join(runSubdirectory('turns'), name);
  await until(() => taken(held), { what: `another test to be done with ${name}`, ms, every: 50 });
  return () => rmdirSync(held);
}

/** mkdir(2) makes a directory for one process alone. */
function taken(held: string): boolean {
  try {
    mkdirSync(held);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}
