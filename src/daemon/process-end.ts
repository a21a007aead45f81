/** Waits for a process to have ended. Only ever to be polite: nothing is decided by a pid. */
import { readFile } from 'node:fs/promises';

const LOOK_EVERY = 5;

/** Resolves also when `limitMs` have passed. */
export async function processEnd(pid: number, limitMs: number): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (pid !== process.pid && performance.now() < deadline && (await isRunning(pid))) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY));
  }
}

async function isRunning(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  // One that has ended keeps its pid until somebody asks how; in a container that may be nobody.
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return !/\) [ZX] [^)]*$/.test(stat);
}
